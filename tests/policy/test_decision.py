"""Which region is answered: a table, and the fence as a property over all standings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.decision import AllDown, Outcome, Standing, decide

UP, DOWN = Standing(serves=True), Standing(serves=False)
UNKNOWN = Standing(serves=False, unknown=True)
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
    states: tuple[Standing, ...],
    all_down: AllDown,
    outcome: Outcome,
    region: str | None,
    consulted: int,
) -> None:
    decision = decide(NAMES, dict(zip(NAMES, states, strict=True)), all_down)
    assert (decision.outcome, decision.region) == (outcome, region)
    assert decision.consulted == NAMES[:consulted]


def test_an_empty_fence_is_refused() -> None:
    decision = decide((), {"a": UP}, "nearest")
    assert (decision.outcome, decision.region, decision.consulted) == ("refused", None, ())


@given(
    st.permutations(["a", "b", "c", "d"]).flatmap(
        lambda names: st.integers(0, 4).map(lambda count: tuple(names[:count]))
    ),
    st.fixed_dictionaries({n: st.sampled_from([UP, DOWN, UNKNOWN]) for n in "abcd"}),
    st.sampled_from(["nearest", "servfail", "nodata"]),
)
def test_the_answer_never_leaves_the_preference_list(
    preference: tuple[str, ...], states: dict[str, Standing], all_down: AllDown
) -> None:
    decision = decide(preference, states, all_down)
    assert decision.region is None or decision.region in preference
    if any(states[name].serves for name in preference):
        assert decision.region is not None
        assert states[decision.region].serves
