"""Answers with regions that blocks keep: TTLs, scopes, maps that moved, and what `explain` says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest
from harness.config import config_text
from harness.server import HEAD, NOW, UP, snapshot_of
from harness.trials import trials
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.dns.prefix import Prefix
from resolverd.engine.explain import explain
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.policy.share import Share
from resolverd.policy.sticky import COHORTS, SEGMENTS, next_end
from resolverd.snapshot.earlier_maps import with_earlier_maps
from resolverd.snapshot.held import History
from resolverd.snapshot.model import CachedAnswer, Dyna, Plan, Snapshot, Steering
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import stale_at, steer
from resolverd.snapshot.tiers import give

REGIONS = ("us-east", "us-west", "eu-west")
STICKY = 640.0
UNIX = 1_764_000_000.0
_ZONE = f"$ORIGIN inference.example.\n{HEAD}chat DYNA chat\nplain DYNA plain\n"


def plan_of(order: tuple[str, ...] = REGIONS, sticky: str = "640s") -> Plan:
    listed = ", ".join(f'"{region}"' for region in order)
    service = f'regions = [{listed}]\npolicy = "failover"\nttl = "60s"\nfailover_ttl = "5s"\n'
    text = f'[service.chat]\n{service}sticky = "{sticky}"\n[service.plain]\n{service}'
    return snapshot_of(_ZONE, config_text(text)).plan


PLAN = plan_of()


class Change(NamedTuple):
    """After so many seconds: who drains, and what is sent on."""

    after: float
    drained: frozenset[str]
    shares: Mapping[str, Share]


def steered(plan: Plan, change: Change, unix: float, before: Mapping[str, History]) -> Steering:
    overrides = Overrides()
    for region in change.drained:
        overrides.set(region, Override(OverrideKind.DRAIN, "test", "held", NOW - 9999))
    shares = {("chat", region): share for region, share in change.shares.items()}
    verdicts = {f"{region}-1": UP for region in REGIONS}
    world = World(verdicts, overrides, lambda _: UNRESOLVED, shares)
    return steer(1, plan, world, NOW, before, unix)


def answer(
    plan: Plan, steering: Steering, client: Prefix, name: str = "chat"
) -> tuple[CachedAnswer, int]:
    service = plan.services[name]
    return steering.answer(service, client, service.clients.lookup(client))


def client(number: int) -> Prefix:
    return Prefix(32, number % 2**24 << 8 | 7, 32)


ALL, WITHOUT = Change(0.0, frozenset(), {}), Change(0.0, frozenset({"us-east"}), {})
SHARES = st.sampled_from([{}, {}, {"us-east": Share(0.5), "us-west": Share(0.0, 0.5)}])
CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from([0.5, 9.0, 80.0, 300.0, 700.0]),
        st.frozensets(st.sampled_from(REGIONS), max_size=2),
        SHARES,
    ),
    min_size=1,
    max_size=8,
)


def told(changes: list[Change], plan: Plan = PLAN) -> tuple[Steering, float]:
    """The Steering after these changes, and its Unix time."""
    at, histories = UNIX, steered(plan, ALL, UNIX, {}).histories
    for change in changes:
        at += change.after
        steering = steered(plan, change, at, histories)
        histories = steering.histories
    return steering, at


@settings(max_examples=trials(150, 1000), deadline=None)
@given(CHANGES, st.integers(0, 2**24 - 1), st.floats(0, 900))
def test_no_ttl_outlives_the_epoch_in_which_its_region_is_kept(
    changes: list[Change], number: int, later: float
) -> None:
    """Invariant 3: time alone changes no answer before its TTL is over, or else failover_ttl.

    Each is asked at any moment for which it is answered from, and no Steering is late.
    """
    steering, begun = told(changes)
    at = begun
    while (end := next_end(at, STICKY) + 0.01) <= begun + later:
        at = end
        steering = steered(PLAN, changes[-1], at, steering.histories)
    asked = begun + later
    cached, _ = answer(PLAN, steering, client(number))
    assert 5 <= cached.ttl <= 60
    while (end := next_end(at, STICKY) + 0.01) <= asked + cached.ttl:
        at = end
        if at <= asked + 5.02:
            continue
        then = steered(PLAN, changes[-1], at, steering.histories)
        assert answer(PLAN, then, client(number))[0].region == cached.region


@settings(max_examples=trials(100, 500), deadline=None)
@given(CHANGES, st.integers(0, 2**24 - 1))
def test_what_is_kept_serves_and_is_told_until_when(changes: list[Change], number: int) -> None:
    steering, at = told(changes)
    cached, scope = answer(PLAN, steering, client(number))
    if cached.held is None:
        assert cached.outcome != "held"
        return
    assert (cached.outcome, scope, cached.error) == ("held", 24, None)
    assert cached.region not in changes[-1].drained
    assert cached.held.now.region != cached.region
    assert cached.held.since <= at <= cached.held.until <= at + STICKY


def test_where_nothing_changed_a_sticky_service_answers_as_any_other() -> None:
    """The whole list has one answer, in the scope of its entry, for the full TTL, and it rests."""
    steering = steered(PLAN, ALL, UNIX, {})
    assert (steering.epochs, steering.settled, steering.due) == ({}, True, math.inf)
    assert [answer(PLAN, steering, client(7), n)[1] for n in ("chat", "plain")] == [0, 0]
    assert answer(PLAN, steering, client(7))[0].ttl == 60


def test_a_region_that_kept_all_its_clients_is_answered_in_the_scope_of_the_entry() -> None:
    """Another's going and coming back tells no two of its clients apart."""
    gone = Change(10.0, frozenset({"eu-west"}), {})
    steering, _ = told([gone, ALL])
    assert "chat" in steering.epochs
    assert answer(PLAN, steering, client(7))[1] == 0
    steering, _ = told([Change(10.0, frozenset({"us-east"}), {}), ALL])
    assert answer(PLAN, steering, client(7))[1] == 24


