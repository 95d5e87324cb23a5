"""Invariants 1, 2 and 3 of docs/meaning.md for pairs, in the worlds of `invariant_worlds`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invariant_worlds import (
    BITS,
    BLOCK,
    BLOCKS,
    DYNAS,
    Case,
    ask,
    block,
    both_maps,
    build,
    cases,
    given_to,
    holds_in_its_scope,
    inside,
    is_settled_by_asking_again,
    networks,
    oracle_fence,
    quickly,
    regions,
    serve,
    straddling,
)

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import great_circle_km
from resolverd.snapshot.tiers import give

EDGE, CORE = "edge.example.", "core.example."
names = pytest.mark.parametrize("name", [EDGE, CORE])


@st.composite
def pairs(draw: st.DrawFn) -> Case:
    """A world in which the service `chat` is the core behind another, `edge`."""
    case = draw(cases())
    case.raw["service"]["edge"] = {
        "regions": draw(regions),
        "core": "chat",
        "core_fallback": draw(st.booleans()),
        "policy": draw(st.sampled_from(["nearest", "failover", "weighted"])),
        "all_down": draw(st.sampled_from(["nearest", "servfail", "nodata"])),
        "block_v4": draw(st.sampled_from([BLOCK, BLOCK, BLOCK + 8])),
        "trickle": draw(st.sampled_from([0.0, 0.0, 0.3])),
        "ttl": draw(st.sampled_from([60, 20, 300])),
        "sticky": draw(st.sampled_from([0.0, case.sticky])),
    }
    for pin in case.raw["pin"].values():
        pin["services"] = draw(st.sampled_from([[], [], ["edge"], ["chat"], ["chat", "edge"]]))
    return case


@names
@both_maps
@quickly
@given(
    pairs(),
    st.integers(0, BLOCKS - 1),
    st.integers(BITS, 32),
    st.lists(st.integers(0, 2**32 - 1), max_size=8),
)
def test_every_address_inside_a_returned_scope_gets_the_same_answer(
    name: str, compiled: bool, case: Case, number: int, source: int, lows: list[int]
) -> None:
    """Invariant 1, over both hops."""
    holds_in_its_scope(serve(case, compiled=compiled), block(number).widened(source), lows, name)


@names
@both_maps
@quickly
@given(pairs(), networks)
def test_asking_again_with_the_scope_settles_it(
    name: str, compiled: bool, case: Case, asked: Prefix
) -> None:
    """RFC 7871 §7.3.1."""
    is_settled_by_asking_again(serve(case, compiled=compiled), asked, name)


@both_maps
@quickly
@given(straddling(pairs()))
def test_fences_hold_over_both_hops_whatever_dies(
    compiled: bool, straddled: tuple[Case, Prefix]
) -> None:
    """Invariant 2: what stands behind an edge lies in the fences of both, its core in its own."""
    case, asked = straddled
    served = serve(case, compiled=compiled)
    edge, core = (given_to(ask(served, asked, name)) for name in (EDGE, CORE))
    for host in inside(asked):
        of_core = oracle_fence(case, host)
        behind = of_core & oracle_fence(case, host, "edge", over="chat")
        assert edge <= oracle_fence(case, host, "edge") | behind
        assert core <= of_core


@quickly
@given(pairs(), networks)
def test_an_edge_region_that_serves_comes_before_the_core(case: Case, asked: Prefix) -> None:
    """And without fallback none of the core's answers for the edge."""
    snapshot = build(case)
    found = give(snapshot, DYNAS[EDGE], asked)
    own = case.raw["service"]["edge"]["regions"]
    statuses = snapshot.steering.statuses["edge"]
    fence = snapshot.plan.services["edge"].clients.lookup(asked).preference
    serves = any(statuses[region].serves for region in fence)
    if serves or not case.raw["service"]["edge"]["core_fallback"]:
        assert found.cached.region is None or found.cached.region in own


@both_maps
@quickly
@given(pairs(), networks)
def test_the_core_is_seen_from_what_the_edge_gives_this_client_now(
    compiled: bool, case: Case, asked: Prefix
) -> None:
    """Through spills, trickles and draws; and its TTL is no longer than that of either hop."""
    served = serve(case, compiled=compiled)
    found = give(served.snapshot, DYNAS[CORE], asked)
    answers = {name: ask(served, asked, name) for name in (EDGE, CORE)}
    assert found.edge is not None
    region = found.edge.cached.region
    assert given_to(answers[EDGE]) == (set() if region is None else {region})
    ttls = {name: min(rrset.ttl for rrset in a.answer) for name, a in answers.items() if a.answer}
    if len(ttls) == 2:
        assert ttls[CORE] <= ttls[EDGE]
    chat = served.snapshot.plan.services["chat"]
    entry = found.entry
    alone, _ = served.snapshot.steering.answer(chat, asked, entry)
    assert found.cached.ttl == min(alone.ttl, found.edge.cached.ttl)


@quickly
@given(pairs(), networks)
def test_the_core_given_is_the_nearest_to_the_edge_region_of_those_that_serve(
    case: Case, asked: Prefix
) -> None:
    snapshot = build(case)
    found = give(snapshot, DYNAS[CORE], asked)
    assert found.edge is not None
    region, statuses = found.edge.cached.region, snapshot.steering.statuses["chat"]
    fence = snapshot.plan.services["chat"].clients.lookup(asked).preference
    serving = [each for each in fence if statuses[each].serves]
    divided = any(statuses[each].spill_ratio for each in fence)
    if region is None or not serving or divided or case.raw["service"]["chat"]["trickle"]:
        return
    if found.cached.outcome == "held":  # an answer of before, which is kept for a while
        return
    places = {name: raw["coordinates"] for name, raw in case.raw["region"].items()}
    km = {each: great_circle_km(places[region], places[each]) for each in serving}
    expected = region if region in serving else min(km.values())
    given_region = found.cached.region
    assert given_region is not None
    assert expected in (given_region, km[given_region])
