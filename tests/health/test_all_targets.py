"""The state machine of all targets against slow, obvious oracles: plain values, no I/O."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.health import machine
from resolverd.health.all_targets import AllTargetsChange, AllTargetsHealth, Member
from resolverd.health.family import Family, FamilyResult
from resolverd.health.isolation import Cause, IsolationDetector
from resolverd.health.machine import EndpointHealth
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.target_health import TargetHealth
from resolverd.health.verdict import State

REGIONS = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}
WINDOW = 15.0
PROBE = Probe(interval=5.0, fast_interval=1.0, timeout=2.0, fall=3, rise=2, flap_damping=0.0)

GOOD = Outcome(True, "HTTP 200")
FAILED = Outcome(False, "HTTP 503")
SILENT = Outcome(False, "timed out", responded=False)
DRAINS = Outcome(False, "draining", condition=Condition.DRAINING)
FULL = Outcome(False, "full", condition=Condition.SHEDDING)
unhurried = settings(deadline=None)


class Probed(NamedTuple):
    """One probe that ended."""

    target: str
    outcome: Outcome
    started: float
    ended: float


class Host:
    """All targets of `REGIONS`, probed one at a time."""

    def __init__(self, window: float = WINDOW) -> None:
        self.health = {id_: TargetHealth(PROBE, 0.0) for id_ in REGIONS}
        self.all = AllTargetsHealth(window)
        members = {id_: Member(REGIONS[id_], each) for id_, each in self.health.items()}
        self.all.replace(members, REGIONS, 0.0)

    def take(self, probed: Probed) -> AllTargetsChange:
        self.health[probed.target].begin(probed.started)
        return self.all.observe(probed.target, probed.outcome, probed.started, probed.ended)

    def serving(self) -> dict[str, bool]:
        return {id_: each.verdict.serves for id_, each in self.health.items()}


answers = st.sampled_from([GOOD, GOOD, GOOD, FAILED, DRAINS, FULL])
outcomes = answers | st.just(SILENT)


@st.composite
def histories(draw: st.DrawFn) -> list[Probed]:
    """Probes in the order of their ends: all begin with a success, and later most fall silent."""
    history = [Probed(id_, GOOD, 0.5, 0.6) for id_ in REGIONS]
    now, newest = 1.0, dict.fromkeys(REGIONS, 0.5)
    cut, healed = sorted(draw(st.tuples(st.integers(0, 20), st.integers(0, 40))))
    for number in range(draw(st.integers(0, 40))):
        now += draw(st.sampled_from([0.1, 0.5, 1.0, 4.0, 12.0]))
        target = draw(st.sampled_from(sorted(REGIONS)))
        started = max(newest[target] + 0.01, now - draw(st.sampled_from([0.05, 0.5, 2.0])))
        newest[target] = min(started, now)
        silent = cut <= number < healed and draw(st.integers(0, 9)) > 0
        history.append(Probed(target, SILENT if silent else draw(answers), newest[target], now))
    return history


@unhurried
@given(histories())
def test_no_target_that_fell_silent_with_the_others_is_withdrawn_while_this_host_is_isolated(
    history: list[Probed],
) -> None:
    host = Host()
    silent_since: dict[str, float] = {}
    for probed in history:
        before = host.serving()
        host.take(probed)
        if probed.outcome.responded:
            silent_since.pop(probed.target, None)
        else:
            silent_since.setdefault(probed.target, probed.started)
        if host.all.isolation.isolated:
            newest = max(silent_since.values())
            after = host.serving()
            fell = [id_ for id_ in REGIONS if before[id_] and not after[id_]]
            assert all(newest - silent_since[id_] > WINDOW for id_ in fell)


def replayed(history: Sequence[Outcome], times: Sequence[Probed]) -> EndpointHealth:
    """What the machine of one endpoint makes of these alone, from the beginning."""
    health = EndpointHealth()
    for outcome, probed in zip(history, times, strict=True):
        health = machine.observe(health, outcome, PROBE, probed.ended, probed.started)
    return health


def counted(history: Sequence[Probed]) -> dict[str, list[Probed]]:
    """Of each target the outcomes that count after `history`, slowly.

    Why nothing responds is asked anew, of a detector that sees all from the beginning. What is put
    down to this host goes: every outcome since the target responded last. What is not known yet
    counts only for a target that does not serve.
    """
    detector = IsolationDetector(WINDOW)
    detector.replace(REGIONS, REGIONS, 0.0)
    known: dict[str, list[Probed]] = {id_: [] for id_ in REGIONS}
    pending: dict[str, list[Probed]] = {id_: [] for id_ in REGIONS}
    for probed in history:
        mine = known[probed.target]
        serves = replayed([p.outcome for p in mine], mine).state.serves
        if probed.outcome.responded:
            mine += [*pending[probed.target], probed]
            pending[probed.target] = []
            detector.responded(probed.target, probed.ended)
        else:
            (pending[probed.target] if serves else mine).append(probed)
            state = replayed([p.outcome for p in mine], mine).state
            detector.no_response(
                probed.target, serves=state.serves, started=probed.started, now=probed.ended
            )
        for id_ in REGIONS:
            cause = detector.cause(id_, probed.ended)
            if cause is Cause.REMOTE:
                known[id_] += pending[id_]
                pending[id_] = []
                if not replayed([p.outcome for p in known[id_]], known[id_]).state.serves:
                    detector.fell(id_)
            elif cause is Cause.LOCAL:
                pending[id_] = []
                while known[id_] and not known[id_][-1].outcome.responded:
                    known[id_].pop()
    return known


def comparable(health: EndpointHealth) -> EndpointHealth:
    """Without the time of a flip: one that was pending is dated when it was confirmed."""
    return replace(health, changed_at=None, reason="", penalty_until=0.0)


@settings(deadline=None, max_examples=50)  # each is replayed from the beginning at every step
@given(histories())
def test_what_is_published_is_the_replay_of_what_was_not_discarded(history: list[Probed]) -> None:
    host = Host()
    for number, probed in enumerate(history, 1):
        host.take(probed)
        for id_, mine in counted(history[:number]).items():
            health = replayed([p.outcome for p in mine], mine)
            kept = host.health[id_].kept
            if kept is None:
                assert health.state is State.UNKNOWN
            else:
                assert comparable(kept.health) == comparable(health)
            assert host.health[id_].verdict.state is health.state


class Standing(NamedTuple):
    """How all stand after an instant, and whether isolation began or ended within it."""

    isolated: bool
    kept: tuple[str, ...]
    states: dict[str, State]
    changed: bool


def after_instant(history: list[Probed], ended: dict[str, Outcome], order: list[str]) -> Standing:
    """Each target ends a probe at the same reading of the clock, in that order."""
    host, now = Host(), history[-1].ended + 3.0
    for probed in history:
        host.take(probed)
    changes = [host.take(Probed(id_, ended[id_], now - 0.1, now)) for id_ in order]
    states = {id_: each.verdict.state for id_, each in host.health.items()}
    isolation = host.all.isolation
    changed = any(change.isolation for change in changes)
    return Standing(isolation.isolated, isolation.regions, states, changed)


@unhurried
@given(
    histories(),
    st.fixed_dictionaries(dict.fromkeys(REGIONS, outcomes)),
    st.permutations(sorted(REGIONS)),
)
def test_the_order_of_outcomes_within_one_instant_does_not_matter(
    history: list[Probed], ended: dict[str, Outcome], order: list[str]
) -> None:
    """But where the last target to fall silent and one that responds share a clock reading.

    Taken in the one order, this host is isolated for as long as that reading lasts.
    """
    one = after_instant(history, ended, sorted(REGIONS))
    other = after_instant(history, ended, order)
    mixed = len({outcome.responded for outcome in ended.values()}) == 2
    assert one == other or (mixed and (one.changed or other.changed))


def test_what_was_held_and_falls_by_itself_is_held_no_more() -> None:
    """It falls at a response of another, with no outcome of its own at that moment."""
    host = Host()
    for number, target in enumerate(REGIONS):
        host.take(Probed(target, GOOD, 0.5, 0.6 + number / 100))
    for number, target in enumerate(REGIONS):
        host.take(Probed(target, SILENT, 1.0, 1.1 + number / 100))
    host.take(Probed("a2", GOOD, 2.0, 2.1))
    assert "c" in host.all.isolation.regions
    for started in (3.0, 4.0, 5.0):
        host.take(Probed("c1", SILENT, started, started + 0.5))
    assert host.serving()["c1"]
    host.take(Probed("a2", GOOD, 6.0, 6.1))
    assert host.health["c1"].verdict.state is State.DOWN
    assert "no region responds" not in host.health["c1"].verdict.reason
    assert "c" not in host.all.isolation.regions


@unhurried
@given(histories())
def test_what_is_returned_is_all_that_changed(history: list[Probed]) -> None:
    host = Host()
    for probed in history:
        before = {id_: each.verdict for id_, each in host.health.items()}
        isolated = host.all.isolation.isolated
        change = host.take(probed)
        for id_, each in host.health.items():
            known = change.targets.get(id_)
            assert (
                (known.before, known.after) == (before[id_], each.verdict)
                if known
                else (each.verdict is before[id_])
            )
        began = change.isolation.isolated if change.isolation else isolated
        assert host.all.isolation.isolated == began
        assert (change.isolation is not None) == (began != isolated)


@unhurried
@given(histories())
def test_others_are_probed_early_once_in_a_fast_interval_and_only_those_that_responded(
    history: list[Probed],
) -> None:
    host, asked = Host(), []
    for probed in history:
        change = host.take(probed)
        if change.probe_early:
            asked.append(probed.ended)
            assert all(host.all.isolation.responding(id_) for id_ in change.probe_early)
            assert probed.target not in change.probe_early
    assert all(
        later - sooner >= PROBE.fast_interval - 1e-9 for sooner, later in itertools.pairwise(asked)
    )


@pytest.mark.parametrize(("outcome", "wanted"), [(GOOD, ()), (FAILED, (1.0, 2.0))])
def test_a_failure_cancels_what_it_supersedes_and_a_success_lets_it_go_on(
    outcome: Outcome, wanted: tuple[float, ...]
) -> None:
    host = Host()
    host.take(Probed("a1", GOOD, 0.5, 0.6))
    for started in (1.0, 2.0):
        host.health["a1"].begin(started)
    change = host.take(Probed("a1", outcome, 3.0, 3.1))
    assert change.targets["a1"].superseded == wanted
    assert host.health["a1"].is_superseded(1.0) is not bool(wanted)
    assert host.health["a1"].under_way == 0


def test_what_a_success_supersedes_may_yet_take_a_target_down_and_shortens_its_horizon() -> None:
    def after(*superseded: float) -> float:
        host = Host()
        host.take(Probed("a1", GOOD, 0.5, 0.6))
        for started in (0.7, 0.8):
            host.take(Probed("a1", FAILED, started, started + 0.05))
        for started in superseded:
            host.health["a1"].begin(started)
        host.take(Probed("a1", GOOD, 3.0, 3.1))
        return host.health["a1"].verdict.min_until_flip

    assert after(1.0, 1.5, 2.0) <= 2 * PROBE.fast_interval
    assert after() == math.inf


def test_the_end_of_what_was_superseded_counts_alike_while_a_failure_is_pending_and_after() -> None:
    def after(*, pending: bool) -> EndpointHealth:
        host = Host()
        for id_ in REGIONS:
            host.take(Probed(id_, GOOD, 0.5, 0.6))
        target = host.health["a1"]
        target.begin(1.0)
        host.take(Probed("a1", GOOD, 2.0, 2.1))
        host.take(Probed("a1", SILENT, 3.0, 3.5))
        if pending:
            target.end_superseded(FAILED, 1.0, 4.0)
        host.take(Probed("b1", GOOD, 3.9, 4.0))
        if not pending:
            target.end_superseded(FAILED, 1.0, 4.0)
        assert target.kept is not None
        return comparable(target.kept.health)

    assert after(pending=True) == after(pending=False)


def test_a_probe_that_others_cancelled_is_under_way_no_more_and_says_nothing() -> None:
    host = Host()
    host.take(Probed("a1", GOOD, 0.5, 0.6))
    host.health["a1"].begin(1.0)
    host.take(Probed("a1", GOOD, 2.0, 2.1))
    host.health["a1"].begin(3.0)
    before = host.health["a1"].verdict
    for started in (1.0, 3.0):
        host.health["a1"].forget(started, 4.0)
    assert (host.health["a1"].under_way, host.health["a1"].is_superseded(1.0)) == (0, False)
    assert host.health["a1"].verdict == before


def test_what_a_target_responded_over_at_another_url_says_nothing_of_others_now() -> None:
    well, silent = FamilyResult(True, "HTTP 200"), FamilyResult(False, "timed out", responded=False)
    both = GOOD._replace(families={Family.IPV4: well, Family.IPV6: well})
    one = GOOD._replace(families={Family.IPV4: well, Family.IPV6: silent})
    host = Host()
    host.take(Probed("a1", both, 0.5, 0.6))
    host.take(Probed("b1", both, 0.5, 0.6))
    host.health["b1"] = TargetHealth(PROBE, 1.0)
    members = {id_: Member(REGIONS[id_], each) for id_, each in host.health.items()}
    host.all.replace(members, {"b1"}, 1.0)
    host.take(Probed("b1", GOOD, 1.5, 1.6))  # at its new URL it is asked over one family
    for started in (2.0, 3.0, 4.0):
        host.take(Probed("a1", one, started, started + 0.1))
    assert host.health["a1"].verdict.withheld == {Family.IPV6}
