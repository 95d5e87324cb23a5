"""Address families in answers: what is withheld when, by the real machine, whatever is said."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from harness.config import config_text
from harness.server import HEAD, snapshot_of
from harness.trials import trials
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.dns.prefix import Prefix
from resolverd.health.all_targets import AllTargetsHealth, Member
from resolverd.health.family import Family, FamilyResult
from resolverd.health.outcome import Outcome
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.target_health import TargetHealth
from resolverd.health.verdict import State
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

SETTINGS = Probe(interval=5.0, fast_interval=1.0, timeout=2.0, fall=3, rise=2)
FAILOVER_TTL, TTL = 2, 15
V4, V6 = Family.IPV4, Family.IPV6
BOTH = frozenset(Family)
REGION = """
[region.a]
coordinates = [40, -74]
endpoint = [{ name = "a1", address = ["192.0.2.1", "2001:db8::1"], url = "http://a1.example" }]
[service.chat]
regions = ["a"]
ttl = "15s"
failover_ttl = "2s"
"""
PLAN = snapshot_of(f"$ORIGIN x.example.\n{HEAD}chat 300 DYNA chat\n", config_text(REGION)).plan


class Answer(NamedTuple):
    """The families in an answer, its TTL (a NODATA has the same), and whether trouble was seen."""

    at: float
    families: frozenset[Family]
    ttl: int
    trouble: bool


class Host:
    """The endpoint, probed each second over both families, and what clients are answered."""

    def __init__(self) -> None:
        self.now = 0.0
        self.health = TargetHealth(SETTINGS, 0.0)
        self.all = AllTargetsHealth(0.0)
        self.all.replace({"a1": Member("a", self.health)}, ["a1"], 0.0)
        self.overrides = Overrides()

    def say(self, kind: OverrideKind, key: str) -> None:
        """An operator's word, from now on."""
        self.overrides.set(key, Override(kind, "ann", "a test", self.now))

    def probe(self, over_v4: bool, over_v6: bool, times: int = 1) -> Answer:
        """So many probes that see the same, and the answer after the last."""
        families = {
            family: FamilyResult(ok, "HTTP 200" if ok else "HTTP 500")
            for family, ok in [(V4, over_v4), (V6, over_v6)]
        }
        for _ in range(times):
            self.now += 1.0
            outcome = Outcome(over_v4 or over_v6, "test", families=families)
            overridden = any(self.overrides.get(key, self.now) for key in ("a", "a1"))
            self.health.begin(self.now)
            self.all.observe("a1", outcome, self.now, self.now, overridden=overridden)
        return self.answer()

    def answer(self) -> Answer:
        """What a client is given now."""
        world = World({"a1": self.health.settled}, self.overrides, lambda _: UNRESOLVED)
        service, client = PLAN.services["chat"], Prefix(32, 0, 24)
        entry = service.clients.lookup(client)
        answer, _ = steer(1, PLAN, world, self.now).answer(service, client, entry)
        assert answer.records is not None
        given = {V4: answer.records.a, V6: answer.records.aaaa}
        families = frozenset(family for family, rrset in given.items() if rrset is not None)
        states = {health.state for health in self.health.families.health.values()}
        return Answer(self.now, families, answer.ttl, states != {State.UP})


def test_one_that_is_held_up_by_hand_is_given_over_every_family() -> None:
    """Whatever its probes say of one, as it is whatever they say of the whole."""
    host = Host()
    host.probe(True, True, times=30)
    host.say(OverrideKind.UP, "a1")
    host.probe(True, True, times=30)
    for over_v4, over_v6 in [(True, False), (False, False), (False, True), (True, True)]:
        assert host.probe(over_v4, over_v6, times=5)[1:3] == (BOTH, TTL)


def test_the_end_of_that_is_a_change_of_what_is_withheld_meanwhile() -> None:
    host = Host()
    host.probe(True, True)
    host.say(OverrideKind.UP, "a1")
    assert host.probe(True, False, times=30)[1:3] == (BOTH, TTL)
    host.overrides.clear("a1", host.now)
    assert host.answer()[1:3] == (frozenset({V4}), FAILOVER_TTL)


@pytest.mark.parametrize(
    ("kind", "key"),
    [(OverrideKind.UP, "a"), (OverrideKind.DRAIN, "a"), (OverrideKind.DRAIN, "a1")],
)
def test_under_any_other_word_that_has_it_answered_a_family_is_withheld_as_ever(
    kind: OverrideKind, key: str
) -> None:
    """A region that is held up is answered as its endpoints are, and so is one that is drained,
    where nobody else is left."""
    host = Host()
    host.probe(True, True)
    host.say(kind, key)
    assert host.probe(True, True, times=30)[1:3] == (BOTH, TTL)
    assert host.probe(True, False)[1:3] == (BOTH, FAILOVER_TTL)
    assert host.probe(True, False, times=2)[1:3] == (frozenset({V4}), FAILOVER_TTL)
    assert host.probe(True, True, times=2)[1:3] == (BOTH, FAILOVER_TTL)


words = st.sampled_from([(kind, key) for kind in OverrideKind for key in ("a", "a1")])


@settings(deadline=None, max_examples=trials(60, 600))
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 5)), max_size=25),
    st.none() | words,
)
def test_no_ttl_given_in_trouble_outlives_the_families_of_its_answer(
    seen: list[tuple[bool, bool, int]], word: tuple[OverrideKind, str] | None
) -> None:
    host = Host()
    host.probe(True, True)
    if word is not None:
        host.say(*word)
    answers = [host.probe(*families) for *families, times in seen for _ in range(times)]
    for index, given_then in enumerate(answers):
        later = (a.at for a in answers[index:] if a.families != given_then.families)
        lasts = next(later, math.inf) - given_then.at
        assert not given_then.trouble or given_then.ttl <= max(FAILOVER_TTL, lasts)
