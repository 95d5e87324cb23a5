"""This edge as a landmark: the least handshake of a region, and when it is not believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.geo.distance import great_circle_km
from resolverd.health.connection import WINDOW, Connection
from resolverd.health.outcome import Outcome
from resolverd.rtt.landmark import EdgeTime, edge_times, implausible_reason, landmark

FRANKFURT, TOKYO, VIRGINIA = (50.1, 8.7), (35.7, 139.7), (38.9, -77.4)
REGIONS = {"eu": FRANKFURT, "ap": TOKYO, "us": VIRGINIA}


def connected(*seconds: float, at: float = 0.0) -> Connection:
    known = Connection()
    for connect in seconds:
        known = known.after(Outcome(True, "", connect=connect), at)
    return known


def test_a_region_counts_by_the_least_handshake_with_any_endpoint() -> None:
    connections = [
        ("us", connected(0.095, 0.090)),
        ("us", connected(0.094, at=8.0)),
        ("eu", connected(0.002)),
    ]
    assert edge_times(connections, FRANKFURT, REGIONS, 10.0) == {
        "eu": EdgeTime(2.0, 1, 10.0),
        "us": EdgeTime(90.0, 3, 2.0),
    }


def test_a_region_that_was_never_reached_is_left_out() -> None:
    failed = Connection().after(Outcome(False, "refused"), 0.0)
    assert edge_times([("us", failed), ("gone", connected(0.1))], FRANKFURT, REGIONS, 0.0) == {}


def test_what_is_faster_than_light_is_doubted() -> None:
    """A load balancer next door answers for a region far away."""
    known = edge_times([("ap", connected(0.005)), ("us", connected(0.090))], FRANKFURT, REGIONS, 0)
    assert known["us"].implausible == ""
    assert known["ap"].implausible == "5.0 ms for 9331 km, for which light in fibre takes 93 ms"


@given(st.floats(0.01, 1000), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
def test_only_what_light_cannot_do_is_doubted(ms: float, place: tuple[float, float]) -> None:
    km = great_circle_km(FRANKFURT, place)
    implausible = bool(implausible_reason(ms, FRANKFURT, place))
    if ms >= km / 100:
        assert not implausible
    if ms < 0.89 * km / 100:
        assert implausible


@pytest.mark.parametrize(("country", "text"), [("", "50.1 8.7"), ("DE", "50.1 8.7 DE")])
def test_a_landmark_is_named_by_its_place(country: str, text: str) -> None:
    assert landmark(FRANKFURT, country) == text


@given(st.lists(st.tuples(st.floats(0.001, 1), st.floats(0, WINDOW / 3)), min_size=1, max_size=40))
def test_the_least_handshake_is_that_of_a_window(steps: list[tuple[float, float]]) -> None:
    """All of the last half of it, and nothing from before it."""
    known, now, made = Connection(), 0.0, []
    for seconds, pause in steps:
        now += pause
        made.append((now, seconds))
        known = known.after(Outcome(True, "", connect=seconds), now)
    assert known.handshakes is not None
    least = known.handshakes.minimum.least
    assert min(s for at, s in made if at > now - WINDOW - 1e-6) <= least
    assert least <= min(s for at, s in made if at > now - WINDOW / 2)
    assert known.handshakes.number == len(steps)
    assert known.handshakes.at == now


def test_a_failure_leaves_what_was_measured() -> None:
    known = connected(0.05).after(Outcome(False, "timed out"), 5.0)
    assert known.handshakes == connected(0.05).handshakes
