"""What is logged of regions and services at each new Steering: what, at which level, how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from resolverd.config.fences import FenceSize
from resolverd.health.overrides import Override, OverrideKind
from resolverd.health.verdict import UNKNOWN, State
from resolverd.snapshot.model import JudgedRegion
from resolverd.snapshot.transitions import TransitionLog
from resolverd.snapshot.unserved import Outages

UP, DOWN = replace(UNKNOWN, state=State.UP), replace(UNKNOWN, state=State.DOWN)
AWAY = replace(DOWN, override=Override(OverrideKind.DRAIN, "ann", "a new kernel", 0.0))
CHAT = FenceSize("chat", (), ("east", "west"), 1)
PIN = FenceSize("chat", ("eu",), ("west",), 0)
FENCES = [CHAT, PIN]


def judged(**verdicts: Any) -> Mapping[str, JudgedRegion]:
    """Regions of one endpoint, which is as the region is."""
    return {
        name: JudgedRegion(name, name, ("chat",), verdict, {f"{name}-1": verdict})
        for name, verdict in verdicts.items()
    }


class Transitions:
    """A log to which each Steering is recorded with its outages, as a publication does."""

    def __init__(self) -> None:
        self.log, self._outages = TransitionLog(), Outages()

    def record(self, regions: Mapping[str, JudgedRegion], fences: Sequence[FenceSize]) -> None:
        self._outages = self._outages.updated(fences, regions.values())
        self.log.record_regions(regions, self._outages)


@pytest.fixture
def events() -> Iterator[list[Any]]:
    """What is logged."""
    with capture_logs() as captured:
        yield captured


def said(events: list[Any]) -> list[tuple[str, str, str]]:
    """Level, event, and of what; what was said is forgotten."""
    found = [
        (e["log_level"], e["event"], e.get("region") or f"{e['service']}/{e['pin']}")
        for e in events
    ]
    events.clear()
    return found


def test_a_region_that_is_dead_at_the_start_is_a_warning_once(events: list[Any]) -> None:
    changes = Transitions()
    for _ in range(2):
        changes.record(judged(east=UP, west=DOWN), [CHAT])
    assert said(events) == [("warning", "region.state", "west")]
    assert not changes.log.regions, "a first verdict is no change"


@pytest.mark.parametrize("endpoints", [{}, {"west-1": AWAY}])
def test_what_an_operator_or_the_hours_withdraw_is_no_warning(
    events: list[Any], endpoints: dict[str, Any]
) -> None:
    changes = Transitions()
    changes.record(judged(east=UP, west=UP), [CHAT])
    drained = JudgedRegion("west", "west", ("chat",), DOWN if endpoints else AWAY, endpoints)
    changes.record({**judged(east=UP), "west": drained}, [CHAT])
    assert said(events) == [("info", "region.state", "west")]


def test_the_last_region_of_a_service_is_named_before_all_else_and_its_pins_are_not(
    events: list[Any],
) -> None:
    changes = Transitions()
    changes.record(judged(east=UP, west=UP), FENCES)
    changes.record(judged(east=DOWN, west=DOWN), FENCES)
    assert said(events) == [
        ("error", "service.unserved", "chat/"),
        ("warning", "region.state", "east"),
        ("warning", "region.state", "west"),
    ]
    changes.record(judged(east=UP, west=DOWN), FENCES)
    assert ("error", "service.unserved", "chat/eu") in (back := said(events))
    assert ("info", "service.served", "chat/") in back


def test_a_pin_that_was_named_is_not_called_served_while_its_service_falls_too(
    events: list[Any],
) -> None:
    changes = Transitions()
    changes.record(judged(east=UP, west=UP), FENCES)
    services = []
    for east, west in ((UP, DOWN), (DOWN, DOWN), (UP, DOWN), (UP, UP)):
        changes.record(judged(east=east, west=west), FENCES)
        services.append([of for _, event, of in said(events) if event.startswith("service.")])
    assert services == [["chat/eu"], ["chat/"], ["chat/"], ["chat/eu"]]


def test_an_edit_of_a_fence_is_judged_at_once_and_says_what_it_fixes(events: list[Any]) -> None:
    changes = Transitions()
    regions = judged(east=UP, west=DOWN)
    changes.record(regions, FENCES)
    said(events)
    changes.record(regions, [CHAT, FenceSize("chat", ("eu",), ("east", "west"), 1)])
    assert said(events) == [("info", "service.served", "chat/eu")]
    changes.record(regions, FENCES)
    assert said(events) == [("error", "service.unserved", "chat/eu")]
    changes.record(regions, [CHAT, FenceSize("chat", ("eu",), (), 0)])
    assert said(events) == []
