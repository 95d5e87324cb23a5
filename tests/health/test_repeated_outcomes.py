"""An outcome that says what the last one said is taken in by a short way, to the same end."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from harness.virtual import VirtualLoop
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.health.all_targets import AllTargetsHealth, Member
from resolverd.health.connection import Connection, ConnectionRecord
from resolverd.health.machine import EndpointHealth
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes import Seen
from resolverd.health.probes.trace import current_trace
from resolverd.health.target import Target
from resolverd.health.target_health import TargetHealth
from resolverd.health.verdict import State
from resolverd.health.watch import Watch

SETTINGS = Probe(fall=2, rise=2, flap_damping=5.0)
TARGETS = {"a1": "a", "a2": "a", "b1": "b"}
GOOD = Outcome(True, "HTTP 200")
OUTCOMES = st.sampled_from(
    [GOOD] * 12
    + [
        Outcome(True, "HTTP 204"),
        Outcome(True, "HTTP 200", condition=Condition.BUSY),
        Outcome(True, "full", condition=Condition.SHEDDING),
        Outcome(False, "HTTP 503"),
        Outcome(False, "HTTP 503"),
        Outcome(False, "timed out", responded=False),
        Outcome(False, "timed out", responded=False),
        Outcome(False, "draining", condition=Condition.DRAINING),
    ]
)
# Which target, what its probe saw, how long after the one before it began, and how long it took.
PROBES = st.lists(
    st.tuples(
        st.sampled_from([*TARGETS]), OUTCOMES, st.floats(0.01, 2.0), st.floats(0.001, 0.5),
        st.booleans(),
    ),
    max_size=60,
)  # fmt: skip


def all_targets() -> tuple[AllTargetsHealth, dict[str, TargetHealth]]:
    made = AllTargetsHealth(3.0)
    healths = {id_: TargetHealth(SETTINGS, 0.0) for id_ in TARGETS}
    members = {id_: Member(region, healths[id_]) for id_, region in TARGETS.items()}
    made.replace(members, members, 0.0)
    return made, healths


@given(PROBES)
def test_the_short_way_ends_where_the_long_one_does(
    probes: list[tuple[str, Outcome, float, float, bool]],
) -> None:
    (short, by_short), (long, by_long) = all_targets(), all_targets()
    now = 0.0
    for target, outcome, gap, took, overridden in probes:
        started = now = now + gap
        by_short[target].begin(started)
        by_long[target].begin(started)
        now += took
        if not short.repeat(target, outcome, started, now):
            short.observe(target, outcome, started, now, overridden=overridden)
        long.observe(target, outcome, started, now, overridden=overridden)
        for id_ in TARGETS:
            assert by_short[id_].verdict == by_long[id_].verdict
            assert by_short[id_].kept == by_long[id_].kept
            assert by_short[id_].under_way == by_long[id_].under_way
        assert short.isolation.isolated == long.isolation.isolated
        assert short.isolation.reason == long.isolation.reason


def test_it_is_the_way_of_a_target_that_goes_on_well() -> None:
    made, healths = all_targets()
    for id_ in TARGETS:
        healths[id_].begin(1.0)
        assert not made.repeat(id_, GOOD, 1.0, 1.1)
        made.observe(id_, GOOD, 1.0, 1.1)
    before = healths["a1"].verdict
    healths["a1"].begin(2.0)
    assert made.repeat("a1", GOOD, 2.0, 2.1)
    assert healths["a1"].verdict.probed_at == 2.0
    assert before.probed_at == 1.0
    assert healths["a1"].under_way == 0


@pytest.mark.parametrize("expires", [None, 1.8e9])
def test_whoever_looks_at_certificates_hears_of_each_probe_that_saw_one(
    expires: float | None,
) -> None:
    """It comes closer to its end by time alone, though each outcome says what the last one did."""
    heard: list[float] = []

    async def ask() -> Seen:
        current_trace().certificate_expires = expires
        return Seen("HTTP 200")

    async def probes() -> int:
        loop, judged = asyncio.get_running_loop(), AllTargetsHealth(0.0)

        def ended(watch: Watch, outcome: Outcome, started: float) -> None:
            heard.append(started)
            watch.apply(judged.observe("t", outcome, started, loop.time()).targets["t"])

        watch = Watch(
            Target("t", "r", "e", "", SETTINGS),
            ask,
            clock=loop.time,
            rng=random.Random(1),
            report=lambda *_: None,
            ended=ended,
            repeated=judged.repeat,
        )
        judged.replace({"t": Member("r", watch.judged_health)}, {"t"}, loop.time())
        watch.probe()
        await asyncio.sleep(100.0)
        await asyncio.gather(*watch.close(), return_exceptions=True)
        return watch.counters.probes

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        asked = runner.run(probes())
    assert asked > 10
    assert len(heard) == (1 if expires is None else asked)


HANDSHAKES = st.lists(
    st.tuples(
        st.floats(0.0, 700.0),
        st.none() | st.sampled_from([0.0, 0.001, 0.002, 0.003, 0.01]),
        st.none() | st.sampled_from([None, None, 1.8e9]),
        st.booleans(),
    ),
    max_size=40,
)


@given(HANDSHAKES)
def test_a_record_of_connections_is_what_each_probe_in_turn_makes_of_it(
    probes: list[tuple[float, float | None, float | None, bool]],
) -> None:
    record, each, now = ConnectionRecord(), Connection(), 0.0
    for gap, connect, expires, looks in probes:
        now += gap
        outcome = Outcome(True, "", connect=connect, certificate_expires=expires)
        record.note(outcome, now)
        each = each.after(outcome, now)
        assert record.certificate_expires == each.certificate_expires
        if looks:
            assert record.known == each
    assert record.known == each


@given(PROBES)
def test_a_health_of_the_same_revision_differs_in_its_age_alone(
    probes: list[tuple[str, Outcome, float, float, bool]],
) -> None:
    made, healths = all_targets()
    before: dict[int, EndpointHealth | None] = {}
    now = 0.0
    for target, outcome, gap, took, overridden in probes:
        started = now = now + gap
        healths[target].begin(started)
        now += took
        if not made.repeat(target, outcome, started, now):
            made.observe(target, outcome, started, now, overridden=overridden)
        for health in healths.values():
            kept = health.kept and health.kept.health
            known = before.setdefault(health.revision, kept)
            assert _without_age(kept) == _without_age(known)


def test_a_target_that_goes_on_well_keeps_its_revision() -> None:
    made, healths = all_targets()
    for id_ in TARGETS:
        healths[id_].begin(1.0)
        made.observe(id_, GOOD, 1.0, 1.1)
    health = healths["a1"]
    revision = health.revision
    for started in (2.0, 3.0):
        health.begin(started)
        assert made.repeat("a1", GOOD, started, started + 0.1)
    assert health.revision == revision
    health.begin(4.0)
    made.observe("a1", Outcome(False, "HTTP 503"), 4.0, 4.1)
    assert revision < health.revision < TargetHealth(SETTINGS, 0.0).revision


def _without_age(health: EndpointHealth | None) -> EndpointHealth | None:
    if health is None:
        return None
    counted = 0 if health.state is State.UP else health.successes
    return replace(health, probed_at=0.0, successes=counted)
