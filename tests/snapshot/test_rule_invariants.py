"""Whatever operators say is spilled, and however full regions are: fences hold, and nobody is sent
to a region that is down or full for a rule's sake. Real answers, over both maps and engines."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from invariant_worlds import (
    BLOCKS,
    REGIONS,
    Case,
    ask,
    block,
    both_maps,
    cases,
    given_to,
    oracle_fence,
    quickly,
    serve,
)

from resolverd.health.overrides import OverrideKind
from resolverd.health.verdict import State
from resolverd.policy.operator_rules import (
    OperatorRule,
    advance_by_rules,
    rules_of,
    under_rules,
    with_room,
)
from resolverd.policy.spill import advance
from resolverd.policy.spill_state import RegionLoad, Spill, SpillRule

NOW = 100.0
RULE = SpillRule()
rules = st.dictionaries(
    st.sampled_from(["chat", *(f"chat/{region}" for region in REGIONS)]),
    st.builds(
        OperatorRule, st.sampled_from([0.0, 0.2, 0.7, 1.0]), *[st.just("x")] * 2, st.just(NOW)
    ),
    min_size=1,
)
saturations = st.fixed_dictionaries(
    dict.fromkeys(REGIONS, st.none() | st.sampled_from([0.0, 0.5, 0.8, 1.0, 3.0]))
)


def serves(case: Case, region: str) -> bool:
    """Whether a region does, by its state and what operators say of it."""
    kind = case.overrides.get(region)
    up = case.states[region] in (State.UP, State.SUSPECT)
    return up if kind is None else kind is OverrideKind.UP


@both_maps
@quickly
@given(cases(), rules, saturations, st.booleans())
def test_no_rule_sends_a_client_out_of_its_fence_or_to_a_region_that_is_down_or_full(
    compiled: bool,
    case: Case,
    said: dict[str, OperatorRule],
    full: dict[str, float | None],
    enabled: bool,
) -> None:
    said = {key: r for key, r in said.items() if key != "chat" or not r.share}
    regions = case.raw["service"]["chat"]["regions"]
    obeyed = rules_of("chat", regions, said)
    off = {region for region, own in obeyed.items() if not own.share}
    loads = {
        region: RegionLoad(
            serves(case, region), 1.0, full[region], full[region], math.inf,
            said=obeyed[region].share if region in obeyed else None,
        )
        for region in regions
    }  # fmt: skip
    advanced = (advance if enabled else advance_by_rules)(Spill(), loads, RULE, NOW)
    shares = with_room(Spill(), advanced, loads, RULE, NOW).shares(NOW)
    shares = under_rules(shares, obeyed, NOW)
    case = replace(case, shares=shares, past=(), sticky=0.0, raw_before=None)
    case.raw["service"]["chat"].pop("sticky", None)
    served = serve(case, compiled=compiled)
    for number in range(BLOCKS):
        host = block(number)
        fence, given_regions = oracle_fence(case, host), given_to(ask(served, host))
        assert given_regions <= fence
        serving = {region for region in fence if serves(case, region)}
        if not serving:
            continue
        assert given_regions <= serving
        if case.raw["service"]["chat"]["policy"] != "failover":
            continue
        fenced = [region for region in regions if region in fence]
        first = next(region for region in fenced if region in serving)
        # One that a rule takes out of spilling keeps its own clients and has no others; nor has one
        # that is full, but for a trickle.
        if first in off:
            assert given_regions == {first}
        for region in given_regions - {first}:
            assert region not in obeyed
            trickled = case.raw["service"]["chat"]["trickle"] and region == fenced[1]
            assert trickled or (full[region] or 0.0) < RULE.end
