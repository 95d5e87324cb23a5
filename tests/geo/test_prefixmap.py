"""The prefix map against a table searched line by line, over a universe of 64 addresses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.prefix import Prefix
from resolverd.geo.prefixmap import PrefixMap

BITS = 6

prefixes = st.builds(
    lambda top, length: Prefix(32, top << (32 - BITS), 32).widened(length),
    st.integers(0, 2**BITS - 1),
    st.integers(0, BITS),
)
tables = st.dictionaries(prefixes, st.sampled_from(["a", "b", "c"]), max_size=6)


def blocks(prefix: Prefix) -> list[Prefix]:
    """The addresses of the universe inside `prefix`, each as its block."""
    every = (Prefix(32, top << (32 - BITS), BITS) for top in range(2**BITS))
    return [block for block in every if prefix.contains(block)]


def longest(table: dict[Prefix, str], block: Prefix) -> str | None:
    around = [entry for entry in table if entry.contains(block)]
    return table[max(around, key=lambda entry: entry.length)] if around else None


@given(tables, prefixes)
def test_leaves_are_in_order_and_have_the_value_of_the_longest_entry(
    table: dict[Prefix, str], asked: Prefix
) -> None:
    leaves = list(PrefixMap(table.items()).leaves(asked))
    assert [block for piece, _ in leaves for block in blocks(piece)] == blocks(asked)
    for piece, value in leaves:
        assert {longest(table, block) for block in blocks(piece)} == {value}


@given(tables, prefixes)
def test_inside_a_boundary_every_address_has_the_same_value(
    table: dict[Prefix, str], asked: Prefix
) -> None:
    host = Prefix(32, asked.address, 32)
    within = host.widened(min(PrefixMap(table.items()).match(host).boundary, BITS))
    assert len({longest(table, block) for block in blocks(within)}) == 1
