"""That an edit leaves all names where they stood is told without gathering them."""

from __future__ import annotations

from collections.abc import Sequence

from harness.trials import trials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolverd.dns.names import Key, ancestors, key_from_text
from resolverd.zone.owners import Entry, Existing, between, kept_pieces, same_owners
from resolverd.zone.pieces import Piece

KEYS = [b"a", b"b", b"c", b"d"]


def piece(*keys: Key) -> Piece:
    made = Piece.__new__(Piece)
    made.keys = keys
    return made


PIECES = [piece(b"a", b"b"), piece(b"c"), piece(b"b", b"d"), piece(b"a", b"b")]
entries = st.lists(
    st.one_of(
        st.sampled_from(KEYS),
        st.tuples(st.sampled_from(PIECES), st.sampled_from([(60, None), (None, 5)])),
    ),
    max_size=6,
)


def owners(read: Sequence[Entry]) -> list[Key]:
    found: dict[Key, None] = {}
    for entry in read:
        found |= dict.fromkeys(entry[0].keys if isinstance(entry, tuple) else [entry])
    return list(found)


@settings(max_examples=trials(1000, 10_000), deadline=None)
@given(entries, entries)
@example(
    [(PIECES[0], (60, None)), (PIECES[1], (60, None))],
    [(PIECES[1], (60, None)), (PIECES[0], (None, 5))],
)
def test_where_owners_are_said_to_be_the_same_they_are_met_in_the_same_order(
    then: list[Entry], now: list[Entry]
) -> None:
    for was, are in ((then, now), (then, then)):
        kept = kept_pieces(was, are)
        if kept is not None and same_owners(was, are, kept):
            assert owners(was) == owners(are)


@settings(max_examples=trials(1000, 10_000), deadline=None)
@given(entries, entries)
@example(
    [(PIECES[0], (60, None)), (PIECES[0], (None, 5))],
    [(PIECES[0], (None, 5)), (PIECES[0], (60, None))],
)
def test_pieces_are_kept_that_stand_in_the_same_order_in_both_each_once(
    then: list[Entry], now: list[Entry]
) -> None:
    was, are = ([entry for entry in one if isinstance(entry, tuple)] for one in (then, now))
    each_once = all(one.count(use) == 1 for one in (was, are) for use in one)
    in_order = [use for use in was if use in are] == [use for use in are if use in was]
    expected = set(was) & set(are) if each_once and in_order else None
    assert kept_pieces(then, now) == expected


def same(then: Sequence[Entry], now: Sequence[Entry]) -> bool:
    kept = kept_pieces(then, now)
    assert kept is not None
    return same_owners(then, now, kept)


def test_a_record_that_leaves_a_piece_leaves_its_name_where_it_stood() -> None:
    ttl = (60, None)
    whole, first, kept = (PIECES[0], ttl), (piece(b"a"), ttl), (PIECES[1], ttl)
    assert same([b"d", whole, kept], [b"d", whole, kept])
    assert same([b"d", whole, kept], [b"d", first, b"b", kept])
    assert not same([b"d", whole, kept], [b"d", first, kept])
    assert not same([b"d", whole, kept], [whole, b"d", kept])


names = st.lists(
    st.lists(st.sampled_from(["a", "b"]), max_size=4).map(
        lambda labels: key_from_text(".".join([*labels, "z.example"]))
    ),
    max_size=5,
)


@given(names)
def test_a_name_exists_that_is_there_or_has_one_below_it(there: list[Key]) -> None:
    origin = key_from_text("z.example")
    existing = Existing(there, between(there, origin))
    inside = {key for name in there for key in ancestors(name) if len(key) >= len(origin)}
    assert existing.between == (inside | {origin}) - set(there)
    assert all(key in existing for key in inside)
    assert key_from_text("c.z.example") not in existing
