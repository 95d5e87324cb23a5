"""The lines of `resolverd demo --json`, one object each; `at` is seconds since the first fault."""

from __future__ import annotations

from typing import Literal

from resolverd.admin.documents.base import Document, Part, key

_AT = "Seconds since the first fault."


class DemoEndpointPart(Part):
    """A simulated endpoint."""

    region: str = key("Its region.")
    url: str = key("Where it is probed.")
    pid: int = key("Its process.")
    control: str = key("Where it is made to fail.")
    port_in_use: int | None = key("Its usual port, where that was in use; else null.")


class DemoReadyLine(Document):
    """Everything runs."""

    event: Literal["ready"] = key("Kind of line.")
    name: str = key("The hostname that is asked for.")
    server: str = key("Address of the daemon.")
    port: int = key("Port of the daemon.")
    endpoints: list[DemoEndpointPart] = key("The simulated endpoints.")
    seconds: float = key("Seconds until everything ran.")
    engine: str = key("The engine that answers.")
    why_not_native: str = key(
        "Why that is not the native one; empty where it is, or is not wanted."
    )
    port_in_use: int | None = key("The daemon's usual port, where that was in use; else null.")


class DemoAnswerPart(Part):
    """An answer of the daemon."""

    region: str = key("The region answered.")
    address: str = key("Its address.")
    ttl: int = key("TTL, seconds.")
    scope: int = key("SCOPE PREFIX-LENGTH, bits.")
    note: str = key("Text of the extended error; empty where there is none.")


class DemoRowPart(Part):
    """A city's answer while all is well."""

    city: str = key("The city.")
    client: str = key("The prefix that stands for it.")
    answer: DemoAnswerPart = key("Its answer.")
    pins: list[str] = key("Pins that hold for it.")


class DemoPlacementsLine(Document):
    """Which region each city gets."""

    event: Literal["placements"] = key("Kind of line.")
    rows: list[DemoRowPart] = key("The cities.")
    embedded: bool = key("Whether the embedded city table places them.")


class DemoHintsLine(Document):
    """How to go on by hand."""

    event: Literal["hints"] = key("Kind of line.")
    dig: str = key("A command that asks the daemon.")
    files: list[str] = key("Files that it serves.")


class DemoKilledLine(Document):
    """The region's processes are gone."""

    event: Literal["killed"] = key("Kind of line.")
    region: str = key("The region.")
    pids: list[int] = key("Its processes.")
    cities: list[str] = key("Cities that it served.")


class DemoHealthLine(Document):
    """What probes say of a region has changed."""

    event: Literal["health"] = key("Kind of line.")
    at: float = key(_AT)
    region: str = key("The region.")
    state: str = key("Its state.")
    condition: str = key("What the last probe saw beyond success and failure; empty for nothing.")
    reason: str = key("Why.")


class DemoScheduleLine(Document):
    """What is going to fail."""

    event: Literal["schedule"] = key("Kind of line.")
    faults: list[str] = key("The faults as they were asked for.")


class DemoFailingLine(Document):
    """A fault has begun."""

    event: Literal["failing"] = key("Kind of line.")
    at: float = key(_AT)
    region: str = key("The region.")
    fault: str = key("The fault.")
    meaning: str = key("What shows of it.")
    withdraws: bool = key("Whether the region is to be taken out.")
    cities: list[str] = key("Cities that are served there.")


class DemoClearedLine(Document):
    """A fault is over."""

    event: Literal["cleared"] = key("Kind of line.")
    at: float = key(_AT)
    region: str = key("The region.")
    fault: str = key("The fault.")


class DemoSharesLine(Document):
    """What a region sends on, or takes, has changed."""

    event: Literal["shares"] = key("Kind of line.")
    at: float = key(_AT)
    region: str = key("The region.")
    spill_ratio: float = key("Share of its clients that it sends on, 0 to 1.")
    accept_ratio: float = key("Share of others' clients up to which it takes those, 0 to 1.")
    saturation: float | None = key("Saturation: 1 is just full, null is unknown.")


class DemoChangeLine(Document):
    """The answer of some cities has changed."""

    event: Literal["change"] = key("Kind of line.")
    at: float = key(_AT)
    cities: list[str] = key("The cities.")
    before: str = key("The region before.")
    after: str = key("The region now.")
    ttl_before: int = key("TTL before, seconds.")
    ttl_after: int = key("TTL now, seconds.")


class DemoRestartedLine(Document):
    """The region runs again."""

    event: Literal["restarted"] = key("Kind of line.")
    at: float = key(_AT)
    region: str = key("The region.")
    pids: list[int] = key("Its processes.")


class DemoKeptLine(Document):
    """Every promise was kept."""

    event: Literal["kept"] = key("Kind of line.")
    at: float = key(_AT)
    region: str = key("The region that was killed.")
    moved: list[str] = key("Cities that moved, and came home.")
    steady: list[str] = key("Cities with one answer and TTL all along.")
    pinned: list[str] = key("Cities that a pin kept.")
    warned_at: float | None = key(
        "When the first TTL fell, seconds since the kill; null: none did."
    )
    moved_at: float = key("When the last city had moved, seconds since the kill.")
    home_at: float = key("When the last city was home, seconds since the kill.")
    answers: int = key("Answers that were judged.")


class DemoFaultPart(Part):
    """How one fault went; times are seconds since the first fault, null where it did not happen."""

    region: str = key("The region.")
    fault: str = key("The fault.")
    began_at: float = key("When it began.")
    out_at: float | None = key("When no city that could go elsewhere was served there.")
    spilled_at: float | None = key("When the region began to send clients on.")


class DemoEnduredLine(Document):
    """Every promise was kept through these faults."""

    event: Literal["endured"] = key("Kind of line.")
    at: float = key(_AT)
    faults: list[DemoFaultPart] = key("The faults.")
    moved: list[str] = key("Cities that moved, and came home.")
    steady: list[str] = key("Cities with one answer and TTL all along.")
    stuck: list[str] = key("Cities that may go nowhere else.")
    home_at: float = key("When the last city was home.")
    answers: int = key("Answers that were judged.")


class DemoStayingLine(Document):
    """It runs until it is told to stop."""

    event: Literal["staying"] = key("Kind of line.")
    config: str = key("The configuration that is served.")
    control: str = key("Where some region is made to fail.")


LINES: tuple[type[Document], ...] = (
    DemoReadyLine,
    DemoPlacementsLine,
    DemoHintsLine,
    DemoKilledLine,
    DemoScheduleLine,
    DemoFailingLine,
    DemoClearedLine,
    DemoHealthLine,
    DemoSharesLine,
    DemoChangeLine,
    DemoRestartedLine,
    DemoKeptLine,
    DemoEnduredLine,
    DemoStayingLine,
)
