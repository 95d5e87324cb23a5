"""The reasons of a decision and of a TTL, each held against what it says, slowly."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.decision import Decision, Reason, RegionStatus, decide
from resolverd.policy.outcomes import AllDown
from resolverd.policy.ttl import Bound, ttl_of

Statuses = dict[str, RegionStatus]

shares = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))
seconds = st.one_of(st.just(math.inf), st.floats(0, 200))
since = st.one_of(st.none(), st.floats(0, 200))
statuses = st.builds(
    RegionStatus,
    serves=st.booleans(),
    unknown=st.booleans(),
    min_until_flip=seconds,
    since_change=since,
    spill_ratio=shares,
    accept_ratio=shares,
    steady=seconds,
    has_addresses=st.booleans(),
    alive=st.booleans(),
    answer_min_until_flip=seconds,
    answer_since_change=since,
    spill_off=st.booleans(),
).map(lambda s: replace(s, has_addresses=True, unknown=False) if s.serves else s)
preferences = st.permutations(["a", "b", "c", "d"]).flatmap(
    lambda names: st.integers(0, 4).map(lambda count: tuple(names[:count]))
)
worlds = st.fixed_dictionaries(dict.fromkeys("abcd", statuses))
draws = st.one_of(st.just(0.0), st.floats(0, 1, exclude_max=True))
trickles = st.sampled_from([0.0, 0.01, 0.25, 0.5])
all_downs = st.sampled_from(get_args(AllDown))


def is_true(
    reason: Reason, region: str, made: Decision, world: Statuses, draw: float, trickle: float
) -> bool:
    """Whether `reason` says what is so, from the statuses, the answer and the draw alone."""
    first, *rest = made.consulted
    second = world[rest[0]] if rest else None
    few = world[first].serves and draw >= world[first].spill_ratio and draw >= 1 - trickle
    few = few and not world[first].spill_off
    able = second is not None and second.serves and second.spill_ratio == 0
    able = able and second is not None and not second.spill_off
    status, answered = world[region], made.region == region
    others = [world[name] for name in made.consulted if name != region]
    none_serves = not status.serves and not any(other.serves for other in others)
    said: dict[Reason, bool] = {
        "answered": answered and status.serves,
        "kept": answered and status.serves and draw >= status.spill_ratio > 0,
        "not_accepted": answered
        and status.serves
        and draw < status.spill_ratio
        and not any(o.serves and not o.spill_ratio and draw < o.accept_ratio for o in others),
        "accepted": answered
        and status.serves
        and status.spill_ratio == 0
        and draw < status.accept_ratio
        and any(other.serves and draw < other.spill_ratio for other in others),
        "answered_unknown": answered and none_serves and status.unknown and status.has_addresses,
        "answered_alive": answered and none_serves and status.alive and status.has_addresses,
        "answered_down": answered
        and none_serves
        and status.has_addresses
        and not any(world[r].alive and world[r].has_addresses for r in made.consulted),
        "shed": not answered and status.serves and draw < status.spill_ratio,
        "sheds_own": not answered and status.serves and status.spill_ratio > 0,
        "over_accept_ratio": not answered
        and status.serves
        and status.spill_ratio == 0
        and draw >= status.accept_ratio
        and not status.spill_off,
        "spill_off": not answered and status.serves and status.spill_off,
        "trickles": not answered and region == first and few and able and trickle > 0,
        "trickled": answered and region == rest[:1][0] and few and able and trickle > 0
        if rest
        else False,
        "not_trickled": answered and region == first and few and not able and trickle > 0,
        "no_address": not answered and not status.serves and not status.has_addresses,
        "unknown": not answered and not status.serves and status.unknown and status.has_addresses,
        "down": not answered and not status.serves and not status.unknown and status.has_addresses,
    }
    return said[reason]


@given(preferences, worlds, all_downs, draws, trickles)
def test_each_region_consulted_has_one_reason_and_it_is_true(
    preference: tuple[str, ...], world: Statuses, all_down: AllDown, draw: float, trickle: float
) -> None:
    made = decide(preference, world, all_down, draw, trickle)
    assert len(made.reasons) == len(made.consulted)
    for region, reason in zip(made.consulted, made.reasons, strict=True):
        assert is_true(reason, region, made, world, draw, trickle), (region, reason, made)
    assert made.consulted == preference[: len(made.consulted)]
    if made.consulted != preference:  # the others are less preferred than one that serves
        assert made.region in made.consulted
        assert made.region is not None
        assert world[made.region].serves


@given(preferences, worlds, all_downs)
def test_every_draw_with_the_same_decision_has_the_same_reasons(
    preference: tuple[str, ...], world: Statuses, all_down: AllDown
) -> None:
    """So that an answer can be kept with its reasons, for all blocks that are answered so."""
    known: dict[Decision, tuple[Reason, ...]] = {}
    for draw in (0.0, 0.2, 0.4, 0.6, 0.8, 0.999, *(s.accept_ratio for s in world.values())):
        made = decide(preference, world, all_down, min(draw, 0.999))
        assert known.setdefault(made, made.reasons) == made.reasons


def ends(status: RegionStatus, answered: bool) -> dict[Bound, float]:
    """Of one region when each change can come, or how long ago it came."""
    inside = status.serves or answered
    never = math.inf
    ago = (status.since_change, status.answer_since_change if inside else None)
    return {
        "flip": status.min_until_flip,
        "step": status.steady if status.serves else never,
        "answer_flip": status.answer_min_until_flip if inside else never,
        "ramp": never if ago[0] is None else ago[0],
        "answer_ramp": never if ago[1] is None else ago[1],
    }


@given(st.lists(statuses, max_size=4), st.floats(0, 60), st.floats(0, 100), st.booleans())
def test_what_bounds_a_ttl_is_the_least_of_all_and_the_rest_allow_what_it_says(
    consulted: list[RegionStatus], failover: float, extra: float, answered: bool
) -> None:
    ttl = failover + extra
    world = {str(number): status for number, status in enumerate(consulted)}

    def slowly(left_out: str | None = None) -> int:
        regions = [ends(s, answered) for name, s in world.items() if name != left_out]
        least = min([ttl, *(value for each in regions for value in each.values())])
        return math.floor(max(failover, least))

    found = ttl_of(world.items(), ttl=ttl, failover_ttl=failover, answered=answered)
    assert found.seconds == slowly()
    assert found.otherwise == slowly(found.region)
    if found.region is None:
        assert (found.bound, found.limit) == ("ttl", ttl)
        assert all(value >= ttl for s in world.values() for value in ends(s, answered).values())
    else:
        assert found.bound != "ttl"
        assert found.limit == ends(world[found.region], answered)[found.bound] < ttl
