"""The longest measured prefix around a client, against one that looks at every prefix."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.prefix import Bits, Prefix
from resolverd.rtt.gathered import Gathered
from resolverd.rtt.samples import Row, Samples


@st.composite
def _prefix(draw: st.DrawFn, bits: Bits) -> Prefix:
    """One of few addresses, so that prefixes lie inside one another."""
    length = draw(st.sampled_from([0, 1, 7, 8, 9, 24, 30, 31, 32]) | st.integers(0, bits))
    low = draw(st.sampled_from([0, 1, 3, 1 << 7, (1 << 8) - 1]))
    high = draw(st.integers(0, 7)) << (bits - 3 - draw(st.sampled_from([0, 4, 21, bits - 4])))
    return Prefix(bits, (high | low) & ((1 << bits) - 1), bits).widened(length)


def _samples(prefixes: list[Prefix]) -> Samples:
    gathered = Gathered(("only",))
    for number, prefix in enumerate(prefixes, 1):
        rows, key = gathered.of_prefix(prefix)
        rows.keys.append(key)
        rows.ms.append(float(number))
        rows.weights.append(1.0)
        rows.ages.append(60.0)
    return gathered.samples()


def _slowly(samples: Samples, prefixes: list[Prefix], address: Prefix) -> Row:
    """The row of the longest prefix that contains the address, by looking at each."""
    around = [prefix for prefix in prefixes if prefix.contains(address)]
    if not around:
        return ()
    longest = max(around, key=lambda prefix: prefix.length)
    columns = samples.v4 if address.bits == 32 else samples.v6
    (index,) = (
        i
        for i in range(len(columns))
        if columns.address(i) >> (128 - address.bits) == longest.address
        and columns.lengths[i] == longest.length
    )
    return columns.row(index)


_FAMILIES: list[Bits] = [32, 128]
_CASES = st.sampled_from(_FAMILIES).flatmap(
    lambda bits: st.tuples(st.lists(_prefix(bits), max_size=12, unique=True), _prefix(bits))
)


@given(_CASES)
def test_the_row_is_that_of_the_longest_prefix_and_the_boundary_is_exact(
    case: tuple[list[Prefix], Prefix],
) -> None:
    prefixes, client = case
    samples = _samples(prefixes)
    row, boundary = samples.around(client)
    first = Prefix(client.bits, client.address, client.bits)
    assert row == _slowly(samples, prefixes, first)

    def alike(length: int) -> bool:
        """Whether every address that shares `length` bits has that row."""
        whole = first.widened(length)
        inside = [p for p in prefixes if whole.contains(p)]
        edges = {p.address for p in inside} | {
            min(p.address + (1 << (p.bits - p.length)), (1 << p.bits) - 1) for p in inside
        }
        addresses = [Prefix(client.bits, at, client.bits) for at in {*edges, whole.address}]
        # An address inside each piece that begins or ends within, and the last one of the whole.
        last = Prefix(client.bits, whole.address + (1 << (client.bits - length)) - 1, client.bits)
        return all(
            _slowly(samples, prefixes, at) == row for at in [*addresses, last] if whole.contains(at)
        )

    assert alike(boundary)
    assert boundary == 0 or not alike(boundary - 1)
