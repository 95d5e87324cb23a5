"""Regions of which nothing has changed are taken from what was judged before, to the same end."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from harness.config import config_text
from harness.server import HEAD, NOW, snapshot_of
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.identity import Difference
from resolverd.health.mismatch import PeerMismatch
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import Resolved
from resolverd.health.service_windows import ServiceWindow
from resolverd.health.verdict import State, Verdict
from resolverd.policy.share import Share
from resolverd.snapshot.model import Steering
from resolverd.snapshot.regions import Judgement, World, changed_verdicts, judge
from resolverd.snapshot.steer import KnownAnswers, steer

REGIONS = """
[region.a]
coordinates = [40, -74]
endpoint = [
  { name = "a1", address = ["192.0.2.1"], url = "http://192.0.2.1" },
  { name = "a2", address = ["192.0.2.2"], url = "http://192.0.2.2" },
]
[region.b]
coordinates = [50, 8]
hostname = "b.example"
endpoint = [{ name = "b1", address = ["192.0.2.11", "2001:db8::11"], url = "http://192.0.2.11" }]
[region.c]
coordinates = [51, 0]
endpoint = [{ name = "c1", hostname = "c1.example", url = "http://192.0.2.21" }]
[service.chat]
regions = ["a", "b", "c"]
policy = "failover"
[service.alias]
regions = ["b"]
answer = "cname"
"""
ZONE = f"$ORIGIN x.example.\n{HEAD}chat 300 DYNA chat\nalias 300 DYNA alias\n"
PLAN = snapshot_of(ZONE, config_text(REGIONS)).plan
DIFFERENCE = Difference("version", "1", "2")
TARGETS = ("a1", "a2", "b1", "c1")
SEEN = {
    state: Verdict(state, 10.0, state.value, least, state, probed_at=NOW)
    for state, least in [
        (State.UP, math.inf), (State.SUSPECT, 2.0), (State.DOWN, 1.0), (State.UNKNOWN, 0.0)
    ]
}  # fmt: skip
FIRST = replace(SEEN[State.UP], changed_at=None)  # nothing of it changes by time alone
SHARES = [Share(), Share(0.5), Share(0.0, 0.25), Share(0.5, 0.0, 12.0)]
# What happens to the world, in turn: a verdict, its reason, an override, an address, a mismatch,
# hours of service, a target that is no longer probed, a share of clients that is sent on.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("verdict"), st.sampled_from(TARGETS), st.sampled_from([*SEEN])),
        st.tuples(st.just("reason"), st.sampled_from(TARGETS), st.text(max_size=2)),
        st.tuples(st.just("override"), st.sampled_from(["a", "a1", "b"]), st.booleans()),
        st.tuples(st.just("addresses"), st.just("c1"), st.sampled_from([(), ("192.0.2.7",)])),
        st.tuples(st.just("mismatch"), st.sampled_from(TARGETS), st.booleans()),
        st.tuples(st.just("hours"), st.sampled_from(["a", "b"]), st.booleans()),
        st.tuples(st.just("gone"), st.sampled_from(TARGETS), st.none()),
        st.tuples(st.just("share"), st.sampled_from(["a", "b"]), st.sampled_from(SHARES)),
    ),
    max_size=12,
)


def step(state: dict[str, Any], what: str, target: str, value: Any) -> None:
    """Have it happen."""
    if what == "verdict":
        state["verdicts"][target] = SEEN[value]
    elif what == "reason":
        if target in state["verdicts"]:
            state["verdicts"][target] = replace(state["verdicts"][target], reason=value)
    elif what == "override" and value:
        state["overrides"].set(target, Override(OverrideKind.DOWN, "test", "test", 1.0))
    elif what == "override":
        state["overrides"].clear(target, NOW)
    elif what == "addresses":
        state["addresses"] = value
    elif what == "share":
        state["shares"]["chat", target] = value
    elif what == "gone":
        state["verdicts"].pop(target, None)
    elif what == "hours" and value:
        closed = Override(OverrideKind.DRAIN, "hours", "closed", NOW)
        state["hours"][target] = ServiceWindow(closed, NOW, NOW + 600.0)
    elif what == "hours":
        state["hours"].pop(target, None)
    elif value:
        state["mismatches"][target] = PeerMismatch(DIFFERENCE, NOW)
    else:
        state["mismatches"].pop(target, None)


def world_of(state: dict[str, Any]) -> World:
    """The world as it stands."""
    known = Resolved(state["addresses"], (), NOW + 60.0, NOW + 60.0, known=True)
    return World(
        dict(state["verdicts"]),
        state["overrides"].copy(),
        lambda _: known,
        service_windows=dict(state["hours"]),
        shares=dict(state["shares"]),
        mismatches=dict(state["mismatches"]),
    )


@given(STEPS)
def test_what_is_known_from_before_makes_no_difference(steps: list[tuple[str, str, Any]]) -> None:
    state: dict[str, Any] = {
        "verdicts": dict.fromkeys(TARGETS, FIRST), "shares": {},
        "overrides": Overrides(), "addresses": ("192.0.2.7",), "mismatches": {}, "hours": {},
    }  # fmt: skip
    judgement: Judgement | None = None
    answers: KnownAnswers = {}
    for number, what in enumerate([None, *steps]):
        if what is not None:
            step(state, *what)
        now = NOW + number
        world = world_of(state)
        again, anew = judge(PLAN, world, now, judgement), judge(PLAN, world, now)
        judgement = again.judgement
        assert again.judgement is not None
        assert anew.judgement is not None
        assert again.judgement.regions == anew.judgement.regions
        taken = steer(1, PLAN, again, now, answers=answers)
        assert parts(taken) == parts(steer(1, PLAN, anew, now))


def test_only_the_region_of_which_a_verdict_changed_is_judged_again() -> None:
    verdicts = dict.fromkeys(TARGETS, SEEN[State.UP])
    judged = judge(PLAN, World(verdicts, Overrides(), lambda _: Resolved()), NOW).judgement
    assert judged is not None
    verdicts = {**verdicts, "a2": SEEN[State.DOWN]}
    world = World(verdicts, Overrides(), lambda _: Resolved())
    later = judge(PLAN, world, NOW, judged).judgement
    assert later is not None
    assert later.regions["b"] is judged.regions["b"]
    assert later.regions["a"] is not judged.regions["a"]


def test_a_word_on_one_region_has_no_other_judged_again() -> None:
    """Nor has one that is over: it is remembered for as long as the daemon runs."""
    verdicts, overrides = dict.fromkeys(TARGETS, SEEN[State.UP]), Overrides()
    judgement = None
    regions = []
    for said in (None, "set", None, "cleared", None):
        if said == "set":
            overrides.set("a1", Override(OverrideKind.DOWN, "test", "test", NOW))
        elif said == "cleared":
            overrides.clear("a1", NOW)
        world = World(verdicts, overrides.copy(), lambda _: Resolved())
        judgement = judge(PLAN, world, NOW, judgement).judgement
        assert judgement is not None
        regions.append(judgement.regions)
    assert len({id(of["b"]) for of in regions}) == 1
    assert regions[3]["a"] is regions[4]["a"], "that it is over is known by then"
    assert [of["a"].verdict.serves for of in regions] == [True] * 5
    assert [of["a"].endpoints["a1"].serves for of in regions] == [True, False, False, True, True]


def test_a_status_that_time_does_not_change_is_the_one_of_before() -> None:
    """Of thousands of regions those alone are reckoned again in which something moves."""
    verdicts = dict.fromkeys(TARGETS, FIRST)
    answers: KnownAnswers = {}
    known, judgement = [], None
    ttl = PLAN.sites["a"].ttl
    changed = replace(SEEN[State.UP], changed_at=NOW)
    for later in (0.0, 1.0, ttl, ttl + 1):
        world = World({**verdicts, "a2": changed}, Overrides(), lambda _: Resolved())
        judged = judge(PLAN, world, NOW + later, judgement)
        judgement = judged.judgement
        known.append(steer(1, PLAN, judged, NOW + later, answers=answers).statuses["chat"])
    assert len({id(statuses["b"]) for statuses in known}) == 1
    assert [statuses["a"].since_change for statuses in known] == [0.0, 1.0, None, None]
    assert known[2]["a"] is known[3]["a"], "what changed a TTL ago counts as what never did"


VERDICTS = st.dictionaries(
    st.sampled_from(TARGETS),
    st.sampled_from([*SEEN.values(), replace(SEEN[State.UP]), replace(SEEN[State.DOWN])]),
)


@given(VERDICTS, VERDICTS)
def test_the_verdicts_that_changed_are_those_that_differ(
    now: dict[str, Verdict], before: dict[str, Verdict]
) -> None:
    slow = {t for t in TARGETS if now.get(t) != before.get(t)}
    assert sorted(changed_verdicts(now, before)) == sorted(slow)


def parts(steering: Steering) -> tuple[object, ...]:
    """All that a Steering says."""
    return (
        steering.statuses, steering.records, steering.regions, steering.settled, steering.due
    )  # fmt: skip