def test_a_service_that_is_not_sticky_has_no_history() -> None:
    steering, _ = told([WITHOUT, ALL])
    assert set(steering.histories) == {"chat"}
    assert answer(PLAN, steering, client(7), "plain")[0].region == "us-east"


def test_a_steering_is_due_when_the_next_cohort_s_epochs_end() -> None:
    steering, at = told([WITHOUT._replace(after=1.0), ALL._replace(after=2.0)])
    assert steering.due - NOW == pytest.approx(next_end(at, STICKY) - at + 0.01)


def test_a_steering_that_was_due_while_it_was_published_is_due_at_once() -> None:
    """What lies ahead is waited for, and goes on being due once it has passed."""
    steering, _ = told([WITHOUT._replace(after=1.0), ALL._replace(after=2.0)])
    steering = replace(steering, settled=True)
    assert stale_at(steering) == steering.due
    assert stale_at(replace(steering, settled=False)) == NOW + steering.staleness
    assert stale_at(replace(steering, due=NOW)) == math.inf, "it was made with that in mind"


def test_one_history_is_bounded_in_segments() -> None:
    """More changes than are kept, each second: memory does not grow with time or clients."""
    steering, _ = told([(WITHOUT, ALL)[n % 2]._replace(after=1.0) for n in range(SEGMENTS + 9)])
    assert len(steering.histories["chat"].segments) == SEGMENTS
    assert len(steering.epochs["chat"].starts) == COHORTS


def test_a_map_that_moved_leaves_each_block_where_it_was_until_its_epoch_ends() -> None:
    """The order of the list was another: half an epoch later half of the blocks follow it."""
    before = plan_of()
    after = _followed(before, ("eu-west", "us-east", "us-west"))
    histories = steered(before, ALL, UNIX, {}).histories
    for part in (0.25, 0.75):
        steering = steered(after, ALL, UNIX + 5, histories)
        then = steered(after, ALL, UNIX + 5 + STICKY * part, steering.histories)
        regions = [answer(after, then, client(n * 7919))[0].region for n in range(600)]
        assert set(regions) == {"us-east", "eu-west"}
        assert regions.count("eu-west") / 600 == pytest.approx(part, abs=0.07)


def test_a_region_that_an_edit_takes_away_is_left_at_once_and_its_numbers_are_not_missed() -> None:
    before = plan_of()
    after = _followed(before, ("us-west", "eu-west"))
    histories = steered(before, ALL, UNIX, {}).histories
    steering = steered(after, ALL, UNIX + 5, histories)
    assert {answer(after, steering, client(n))[0].region for n in range(50)} == {"us-west"}


