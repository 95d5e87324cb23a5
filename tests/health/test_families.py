"""Address families judged each for itself: from one probe's results to what is withheld."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.health.families import FamilyEvidence, FamilyHealth
from resolverd.health.family import Family, FamilyResult
from resolverd.health.verdict import State, Verdict

V4, V6 = Family.IPV4, Family.IPV6
SETTINGS = Probe(fall=3, rise=2, interval=5, fast_interval=1)
UP = Verdict(State.UP, None, "HTTP 200", math.inf, State.UP, probed_at=0.0)
GOOD = FamilyResult(True, "HTTP 200")
REFUSED = FamilyResult(False, "connection refused")
SILENT = FamilyResult(False, "timed out after 2 s", responded=False)


class World:
    """Targets "a" and "b", a second between probes, and what is shown of them."""

    def __init__(self, *targets: str) -> None:
        self.now = 0.0
        self.evidence = FamilyEvidence()
        self.families = {target: FamilyHealth() for target in targets}

    def probe(self, **over_v6: FamilyResult) -> None:
        """One probe of each target named: it is well over IPv4, and as given over IPv6."""
        self.now += 1
        for target, result in over_v6.items():
            self.families[target].observe(
                target,
                {V4: GOOD, V6: result},
                SETTINGS,
                self.now,
                self.now,
                self.evidence,
                first=self.now == 1,
            )

    def verdict(self, target: str = "a") -> Verdict:
        return self.families[target].over(UP, SETTINGS)


def test_a_family_that_is_refused_is_withheld_after_fall_and_given_again_after_rise() -> None:
    world, seen = World("a"), []
    for result in [GOOD, REFUSED, REFUSED, REFUSED, GOOD, GOOD]:
        world.probe(a=result)
        seen.append(set(world.verdict().withheld))
    assert seen == [set(), set(), set(), {V6}, {V6}, set()]


def test_the_first_probe_is_believed_at_once_and_a_family_that_comes_later_is_not() -> None:
    world = World("a", "b")
    world.probe(a=REFUSED)
    assert world.verdict("a").withheld == {V6}
    world.probe(b=REFUSED)
    assert not world.verdict("b").withheld


def test_what_could_flip_a_family_is_a_horizon_of_the_answer() -> None:
    world = World("a")
    world.probe(a=GOOD)
    assert math.isinf(world.verdict().no_flip_before)
    world.probe(a=REFUSED)
    assert world.verdict().no_flip_before == world.now + 2  # two more failures, a second apart
    world.probe(a=REFUSED)
    world.probe(a=REFUSED)
    assert world.verdict().changed_at == world.now
    assert world.verdict().state is State.UP


def test_an_endpoint_that_answers_over_no_family_of_its_own_keeps_them_all() -> None:
    world = World("a")
    world.probe(a=GOOD)
    family = world.families["a"]
    for second in range(2, 6):
        both = {V4: REFUSED, V6: REFUSED}
        family.observe("a", both, SETTINGS, second, second, world.evidence, first=False)
    assert family.over(UP, SETTINGS).withheld == frozenset()


def test_a_host_without_the_family_withholds_nothing() -> None:
    world = World("a", "b")
    for _ in range(10):
        world.probe(a=SILENT, b=SILENT)
    assert not world.verdict("a").withheld
    assert not world.verdict("b").withheld


def test_a_host_that_loses_the_family_withholds_nothing() -> None:
    world = World("a", "b")
    world.probe(a=GOOD, b=GOOD)
    for _ in range(10):
        world.probe(a=SILENT, b=SILENT)
    assert not world.verdict("a").withheld
    assert not world.verdict("b").withheld


def test_a_missing_response_counts_once_another_responded_since() -> None:
    world = World("a", "b")
    world.probe(a=GOOD, b=GOOD)
    world.probe(a=SILENT)
    world.probe(a=SILENT)
    assert not world.verdict().withheld
    world.probe(b=GOOD)
    for _ in range(3):
        world.probe(a=SILENT)
    assert world.verdict().withheld == {V6}


def test_the_only_target_of_a_family_is_the_cause_itself_once_it_has_responded() -> None:
    world = World("a")
    for _ in range(5):
        world.probe(a=SILENT)
    assert not world.verdict().withheld
    world.probe(a=GOOD)
    for _ in range(3):
        world.probe(a=SILENT)
    assert world.verdict().withheld == {V6}


def test_one_that_lost_its_addresses_of_a_family_vouches_for_no_other_any_more() -> None:
    world = World("a", "b")
    world.probe(a=GOOD, b=GOOD)
    world.families["b"].observe("b", {}, SETTINGS, 2.0, 2.0, world.evidence, first=False)
    for _ in range(3):
        world.probe(a=SILENT)
    assert world.verdict("a").withheld == {V6}


def test_an_endpoint_that_is_asked_over_one_family_again_forgets_the_other() -> None:
    world = World("a")
    world.probe(a=REFUSED)
    world.families["a"].observe("a", {}, SETTINGS, 9.0, 9.0, world.evidence, first=False)
    assert world.verdict() == UP


def test_what_nobody_responds_over_is_asked_in_haste_for_one_interval_alone() -> None:
    world, hasty = World("a", "b"), []
    for _ in range(8):
        world.probe(a=SILENT, b=SILENT)
        hasty.append(world.families["a"].unsettled(SETTINGS))
    assert hasty == [True] * 5 + [False] * 3
    assert not world.verdict("a").withheld
    world.probe(b=GOOD)
    world.probe(a=SILENT)
    assert world.families["a"].unsettled(SETTINGS)
    world.probe(a=SILENT)
    world.probe(a=SILENT)
    assert world.verdict("a").withheld == {V6}
    assert not world.families["a"].unsettled(SETTINGS)


@pytest.mark.parametrize("over_v6", [SILENT, REFUSED])
def test_a_family_without_addresses_any_more_keeps_nothing_unsettled(
    over_v6: FamilyResult,
) -> None:
    world = World("a", "b")
    world.probe(a=GOOD, b=GOOD)
    for _ in range(4):
        world.probe(a=over_v6, b=GOOD)
    family = world.families["a"]
    family.observe("a", {}, SETTINGS, 9.0, 9.0, world.evidence, first=False)
    assert (family.known, family.unsettled(SETTINGS), family.kept) == (False, False, {})


@pytest.mark.parametrize("state", [State.DOWN, State.RECOVERING, State.UNKNOWN])
def test_where_the_endpoint_does_not_serve_families_change_nothing(state: State) -> None:
    world = World("a")
    for _ in range(3):
        world.probe(a=REFUSED)
    away = Verdict(state, None, "", 1.0, state, probed_at=0.0)
    assert world.families["a"].over(away, SETTINGS) == away


@given(st.lists(st.sampled_from([GOOD, REFUSED, SILENT]), max_size=30))
def test_a_family_flips_no_sooner_than_was_promised(results: list[FamilyResult]) -> None:
    world = World("a", "b")
    promised = -math.inf
    withheld: frozenset[Family] = frozenset()
    for result in results:
        world.probe(b=GOOD)
        world.probe(a=result)
        verdict = world.verdict()
        if verdict.withheld != withheld:
            assert world.now >= promised
            withheld = verdict.withheld
        promised = verdict.no_flip_before
