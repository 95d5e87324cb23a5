"""What a server did lately: growth of totals, quantiles, and when nothing can be said."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.readings import Buckets, LoadReadings
from resolverd.health.window import Growth, Window, quantile, success_rate, together

BOUNDS = (0.1, 0.5, 1.0, math.inf)


def _reading(at: float, observed: int, *, started: float = 1.0) -> LoadReadings:
    """All observations so far lie below 0.5 s, and each was a 200."""
    ttft = Buckets(BOUNDS, (0.0, observed, observed, observed))
    return LoadReadings(at=at, started=started, ttft=ttft, responses={"2xx": float(observed)})


def _growth(readings: Sequence[LoadReadings], span: float = 60.0) -> float | None:
    window = Window()
    for reading in readings:
        window.add(reading, span)
    growth = window.growth(readings[-1].at, span)
    return growth.ttft.counts[-1] if growth.ttft else None


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        pytest.param([(0, 5)], None, id="one reading has no past"),
        pytest.param([(0, 5), (5, 8)], 3, id="growth since the first"),
        pytest.param([(0, 5), (5, 5)], 0, id="nothing happened"),
        pytest.param([(t, t) for t in range(0, 200, 5)], 60, id="a window, and no more"),
        pytest.param([(t, t) for t in range(200)], 60, id="read every second"),
        pytest.param([(0, 50), (5, 8), (10, 9)], 1, id="totals fell: anew"),
    ],
)
def test_the_growth_of_a_window(totals: list[tuple[int, int]], expected: float | None) -> None:
    grown = _growth([_reading(float(at), observed) for at, observed in totals])
    assert grown == expected if expected is None else grown == pytest.approx(expected, abs=5)
    assert grown is None or len(totals) > 3 or grown == expected


def test_a_new_process_begins_anew_though_its_totals_are_higher() -> None:
    readings = [_reading(0.0, 5), _reading(5.0, 50, started=2.0), _reading(10.0, 51, started=2.0)]
    assert _growth(readings) == 1


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        pytest.param(1.0, {"2xx": 3.0}, id="one process, whose totals began at 0"),
        pytest.param(None, {}, id="it may be another, or a page that left them out"),
    ],
)
def test_a_class_that_a_page_did_not_have_yet_counts_from_0_within_one_process(
    started: float | None, expected: dict[str, float]
) -> None:
    """A Prometheus client exposes a labelled counter from its first increment on."""
    window = Window()
    window.add(LoadReadings(at=0.0, started=started), 60.0)
    window.add(LoadReadings(at=5.0, started=started, responses={"2xx": 3.0}), 60.0)
    assert window.growth(5.0, 60.0).responses == expected


def test_a_server_that_is_read_no_more_is_unknown() -> None:
    window = Window()
    window.add(_reading(0.0, 5), 60.0)
    window.add(_reading(5.0, 8), 60.0)
    assert window.growth(65.0, 60.0).ttft is not None
    assert window.growth(65.1, 60.0) == Growth()


def test_a_window_that_is_read_every_second_keeps_few_readings() -> None:
    window = Window()
    for second in range(1000):
        window.add(_reading(float(second), second), 60.0)
    assert len(window._kept) <= 14


def test_endpoints_together_are_their_sum_and_others_buckets_are_left_out() -> None:
    some = Growth(Buckets(BOUNDS, (1.0, 2.0, 3.0, 4.0)), {"2xx": 3.0, "5xx": 1.0})
    other = Growth(Buckets((1.0, math.inf), (7.0, 7.0)), {"2xx": 1.0})
    joined = together([Growth(), some, other, some])
    assert joined.ttft == Buckets(BOUNDS, (2.0, 4.0, 6.0, 8.0))
    assert joined.responses == {"2xx": 7.0, "5xx": 2.0}


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_lies_in_the_bucket_of_the_observation_of_that_rank(
    values: list[float], share: float
) -> None:
    counts = tuple(float(sum(value <= bound for value in values)) for bound in BOUNDS)
    estimate = quantile(Buckets(BOUNDS, counts), share, 1)
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    place = bisect_left(BOUNDS, exact)
    low, high = (0.0, *BOUNDS)[place], BOUNDS[place]
    assert estimate is not None
    assert low - 1e-9 <= estimate <= (low if math.isinf(high) else high) + 1e-9


@pytest.mark.parametrize(
    ("buckets", "least"),
    [
        pytest.param(None, 1, id="not told"),
        pytest.param(Buckets(BOUNDS, (0.0, 0.0, 0.0, 0.0)), 0, id="none"),
        pytest.param(Buckets(BOUNDS, (9.0, 9.0, 9.0, 9.0)), 10, id="too few"),
    ],
)
def test_too_few_observations_have_no_quantile(buckets: Buckets | None, least: int) -> None:
    assert quantile(buckets, 0.5, least) is None


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ({}, None),
        ({"2xx": 9.0}, None),
        ({"2xx": 10.0}, 1.0),
        ({"2xx": 10.0, "4xx": 5.0, "5xx": 5.0}, 0.75),
    ],
    ids=str,
)
def test_success_is_what_is_not_5xx(responses: dict[str, float], expected: float | None) -> None:
    assert success_rate(responses, 10) == expected
