"""The demo's events, in the order they happen; `show` turns each into text or JSON.

Times (`at`) are seconds since the kill. A `Client` is a city as the daemon sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

from resolverd.demo.ask import Answer


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A simulated endpoint: where it is probed and made to fail (`control`), and its process.

    `port_in_use` is its shipped port where that was in use, else None.
    """

    region: str
    url: str
    pid: int
    control: str
    port_in_use: int | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything runs; `seconds` is how long that took.

    `engine` answers; `why_not_native` is empty where that is the native one, or was not wanted.
    `port_in_use` is the port that the daemon was to have, where it was in use, else None.
    """

    name: str
    server: str
    port: int
    endpoints: tuple[Endpoint, ...]
    seconds: float
    engine: str
    why_not_native: str = ""
    port_in_use: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A city's answer while all is well; `pins` are the residency rules that hold for it."""

    city: str
    client: str
    answer: Answer
    pins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placements:
    """Which region each city gets. `embedded`: nothing was downloaded to place them."""

    rows: tuple[Row, ...]
    embedded: bool


@dataclass(frozen=True, slots=True)
class Hints:
    """Commands and files to go on with by hand."""

    dig: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Killed:
    """The region's processes are gone; `cities` are those it served."""

    region: str
    pids: tuple[int, ...]
    cities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes say of the region has changed."""

    at: float
    region: str
    state: str
    condition: str
    reason: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is going to fail, as it was asked for."""

    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failing:
    """A fault has begun; `meaning` is what shows of it, `cities` are those served there."""

    at: float
    region: str
    fault: str
    meaning: str
    withdraws: bool
    cities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cleared:
    """A fault was taken back."""

    at: float
    region: str
    fault: str


@dataclass(frozen=True, slots=True)
class Shares:
    """What a region sends on of its clients, or takes of others', has changed: shares from 0 to 1.

    `saturation` is 1 where the region is just full, None where it is unknown.
    """

    at: float
    region: str
    spill_ratio: float
    accept_ratio: float
    saturation: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """The answer of these cities has changed; their regions are equal before and after."""

    at: float
    cities: tuple[str, ...]
    before: str
    after: str
    ttl_before: int
    ttl_after: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """The region runs again."""

    at: float
    region: str
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing has changed yet: for the line of progress only."""

    at: float
    wait_for: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Every promise was kept. `steady` cities gave one answer and TTL all along."""

    at: float
    region: str
    moved: tuple[str, ...]
    steady: tuple[str, ...]
    pinned: tuple[str, ...]
    warned_at: float | None
    moved_at: float
    home_at: float
    answers: int


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """How one fault went.

    `out_at` is when no city that could go elsewhere was served there, `spilled_at` when the region
    began to send clients on.
    """

    region: str
    fault: str
    began_at: float
    out_at: float | None
    spilled_at: float | None


@dataclass(frozen=True, slots=True)
class Endured:
    """Every promise was kept through these faults; `stuck` cities may go nowhere else."""

    at: float
    faults: tuple[FaultOutcome, ...]
    moved: tuple[str, ...]
    steady: tuple[str, ...]
    stuck: tuple[str, ...]
    home_at: float
    answers: int


@dataclass(frozen=True, slots=True)
class Staying:
    """It runs until it is told to stop. `control` is where some region is made to fail."""

    config: str
    control: str


Event = (
    Ready
    | Placements
    | Hints
    | Killed
    | Schedule
    | Failing
    | Cleared
    | Health
    | Shares
    | Change
    | Restarted
    | Waiting
    | Kept
    | Endured
    | Staying
)