def test_only_one_earlier_map_is_kept() -> None:
    """What was decided under an older one does not count, and its memory is free."""
    first = plan_of()
    second = _followed(first, ("eu-west", "us-east", "us-west"), 2)
    third = _followed(second, ("us-west", "eu-west", "us-east"), 3)
    histories = steered(first, ALL, UNIX, {}).histories
    histories = steered(second, ALL, UNIX + 5, histories).histories
    steering = steered(third, ALL, UNIX + 10, histories)
    assert [s.earlier for s in steering.histories["chat"].segments] == [True, False]
    earlier = third.services["chat"].earlier
    assert earlier is not None
    assert earlier.clients is second.services["chat"].clients
    assert {answer(third, steering, client(n))[0].region for n in range(50)} == {"eu-west"}


_PAIR = """
[service.large]
regions = [{core}]
policy = "failover"
sticky = "640s"
[service.small]
regions = ["eu-west"]
core = "large"
sticky = "640s"
"""


def _pair_plan(core: str, before: Plan | None = None) -> Plan:
    zone = f"$ORIGIN inference.example.\n{HEAD}small DYNA small\ncore DYNA small/core\n"
    plan = snapshot_of(zone, config_text(_PAIR.format(core=core))).plan
    generation = 1 if before is None else 2
    return replace(plan, services=with_earlier_maps(plan.services, generation, before))


def _given(plan: Plan, steering: Steering, *, behind: bool) -> set[str | None]:
    """The regions that clients are given at the name of the edge, or of the core behind it."""
    dyna, snapshot = Dyna("small", 60, behind=behind), Snapshot(plan, steering)
    return {give(snapshot, dyna, client(n * 7919)).cached.region for n in range(50)}


def test_another_order_of_the_core_moves_nobody_who_is_seen_from_the_edge() -> None:
    """Theirs is that of the edge region, and never was that of the core's own list."""
    before = _pair_plan('"us-west", "us-east"')
    after = _pair_plan('"us-east", "us-west"', before)
    first = steered(before, ALL, UNIX, {})
    assert _given(before, first, behind=True) == {"us-east"}
    then = steered(after, ALL, UNIX + 5, first.histories)
    assert then.epochs["large"].earlier
    assert _given(after, then, behind=True) == {"us-east"}


def test_another_map_of_the_edge_moves_nobody_who_is_behind_it() -> None:
    before = _pair_plan('"us-east", "us-west"')
    after = _pair_plan('"us-east", "us-west"', before)
    first = steered(before, Change(0.0, frozenset({"eu-west", "us-east"}), {}), UNIX, {})
    behind = Change(0.0, frozenset({"eu-west"}), {})
    second = steered(before, behind, UNIX + 1, first.histories)
    assert _given(before, second, behind=False) == {"us-west"}, "who is given it keeps it"
    third = steered(after, behind, UNIX + 5, second.histories)
    assert third.epochs["small"].earlier
    assert _given(after, third, behind=False) == {"us-west"}


def _followed(before: Plan, order: tuple[str, ...], generation: int = 2) -> Plan:
    plan = plan_of(order)
    return replace(plan, services=with_earlier_maps(plan.services, generation, before))


def test_explain_says_since_when_until_when_and_what_would_be_now() -> None:
    steering, at = told([WITHOUT._replace(after=3.0), ALL._replace(after=2.0)])
    held = explain("chat.inference.example", client(7), Snapshot(PLAN, steering)).held
    assert held is not None
    assert (held.now, held.outcome, held.reasons) == ("us-east", "serving", ("answered",))
    assert held.since == UNIX + 3.0
    assert at < held.until <= at + STICKY
    snapshot = Snapshot(PLAN, steering)
    everybody = (explain("chat.inference.example", client(n), snapshot) for n in range(999))
    said = next(e for e in everybody if e.held is not None and e.held.until < at + 50)
    assert said.ttl_why.startswith("us-west is kept, and the epoch of this block ends in")
    assert {c.region: c.reason for c in said.candidates}["us-west"] == "held"
