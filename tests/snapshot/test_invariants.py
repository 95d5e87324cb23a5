"""Invariants 1 and 2 of docs/meaning.md in any of these worlds, over both maps and both engines."""

from __future__ import annotations

from dns.rdatatype import CNAME
from hypothesis import given
from hypothesis import strategies as st
from invariant_worlds import (
    BITS,
    BLOCKS,
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
    serve,
    straddling,
)

from resolverd.dns.prefix import Prefix


@both_maps
@quickly
@given(
    cases(),
    st.integers(0, BLOCKS - 1),
    st.integers(BITS, 32),
    st.lists(st.integers(0, 2**32 - 1), max_size=8),
)
def test_every_address_inside_a_returned_scope_gets_the_same_answer(
    compiled: bool, case: Case, number: int, source: int, lows: list[int]
) -> None:
    """Invariant 1, where the scope is no longer than what was sent."""
    holds_in_its_scope(serve(case, compiled=compiled), block(number).widened(source), lows)


@both_maps
@quickly
@given(cases(), networks)
def test_asking_again_with_the_scope_settles_it(compiled: bool, case: Case, asked: Prefix) -> None:
    """RFC 7871 §7.3.1: a scope longer than the source tells what to send next time."""
    is_settled_by_asking_again(serve(case, compiled=compiled), asked)


@both_maps
@quickly
@given(straddling(cases()))
def test_no_client_of_an_asked_prefix_is_answered_from_outside_its_fence(
    compiled: bool, straddled: tuple[Case, Prefix]
) -> None:
    """Invariant 2, in any state of health, override or load, all regions down included."""
    case, asked = straddled
    given = given_to(ask(serve(case, compiled=compiled), asked))
    for host in inside(asked):
        assert given <= oracle_fence(case, host)


@quickly
@given(straddling(cases()))
def test_the_fence_of_a_prefix_is_exactly_what_all_its_clients_share(
    straddled: tuple[Case, Prefix],
) -> None:
    """No narrower: a pin whose clients all lie under more specific ones does not count."""
    case, asked = straddled
    entry = build(case).plan.services["chat"].clients.lookup(asked)
    fences = [oracle_fence(case, host) for host in inside(asked)]
    assert set(entry.preference) == set.intersection(*fences)


@quickly
@given(cases(), st.integers(0, BLOCKS - 1))
def test_a_single_client_has_no_region_only_when_its_own_fence_is_empty(
    case: Case, number: int
) -> None:
    host = block(number)
    answer = ask(serve(case, compiled=False), host)
    target = [rdata for rrset in answer.answer for rdata in rrset if rrset.rdtype == CNAME]
    assert bool(target) == (not oracle_fence(case, host))
