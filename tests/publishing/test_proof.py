"""What an edge has to show of a generation, in figures against limits."""

from __future__ import annotations

import pytest

from resolverd.engine.counters import Counters
from resolverd.publishing.model import DEFAULT_LIMITS, Generation, ReportState, Terms
from resolverd.publishing.proof import Given, failures, panel_figures, rcode_figures
from resolverd.publishing.trial import OnTrial


def given(answer: str, served: bool = True, ttl: float = 60.0) -> Given:
    return Given(answer, served, ttl)


def panel(*answers: Given, service: str = "chat") -> dict[tuple[str, int], Given]:
    return {(service, number): answer for number, answer in enumerate(answers)}


BEFORE = panel(given("a"), given("a"), given("b"), given("b"))


@pytest.mark.parametrize(
    ("after", "figures"),
    [
        (BEFORE, {"moved": 0.0, "unserved": 0.0, "ttl": 1.0}),
        (panel(given("a"), given("b"), given("b"), given("b")), {"moved": 0.25}),
        (panel(*[given("c", served=False)] * 4), {"moved": 1.0, "unserved": 1.0}),
        (panel(*[given("a", ttl=240.0)] * 4), {"ttl": 4.0}),
        (panel(*[given("a", ttl=15.0)] * 4), {"ttl": 4.0}),
        (panel(*[given("a", ttl=0.0)] * 4), {"ttl": 240.0}),
    ],
)
def test_the_panel_tells_what_moved(
    after: dict[tuple[str, int], Given], figures: dict[str, float]
) -> None:
    assert panel_figures(BEFORE, after).items() >= figures.items()


def test_only_services_that_both_have_are_compared() -> None:
    assert panel_figures(BEFORE, panel(given("a"), service="other")) == {}
    assert panel_figures({}, BEFORE) == {}


def test_a_service_that_was_dead_before_is_no_failure() -> None:
    dead = panel(*[given("a", served=False)] * 4)
    assert panel_figures(dead, dead)["unserved"] == 0.0


@pytest.mark.parametrize(
    ("before", "between", "figures"),
    [
        ({0: 1000}, {0: 99, 2: 1}, {"servfail": 0.01}),
        ({0: 90, 3: 10}, {0: 90, 3: 10}, {"nxdomain": 0.0}),
        ({0: 90, 3: 10}, {0: 50, 3: 50}, {"nxdomain": 0.4}),
        ({}, {0: 50, 5: 50}, {"refused": 0.5}),
        ({0: 1000}, {2: 19}, {}),  # too few to tell
    ],
)
def test_rcodes_count_above_what_they_were(
    before: dict[int, int], between: dict[int, int], figures: dict[str, float]
) -> None:
    found = rcode_figures(before, between)
    assert {name: pytest.approx(value) for name, value in figures.items()}.items() <= found.items()
    assert bool(found) is bool(figures)


@pytest.mark.parametrize(
    ("figure", "value", "words"),
    [
        ("moved", 0.26, "of the panel's answers have moved"),
        ("unserved", 0.01, "have no region that serves"),
        ("ttl", 4.1, "TTLs are 4.1 times"),
        ("servfail", 0.02, "SERVFAIL"),
    ],
)
def test_what_is_above_its_limit_fails_in_words(figure: str, value: float, words: str) -> None:
    (said,) = failures({figure: value}, DEFAULT_LIMITS)
    assert words in said
    assert failures({figure: DEFAULT_LIMITS[figure]}, DEFAULT_LIMITS) == []


def counted(**rcodes: int) -> Counters:
    counters = Counters()
    for name, count in rcodes.items():
        counters.responses[("udp", 1, {"ok": 0, "servfail": 2}[name])] = count
    return counters


def trial(before: dict[tuple[str, int], Given] = BEFORE) -> OnTrial:
    generation = Generation(2, "d", "ada", "why", 0.0, 1, 1, Terms(proof=10.0))
    return OnTrial(generation, before, counted(ok=1000), 100.0)


def test_an_edge_proves_itself_once_the_time_is_over_and_the_panel_was_asked_twice() -> None:
    proving = trial()
    assert proving.wants_panel(100.0)
    proving.note_panel(BEFORE, 100.0)
    assert proving.judge(counted(ok=1000), 100.0) is None
    assert not proving.wants_panel(109.9)
    assert proving.judge(counted(ok=1100), 110.0) is None
    assert proving.wants_panel(110.0)
    proving.note_panel(BEFORE, 110.0)
    report = proving.judge(counted(ok=1100), 110.0)
    assert report is not None
    assert report.state is ReportState.PROVED
    assert proving.judge(counted(ok=1100), 111.0) is None


def test_servfail_fails_it_at_once() -> None:
    proving = trial()
    proving.note_panel(BEFORE, 100.0)
    report = proving.judge(counted(ok=1000, servfail=50), 101.0)
    assert report is not None
    assert report.state is ReportState.FAILED
    assert "SERVFAIL" in report.why


def test_answers_that_move_fail_it_at_once_and_not_later() -> None:
    moved = panel(*[given("c")] * 4)
    proving = trial()
    proving.note_panel(moved, 100.0)
    report = proving.judge(counted(ok=1000), 100.0)
    assert report is not None
    assert report.state is ReportState.FAILED
    later = trial()
    later.note_panel(BEFORE, 100.0)
    later.note_panel(moved, 110.0)
    report = later.judge(counted(ok=1000), 110.0)
    assert report is not None
    assert report.state is ReportState.PROVED
