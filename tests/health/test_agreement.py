"""What other edges' verdicts make of one's own: held against a rule written out slowly."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.fleet import VerdictPolicy, parse_verdicts
from resolverd.health.agreement import Agreement, Standing, agreement, with_others
from resolverd.health.verdict import State, Verdict

ME = "me"
UP = Verdict(State.UP, None, "HTTP 200", math.inf, State.UP, 90.0)
DOWN = Verdict(State.DOWN, 50.0, "connection refused", 2.0, State.DOWN, 90.0)

policies = st.sampled_from(["own", "any", "quorum", "quorum:1", "quorum:2", "quorum:3", "nearest:1",
                            "nearest:3"]).map(parse_verdicts)  # fmt: skip
votes = st.dictionaries(st.sampled_from("abcdefg"), st.booleans())
distances = st.dictionaries(st.sampled_from([*"abcdefg", ME]), st.floats(0, 20_000))
verdicts = st.sampled_from([UP, DOWN, replace(UP, state=State.SUSPECT, measured=State.SUSPECT)])


def found(policy: str, own: bool, *others: bool, km: dict[str, float] | None = None) -> Standing:
    names = dict(zip("abcdefg", others, strict=False))
    return agreement(parse_verdicts(policy), own, names, edge=ME, km=km or {}).standing


@pytest.mark.parametrize(
    ("policy", "own", "others", "standing"),
    [
        # Two of five edges are blinded: they say path, and the other three move nothing.
        ("quorum", False, (False, True, True, True), "path"),
        ("quorum", True, (False, False, True, True), "agreed"),
        # A real death: all agree, be the last to see it a lone one.
        ("quorum", False, (False, False, False, False), "agreed"),
        ("quorum", True, (False, False, False, False), "doubted"),
        ("quorum:2", True, (False, False, True, True), "doubted"),
        ("quorum:2", False, (False, True, True, True), "agreed"),
        ("quorum:3", False, (False, True, True, True), "path"),
        # More than there are is as many as there are.
        ("quorum:9", False, (False,), "agreed"),
        ("quorum:9", False, (True,), "path"),
        ("any", True, (True, False), "told"),
        ("any", False, (True, True), "agreed"),
        ("own", True, (False, False), "alone"),
        ("own", False, (True, True), "alone"),
        ("quorum", False, (), "alone"),
        ("any", True, (), "alone"),
    ],
)
def test_who_says_what(policy: str, own: bool, others: tuple[bool, ...], standing: str) -> None:
    assert found(policy, own, *others) == standing


def test_the_nearest_edges_decide_and_those_far_away_do_not() -> None:
    km = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 9000.0, "e": 9100.0, ME: 9200.0}
    others = {"a": False, "b": False, "c": True, "d": True, "e": True}
    policy = parse_verdicts("nearest:3")
    assert agreement(policy, True, others, edge=ME, km=km) == Agreement(Standing.DOUBTED, 2, 3)
    flipped = {name: not serves for name, serves in others.items()}
    assert agreement(policy, False, flipped, edge=ME, km=km) == Agreement(Standing.PATH, 1, 3)


def slow(
    policy: VerdictPolicy, own: bool, others: dict[str, bool], km: dict[str, float]
) -> Standing:
    """The rule of the issue, in its own order of words."""
    if policy.kind == "own" or not others:
        return Standing.ALONE
    everybody = [*others, ME]
    if policy.kind == "nearest":
        everybody.sort(key=lambda name: (km.get(name, math.inf), name))
        everybody = everybody[: policy.edges]
    says_down = [name for name in everybody if not (own if name == ME else others[name])]
    if policy.kind == "any":
        quorum = len(says_down) > 0
    elif policy.kind == "quorum" and policy.edges > 0:
        quorum = len(says_down) >= policy.edges or len(says_down) == len(everybody)
    else:
        quorum = 2 * len(says_down) > len(everybody)
    if not own:
        return Standing.AGREED if quorum else Standing.PATH
    if not quorum:
        return Standing.AGREED
    return Standing.TOLD if policy.kind == "any" else Standing.DOUBTED


@given(policies, st.booleans(), votes, distances)
def test_it_is_the_rule(
    policy: VerdictPolicy, own: bool, others: dict[str, bool], km: dict[str, float]
) -> None:
    assert agreement(policy, own, others, edge=ME, km=km).standing == slow(policy, own, others, km)


@given(policies, verdicts, votes, distances, st.none() | st.floats(0, 100))
def test_others_move_an_answer_by_any_alone_and_never_bring_one_back(
    policy: VerdictPolicy,
    verdict: Verdict,
    others: dict[str, bool],
    km: dict[str, float],
    changed: float | None,
) -> None:
    agreed = agreement(policy, verdict.serves, others, edge=ME, km=km)
    after = with_others(verdict, agreed, 100.0, changed)
    assert not after.serves or verdict.serves
    if policy.kind != "any":
        assert after.state is verdict.state
    if after.serves != verdict.serves:
        assert False in others.values()
    assert after.measured is verdict.measured
    assert after.no_flip_before <= verdict.no_flip_before


@given(st.booleans(), votes, st.booleans(), distances)
def test_one_lying_edge_moves_nothing_by_a_quorum_of_more_than_half(
    own: bool, others: dict[str, bool], lie: bool, km: dict[str, float]
) -> None:
    """All honest edges see the same; the liar says that all is up, or that all is down."""
    honest = dict.fromkeys(others, own)
    policy = parse_verdicts("quorum")
    lied = agreement(policy, own, {**honest, "liar": lie}, edge=ME, km=km)
    verdict = UP if own else DOWN
    assert with_others(verdict, lied, 100.0, None).state is verdict.state
    if len(honest) >= 1:
        assert lied.standing is Standing.AGREED


def test_a_path_at_fault_says_so_and_a_doubt_lowers_what_is_promised() -> None:
    path = with_others(DOWN, Agreement(Standing.PATH, 2, 5), 100.0, None)
    assert (path.state, path.reason) == (
        State.DOWN, "path: 3 of 5 edges reach it; connection refused"
    )  # fmt: skip
    doubted = with_others(UP, Agreement(Standing.DOUBTED, 3, 5), 100.0, None)
    assert (doubted.state, doubted.no_flip_before) == (State.UP, 100.0)
    assert doubted.reason == "3 of 5 edges say that it is down; HTTP 200"


def test_what_others_word_alone_has_changed_counts_as_a_change() -> None:
    told = with_others(UP, Agreement(Standing.TOLD, 1, 3), 100.0, 99.0)
    assert (told.state, told.changed_at) == (State.DOWN, 99.0)
    assert with_others(UP, Agreement(Standing.AGREED, 0, 3), 100.0, 99.0).changed_at == 99.0
    assert with_others(DOWN, Agreement(Standing.AGREED, 3, 3), 100.0, 20.0).changed_at == 50.0
