"""Which region is answered: tables, and the fence as a property over all statuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.decision import Decision, RegionStatus, decide
from resolverd.policy.outcomes import AllDown, Outcome

UP, DOWN = RegionStatus(serves=True), RegionStatus(serves=False)
UNKNOWN = RegionStatus(serves=False, unknown=True)
OFF = RegionStatus(serves=True, spill_off=True)
NAMES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("states", "all_down", "outcome", "region", "consulted"),
    [
        ((UP, UP, UP), "nearest", "serving", "a", 1),
        ((DOWN, UP, UP), "nearest", "serving", "b", 2),
        ((UNKNOWN, UP, DOWN), "nearest", "serving", "b", 2),
        ((DOWN, UNKNOWN, DOWN), "nearest", "unknown", "b", 3),
        ((DOWN, UNKNOWN, DOWN), "servfail", "unknown", "b", 3),
        ((DOWN, DOWN, DOWN), "nearest", "all_down", "a", 3),
        ((DOWN, DOWN, DOWN), "servfail", "servfail", None, 3),
        ((DOWN, DOWN, DOWN), "nodata", "nodata", None, 3),
    ],
)
def test_the_first_region_that_serves_is_answered(
    states: tuple[RegionStatus, ...],
    all_down: AllDown,
    outcome: Outcome,
    region: str | None,
    consulted: int,
) -> None:
    decision = decide(NAMES, dict(zip(NAMES, states, strict=True)), all_down)
    assert (decision.outcome, decision.region) == (outcome, region)
    assert decision.consulted == NAMES[:consulted]


def full(share: float) -> RegionStatus:
    return RegionStatus(serves=True, spill_ratio=share)


def free(share: float) -> RegionStatus:
    return RegionStatus(serves=True, accept_ratio=share)


@pytest.mark.parametrize(
    ("states", "draw", "outcome", "region", "consulted"),
    [
        pytest.param((full(0.3), free(1), UP), 0.3, "serving", "a", 1, id="keeps what is above"),
        pytest.param(
            (full(0.3), free(1), UP), 0.29, "spilled", "b", 2, id="sends on what is below"
        ),
        pytest.param((full(1), free(0.2), free(1)), 0.1, "spilled", "b", 2, id="the next takes it"),
        pytest.param(
            (full(1), free(0.2), free(1)), 0.2, "spilled", "c", 3, id="the next has enough"
        ),
        pytest.param((full(1), free(0.2), UP), 0.2, "serving", "a", 3, id="nobody takes it"),
        pytest.param(
            (full(1), full(0.1), free(1)), 0.5, "spilled", "c", 3, id="no spill to a full one"
        ),
        pytest.param((full(1), full(0.1), UP), 0.0, "serving", "a", 3, id="all others are full"),
        pytest.param((full(1), DOWN, free(1)), 0.5, "spilled", "c", 3, id="past one that is down"),
        pytest.param((full(1), UNKNOWN, UP), 0.5, "serving", "a", 3, id="unknown takes nothing"),
        pytest.param((DOWN, full(1), free(1)), 0.5, "spilled", "c", 3, id="after a failover"),
        pytest.param(
            (DOWN, full(0.4), free(1)), 0.5, "serving", "b", 2, id="kept after a failover"
        ),
        pytest.param(
            (UP, full(1), free(1)), 0.5, "serving", "a", 1, id="what comes later is no matter"
        ),
    ],
)
def test_a_region_sends_on_the_clients_whose_draw_is_below_its_share(
    states: tuple[RegionStatus, ...], draw: float, outcome: Outcome, region: str, consulted: int
) -> None:
    decision = decide(NAMES, dict(zip(NAMES, states, strict=True)), "nearest", draw)
    sends_on = next(s for s in states if s.serves).spill_ratio > 0
    assert decision == Decision(outcome, region, NAMES[:consulted], per_block=sends_on)


def test_the_last_region_of_a_list_has_nobody_to_send_clients_to() -> None:
    """So its answer is the same for every block, and needs no block for its scope."""
    for preference, states in ((("a",), {"a": full(1)}), (("b", "a"), {"a": full(1), "b": DOWN})):
        decision = decide(preference, states, "nearest", 0.0)
        assert decision == Decision("serving", "a", preference, per_block=False)


@pytest.mark.parametrize(
    ("states", "draw", "outcome", "region", "consulted"),
    [
        pytest.param((UP, UP, UP), 0.89, "serving", "a", 1, id="the first keeps what is below"),
        pytest.param((UP, UP, UP), 0.9, "trickled", "b", 2, id="the second has the highest draws"),
        pytest.param((UP, DOWN, UP), 0.9, "serving", "a", 2, id="none while the second is down"),
        pytest.param((UP, UNKNOWN, UP), 0.9, "serving", "a", 2, id="nor while it is unknown"),
        pytest.param((UP, full(0.1), UP), 0.9, "serving", "a", 2, id="nor while it is full itself"),
        pytest.param((DOWN, UP, UP), 0.9, "serving", "b", 2, id="none while the first is away"),
        pytest.param((UP, OFF, UP), 0.9, "serving", "a", 2, id="nor while an operator forbids it"),
        pytest.param((UP, UP, OFF), 0.9, "trickled", "b", 2, id="whatever is said of others"),
        pytest.param((full(0.5), free(1), UP), 0.9, "trickled", "b", 2, id="beside a spill"),
        pytest.param((full(0.95), free(0.2), UP), 0.9, "serving", "a", 3, id="a spill goes before"),
        pytest.param((full(0.95), free(1), UP), 0.9, "spilled", "b", 2, id="and moves it"),
    ],
)
def test_the_second_region_is_given_a_trickle_of_the_first_ones_clients(
    states: tuple[RegionStatus, ...], draw: float, outcome: Outcome, region: str, consulted: int
) -> None:
    decision = decide(NAMES, dict(zip(NAMES, states, strict=True)), "nearest", draw, 0.1)
    divided = states[0].serves
    assert decision == Decision(outcome, region, NAMES[:consulted], per_block=divided)


def test_of_a_first_that_an_operator_has_out_of_spilling_nobody_trickles() -> None:
    """So that its answer is the same for every block."""
    decision = decide(NAMES, {"a": OFF, "b": UP, "c": UP}, "nearest", 0.99, 0.5)
    assert decision == Decision("serving", "a", ("a",))


def test_without_a_draw_nobody_trickles() -> None:
    """What is kept for a list is the answer of those whom it does not concern."""
    decision = decide(NAMES, dict.fromkeys(NAMES, UP), "nearest", trickle=0.5)
    assert decision == Decision("serving", "a", ("a",), per_block=True)


def test_a_fence_of_one_region_has_no_second_to_trickle_to() -> None:
    assert decide(("a",), {"a": UP}, "nearest", 0.99, 0.5) == Decision("serving", "a", ("a",))


def test_an_empty_fence_has_no_region() -> None:
    decision = decide((), {"a": UP}, "nearest")
    assert (decision.outcome, decision.region, decision.consulted) == ("no_region", None, ())


def test_a_position_decides_what_is_sent_on_and_taken_and_the_draw_who_trickles() -> None:
    """So that the few who trickle stay the same whatever is counted."""
    full = replace(UP, spill_ratio=0.3)
    for position, draw, answered in (
        (0.1, 0.99, "b"),  # sent on, and the first that takes it
        (0.25, 0.0, "c"),
        (0.4, 0.0, "a"),
        (0.4, 0.99, "b"),  # trickles
        (0.99, 0.4, "a"),
    ):
        world = {"a": full, "b": replace(UP, accept_ratio=0.2), "c": replace(UP, accept_ratio=0.3)}
        made = decide(("a", "b", "c"), world, "nearest", draw, 0.05, position)
        assert made.region == answered, (position, draw)


shares = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))
statuses = st.one_of(
    st.sampled_from([UP, DOWN, UNKNOWN]),
    st.builds(
        RegionStatus,
        serves=st.booleans(),
        spill_ratio=shares,
        accept_ratio=shares,
        spill_off=st.booleans(),
    ),
)
preferences = st.permutations(["a", "b", "c", "d"]).flatmap(
    lambda names: st.integers(0, 4).map(lambda count: tuple(names[:count]))
)
worlds = st.fixed_dictionaries(dict.fromkeys("abcd", statuses))
draws = st.floats(0, 1, exclude_max=True)


trickles = st.sampled_from([0.0, 0.01, 0.25, 0.5])


@given(preferences, worlds, st.sampled_from(["nearest", "servfail", "nodata"]), draws, trickles)
def test_the_answer_never_leaves_the_preference_list(
    preference: tuple[str, ...],
    states: dict[str, RegionStatus],
    all_down: AllDown,
    draw: float,
    trickle: float,
) -> None:
    decision = decide(preference, states, all_down, draw, trickle)
    assert decision.region is None or decision.region in preference
    if any(states[name].serves for name in preference):
        assert decision.region is not None
        assert states[decision.region].serves


@given(preferences, worlds, draws, draws)
def test_a_decision_that_is_not_drawn_holds_for_every_block(
    preference: tuple[str, ...], states: dict[str, RegionStatus], one: float, other: float
) -> None:
    decision = decide(preference, states, "nearest", one)
    again = decide(preference, states, "nearest", other)
    assert decision.per_block == again.per_block
    if not decision.per_block:
        assert decision == again


@given(preferences, worlds, draws, st.sampled_from("abcd"), statuses)
def test_only_regions_that_were_consulted_can_change_an_answer(
    preference: tuple[str, ...],
    states: dict[str, RegionStatus],
    draw: float,
    changed: str,
    after: RegionStatus,
) -> None:
    """So that its TTL rests on their horizons alone."""
    decision = decide(preference, states, "nearest", draw)
    if changed not in decision.consulted:
        again = decide(preference, {**states, changed: after}, "nearest", draw)
        assert again == decision


@given(preferences, worlds, draws, st.sampled_from("abcd"), shares)
def test_a_changed_share_moves_only_the_blocks_between_the_old_and_the_new(
    preference: tuple[str, ...],
    states: dict[str, RegionStatus],
    draw: float,
    moved: str,
    share: float,
) -> None:
    """Of those that a region sends on; it may begin or stop taking those of others."""
    before = states[moved]
    after = replace(before, spill_ratio=share)
    low, high = sorted((before.spill_ratio, share))
    first = next((r for r in preference if states[r].serves), None)
    if moved == first and not low <= draw < high:
        was = decide(preference, states, "nearest", draw)
        now = decide(preference, {**states, moved: after}, "nearest", draw)
        assert (was.outcome, was.region) == (now.outcome, now.region)


@pytest.mark.parametrize(
    ("states", "empty", "outcome", "region"),
    [
        ((DOWN, DOWN, DOWN), "a", "all_down", "b"),
        ((DOWN, DOWN, DOWN), "abc", "no_address", None),
        ((UNKNOWN, DOWN, UNKNOWN), "a", "unknown", "c"),
        ((UNKNOWN, DOWN, DOWN), "a", "all_down", "b"),
        ((UNKNOWN, DOWN, DOWN), "abc", "no_address", None),
    ],
)
def test_a_region_with_nothing_to_hand_out_is_never_answered(
    states: tuple[RegionStatus, ...], empty: str, outcome: Outcome, region: str | None
) -> None:
    statuses = {
        name: replace(status, has_addresses=name not in empty)
        for name, status in zip(NAMES, states, strict=True)
    }
    decision = decide(NAMES, statuses, "nearest")
    assert (decision.outcome, decision.region) == (outcome, region)
    assert decision.consulted == NAMES


ALIVE = replace(DOWN, alive=True)


@pytest.mark.parametrize(
    ("states", "outcome", "region"),
    [
        ((DOWN, ALIVE, ALIVE), "all_down", "b"),
        ((ALIVE, DOWN, DOWN), "all_down", "a"),
        ((DOWN, UNKNOWN, ALIVE), "unknown", "b"),
        ((DOWN, ALIVE, UP), "serving", "c"),
    ],
)
def test_where_none_serves_the_first_that_is_alive_answers(
    states: tuple[RegionStatus, ...], outcome: Outcome, region: str
) -> None:
    decision = decide(NAMES, dict(zip(NAMES, states, strict=True)), "nearest")
    assert (decision.outcome, decision.region, decision.per_block) == (outcome, region, False)
    for all_down in ("cname", "nodata", "servfail"):
        said = decide(NAMES, dict(zip(NAMES, states, strict=True)), all_down)
        assert said.region == (None if outcome == "all_down" else region)


@given(preferences, worlds, draws, trickles)
def test_a_trickle_changes_only_who_is_in_it_and_only_to_a_second_that_can(
    preference: tuple[str, ...], states: dict[str, RegionStatus], draw: float, trickle: float
) -> None:
    without = decide(preference, states, "nearest", draw)
    decision = decide(preference, states, "nearest", draw, trickle)
    if decision.region != without.region:
        first, second = preference[:2]
        assert (without.region, decision.region) == (first, second)
        assert draw >= 1 - trickle
        assert states[second].serves
        assert not states[second].spill_ratio
        assert not any(states[region].spill_off for region in (first, second))
    elif draw < 1 - trickle:
        assert decision.consulted == without.consulted
