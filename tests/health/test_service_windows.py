"""Hours of service as drains: what they foresee, when to delay again, and a clock that is set."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.hours import Hours, OpenPeriod, parse_span
from resolverd.health.service_windows import CHECK_INTERVAL, ServiceWindows
from resolverd.health.verdict import State, Verdict, overridden

HOURS = Hours([parse_span("mon-fri 06:00-22:00")], ZoneInfo("Asia/Tokyo"), "mon-fri 06:00-22:00")
# Wednesday, 21:00 in Tokyo.
EVENING = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
CLOSES = EVENING + 3600
TTL = 60.0
NOW = 500.0
UP = Verdict(State.UP, None, "HTTP 200", math.inf, State.UP, probed_at=NOW - 3)


@pytest.mark.parametrize("left", [3600.0, 81.0, 80.0, 59.0, 5.0, 0.25])
def test_the_end_of_hours_is_foreseen_once_it_is_within_a_ttl(left: float) -> None:
    window = ServiceWindows({"tokyo": HOURS}).at(NOW, CLOSES - left)["tokyo"]
    assert window.open
    verdict = window.with_boundary(UP, NOW, TTL)
    assert verdict.serves
    near = left <= TTL + 2 * CHECK_INTERVAL
    assert verdict.no_flip_before == pytest.approx(NOW + left if near else math.inf)


def test_trouble_that_may_come_sooner_is_not_put_off() -> None:
    suspect = Verdict(State.SUSPECT, None, "HTTP 500", 2.0, State.SUSPECT, probed_at=NOW)
    window = ServiceWindows({"tokyo": HOURS}).at(NOW, CLOSES - 30)["tokyo"]
    assert window.with_boundary(suspect, NOW, TTL).no_flip_before == NOW + 2.0


def test_outside_its_hours_it_is_drained_by_schedule_until_they_begin() -> None:
    window = ServiceWindows({"tokyo": HOURS}).at(NOW, CLOSES + 60)["tokyo"]
    override = window.override
    assert override is not None
    assert (override.kind, override.who) == ("drain", "schedule")
    assert override.why == "outside its hours: mon-fri 06:00-22:00 Asia/Tokyo"
    assert override.set_at == pytest.approx(NOW - 60)
    assert override.until == pytest.approx(NOW + 8 * 3600 - 60)
    drained = window.with_boundary(overridden(UP, override, NOW), NOW, TTL)
    assert not drained.serves
    assert math.isinf(drained.no_flip_before), "all night nothing changes, and steering may rest"


def test_only_a_region_with_hours_is_ever_closed() -> None:
    windows = ServiceWindows({"tokyo": HOURS})
    assert windows.closed("tokyo", CLOSES + 60)
    assert not windows.closed("tokyo", EVENING)
    assert not windows.closed("osaka", CLOSES + 60)


def test_an_operators_word_is_left_alone() -> None:
    windows = ServiceWindows({"tokyo": HOURS})
    held = overridden(UP, windows.at(NOW, CLOSES + 60)["tokyo"].override, NOW)
    window = windows.at(NOW, CLOSES - 30)["tokyo"]
    assert window.with_boundary(held, NOW, TTL) == held


@pytest.mark.parametrize(
    "spans",
    [
        ["00:00-24:00"],
        ["mon-fri 00:00-24:00", "sat,sun 00:00-24:00"],
        ["mon-fri 06:00-22:00"],
        ["06:00-22:00", "22:00-06:00"],
    ],
    ids=" and ".join,
)
def test_a_window_is_reckoned_once_and_again_once_the_clock_has_left_it(
    monkeypatch: pytest.MonkeyPatch, spans: list[str]
) -> None:
    reckoned: list[float] = []
    reckon = Hours.window

    def counted(hours: Hours, at: float) -> OpenPeriod:
        reckoned.append(at)
        return reckon(hours, at)

    monkeypatch.setattr(Hours, "window", counted)
    windows = ServiceWindows({"tokyo": Hours([*map(parse_span, spans)], ZoneInfo("Asia/Tokyo"))})
    for second in range(50):
        assert not windows.closed("tokyo", EVENING + second)
        assert windows.at(NOW + second, EVENING + second)["tokyo"].open
        windows.next_check(NOW + second, EVENING + second)
    assert len(reckoned) == 1
    windows.closed("tokyo", EVENING + 7 * 86400)
    windows.closed("tokyo", EVENING - 21 * 86400)
    assert len(reckoned) == 3


@given(st.lists(st.floats(-30 * 86400, 30 * 86400), min_size=1, max_size=20))
def test_a_clock_that_is_set_to_and_fro_is_obeyed_at_every_look(steps: list[float]) -> None:
    """Windows that were reckoned before may not outlive the clock that they were reckoned by."""
    windows = ServiceWindows({"tokyo": HOURS})
    for now, step in enumerate(steps):
        wall = EVENING + step
        assert windows.at(float(now), wall)["tokyo"].open == HOURS.open(wall)


@pytest.mark.parametrize(("left", "delay"), [(3600.0, CHECK_INTERVAL), (4.0, 4.0)])
def test_it_is_looked_at_again_at_the_boundary_and_often_before(left: float, delay: float) -> None:
    windows = ServiceWindows({"tokyo": HOURS})
    assert windows.next_check(NOW, CLOSES - left) == pytest.approx(NOW + delay)
    assert ServiceWindows({}).next_check(NOW, EVENING) is None
