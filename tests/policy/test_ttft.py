"""What a region costs in milliseconds: against slow sums, and in its limits."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.ttft import (
    Cost,
    Flow,
    added_delay,
    cost_of,
    max_load,
    prefill_seconds,
    queue_delay,
)

H = 60.0
max_rates = st.floats(0.01, 1000)
flows = st.builds(
    Flow, waiting=st.floats(0, 1000), max_rate=max_rates, concurrency=st.floats(1, 500)
)


def test_a_queue_that_stands_costs_its_length_over_the_drain() -> None:
    assert queue_delay(Flow(waiting=40, max_rate=16, concurrency=64), 0.0, H) == 2500


@pytest.mark.parametrize("concurrency", [1, 4, 16, 64])
@pytest.mark.parametrize("ratio", [0.5, 0.7, 0.85, 0.95])
def test_what_is_expected_of_a_load_is_near_what_a_queue_of_so_many_places_does(
    concurrency: int, ratio: float
) -> None:
    """Erlang's formula, summed term by term: the exact mean wait of M/M/c."""
    seconds = 4.0
    max_rate = concurrency / seconds
    offered = ratio * concurrency
    terms = [1.0]
    for n in range(1, concurrency):
        terms.append(terms[-1] * offered / n)
    last = terms[-1] * offered / concurrency / (1 - ratio)
    exact = 1000 * last / (sum(terms) + last) * seconds / (concurrency * (1 - ratio))
    reckoned = queue_delay(Flow(max_rate=max_rate, concurrency=concurrency), ratio * max_rate, H)
    assert reckoned == pytest.approx(exact, rel=0.35, abs=50)


@given(flows, st.floats(0, 3), st.floats(0.001, 1))
def test_more_load_never_costs_less(flow: Flow, ratio: float, more: float) -> None:
    assert flow.max_rate is not None
    less, greater = ratio * flow.max_rate, (ratio + more) * flow.max_rate
    for reckon in (queue_delay, added_delay):
        before, after = reckon(flow, less, H), reckon(flow, greater, H)
        assert before is not None
        assert after is not None
        assert 0 <= before <= after
        assert math.isfinite(after)


@given(flows, st.floats(0.05, 0.9))
def test_what_one_more_adds_is_how_the_delay_of_all_grows(flow: Flow, ratio: float) -> None:
    """Against the difference of two sums over all requests that come in a second."""
    assert flow.max_rate is not None
    load = ratio * max_load(flow, H)
    step = load * 1e-5
    standing = flow._replace(waiting=0.0, max_rate=max_load(flow, H))

    def of_all(at: float) -> float:
        delay = queue_delay(standing, at, H)
        assert delay is not None
        return at * delay

    grown = (of_all(load + step) - of_all(load - step)) / (2 * step)
    reckoned = added_delay(flow, load, H) * flow.max_rate / max_load(flow, H)
    assert reckoned == pytest.approx(grown, rel=1e-2, abs=1e-6)


@given(flows, st.floats(0, 3), st.floats(1, 100))
def test_a_longer_queue_never_costs_less(flow: Flow, ratio: float, more: float) -> None:
    assert flow.max_rate is not None
    longer = flow._replace(waiting=flow.waiting + more)
    load = ratio * flow.max_rate
    assert added_delay(longer, load, H) >= added_delay(flow, load, H)


@pytest.mark.parametrize("flow", [None, Flow(5.0, 10.0), Flow(5.0, 10.0, 0.0)])
def test_a_region_with_no_reading_has_no_queue_cost_and_is_marked_so(flow: Flow | None) -> None:
    cost = cost_of(42.0, flow, H)
    assert cost == Cost(42.0, None, None)
    assert cost.total == 42.0
    assert flow is None or added_delay(flow, 1e9, H) == 0


def test_a_cost_is_round_trip_and_queue_and_prefill() -> None:
    cost = cost_of(40.0, Flow(0.0, 16.0, 16.0, 64, 0.25), H)
    assert cost == Cost(40.0, 1000.0, 250.0)
    assert cost.total == 1290.0


@given(st.integers(0, 10_000))
def test_prefill_is_the_mean_of_what_is_left_of_each_request_without_its_queue(seed: int) -> None:
    chance = random.Random(seed)
    queued = [chance.expovariate(1) for _ in range(20)]
    prefills = [chance.uniform(0.05, 0.5) for _ in queued]
    ttft = [q + p for q, p in zip(queued, prefills, strict=True)]
    found = prefill_seconds((sum(ttft), 20), (sum(queued), 20))
    assert found == pytest.approx(sum(prefills) / 20)


@pytest.mark.parametrize(
    ("ttft", "queued", "seconds"),
    [
        ((0.0, 0.0), (0.0, 0.0), None),
        ((3.0, 2.0), (0.0, 0.0), None),
        ((0.0, 0.0), (3.0, 2.0), None),
        ((2.0, 2.0), (9.0, 3.0), 0.0),
    ],
)
def test_prefill_is_unknown_before_requests_and_never_negative(
    ttft: tuple[float, float], queued: tuple[float, float], seconds: float | None
) -> None:
    assert prefill_seconds(ttft, queued) == seconds
