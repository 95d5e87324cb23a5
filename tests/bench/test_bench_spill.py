"""The simulation of spilling: its queue, its trace, what it compares, and what it draws."""

from __future__ import annotations

import itertools
import random
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

import pytest

from bench.sections.spill import files, tables
from bench.spill.chart import chart
from bench.spill.experiment import BASE, BY_COST, OURS, POLICIES, quantile, tried
from bench.spill.queueing import Size, Waiting, World
from bench.spill.run import below_all, never_worse
from bench.spill.simulate import Blocks, preference, requests, run
from bench.spill.steering import Answer
from bench.spill.steps import BAR, SHARES, Setting, moved
from bench.spill.trace import REGIONS, generated, read
from resolverd.dns.prefix import Prefix
from resolverd.policy.ranking import PreferenceList

_SVG = "{http://www.w3.org/2000/svg}"


def test_the_committed_trace_is_the_generated_one() -> None:
    assert read() == generated()


def test_the_nearest_region_is_overloaded_for_a_time_and_the_others_never_are() -> None:
    overloaded = [sum(row[n] > 1 for row in read()) for n in range(len(REGIONS))]
    assert overloaded[0] > 60
    assert overloaded[1:] == [0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_requests_wait_as_a_plain_queue_has_them_wait(seed: int) -> None:
    """One replica: the oracle gives each in turn the place that is free first."""
    dice = random.Random(seed)
    size = Size(replicas=1, places=3, seconds=1.0)
    arrivals, at = [], 0.0
    for number in range(400):
        at += dice.expovariate(3.0)
        arrivals.append(Waiting(at, dice.expovariate(1.0), number))
    world = World(("a",), size, len(arrivals))
    for request in arrivals:
        world.until(request.arrived)
        world.arrive("a", request.arrived, request)
    world.until(float("inf"))
    assert world.waited == pytest.approx(_plain_queue(arrivals, size.places))


def _plain_queue(arrivals: Sequence[Waiting], places: int) -> list[float]:
    free = [0.0] * places
    waited = []
    for request in arrivals:
        first = free.index(min(free))
        begins = max(request.arrived, free[first])
        free[first] = begins + request.seconds
        waited.append(begins - request.arrived)
    return waited


def test_a_block_keeps_its_answer_for_its_ttl() -> None:
    asked_at: dict[Prefix, list[float]] = {}

    class Policy:
        def scraped(self, region: str, replicas: object, now: float) -> None:
            """Nothing."""

        def answer(self, block: Prefix, listed: PreferenceList, now: float) -> Answer:
            asked_at.setdefault(block, []).append(now)
            return Answer(listed[0], 30.0)

    size = Size()
    asked = requests(read()[:30], size, Blocks(5), 0.5, 1)
    run(asked, World(REGIONS, size, len(asked)), Policy(), caches=True)
    assert len(asked_at) == 5 * len(REGIONS)
    for times in asked_at.values():
        assert all(later - sooner >= 30 for sooner, later in itertools.pairwise(times))
        assert len(times) <= 10


def test_every_home_prefers_its_own_region() -> None:
    assert [preference(home)[0] for home in REGIONS] == list(REGIONS)
    assert preference("near") == ("near", "middle", "far")


def test_spill_is_below_nearest_and_least_loaded_over_a_burst() -> None:
    """The first hour of the trace, with the long burst in it."""
    p95 = {name: tried(BASE, name, 1, read()[:360]).p95 for name in POLICIES}
    others = {name: seconds for name, seconds in p95.items() if name not in {OURS, BY_COST}}
    assert max(p95[OURS], p95[BY_COST]) < min(others.values()), p95


@pytest.mark.parametrize(
    ("part", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (0.001, 1), (1.0, 100)]
)
def test_aquantile_is_the_least_value_that_so_many_do_not_exceed(
    part: float, expected: int
) -> None:
    assert quantile(list(range(1, 101)), part) == expected


@pytest.fixture
def results_document() -> dict[str, Any]:
    """A result file in which ours is just below the others."""
    spread = {"median": 0.456, "min": 0.456, "max": 0.5}
    others = dict.fromkeys(("p50", "p95", "p99", "most", "burst"), spread)
    shares = {name: {"median": 0.1, "min": 0, "max": 1} for name in ("away", "farthest", "asked")}
    episodes = {"episodes": {"median": 2, "min": 2, "max": 2}}
    rows = [
        {"setting": scenario, "policy": policy, **others, **shares, **episodes}
        for scenario in (BASE.name, "TTL <300> s")
        for policy in POLICIES
    ]
    for row in rows:
        if row["policy"] == OURS:
            row["p95"] = {"median": 0.279, "min": 0.037, "max": 0.4}
    minutes = {"p95": [0.037, 80.0, 0.456], "moved": [0.0, 0.5, 0.0]}
    return {
        "commit": None,
        "seeds": 5,
        "varied_seeds": 3,
        "ttl": 60.0,
        "rows": rows,
        "by_minute": dict.fromkeys(POLICIES, minutes),
    }


def test_the_run_fails_unless_ours_is_below_all_others(results_document: dict[str, Any]) -> None:
    assert below_all(results_document)
    ours = next(row for row in results_document["rows"] if row["policy"] == OURS)
    ours["p95"] = {"median": 0.279, "min": 0.037, "max": 0.456}
    assert not below_all(results_document)


@pytest.mark.parametrize("setting", [Setting(200, minutes=2), Setting(3000, minutes=2)])
def test_a_weighed_step_moves_a_tenth_and_one_by_draws_need_not(setting: Setting) -> None:
    weighed, by_draws = ([*moved(setting, 3, weighed=each)] for each in (True, False))
    assert weighed == pytest.approx([0.1] * len(SHARES), abs=BAR)
    assert by_draws != pytest.approx([0.1] * len(SHARES), abs=BAR)


@pytest.mark.parametrize("other", ["nearest", "least-loaded"])
def test_the_run_fails_where_ttft_is_worse_than_nearest_or_least_loaded_in_any_row(
    results_document: dict[str, Any], other: str
) -> None:
    assert never_worse(results_document)
    worse = {"median": 0.455, "min": 0.4, "max": 0.5}
    last = [row for row in results_document["rows"] if row["policy"] == other][-1]
    last["p95"] = worse
    assert not never_worse(results_document)


def test_the_chart_draws_a_line_for_each_policy_inside_its_frame(
    results_document: dict[str, Any],
) -> None:
    drawn = ET.fromstring(chart(results_document, [(0.5, 0.3, 0.3)] * 18))
    lines = [path for path in drawn.iter(f"{_SVG}path") if path.get("data-policy")]
    assert {line.get("data-policy") for line in lines} == {"nearest", "least-loaded", OURS}
    width, height = float(drawn.get("width", "0")), float(drawn.get("height", "0"))
    for line in lines:
        for point in line.get("d", "")[1:].split(" L"):
            x, y = map(float, point.split())
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_the_tables_have_ours_in_bold_with_medians_and_ranges(
    results_document: dict[str, Any],
) -> None:
    text = tables(results_document)
    assert "| **spill** | 456 ms (456 ms–500 ms) | 279 ms (37 ms–400 ms) |" in text
    assert files(results_document)["spill.svg"] == chart(results_document, read())
