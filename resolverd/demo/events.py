"""What the demo tells, in the order it happens; `show` turns each into text or JSON.

Times (`at`) are seconds since the kill. A `Client` is a city as the daemon sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

from resolverd.demo.ask import Answer


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A simulated endpoint: its region, where it is probed, and its process."""

    region: str
    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything runs; `seconds` is how long that took."""

    name: str
    server: str
    port: int
    endpoints: tuple[Endpoint, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """A city's answer while all is well; `pins` are the residency rules that hold for it."""

    city: str
    client: str
    answer: Answer
    pins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placements:
    """Which region each city gets. `countries_only`: the database knows no cities."""

    rows: tuple[Row, ...]
    countries_only: bool


@dataclass(frozen=True, slots=True)
class Hints:
    """How to go on by hand."""

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
    reason: str


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
    """Nothing new yet; for the progress line only."""

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
class Staying:
    """It runs until it is told to stop."""

    config: str


Event = Ready | Placements | Hints | Killed | Health | Change | Restarted | Waiting | Kept | Staying
