"""A planned stop loses no query: two edges, a client at 2,000 queries a second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from anycast.lab import V4, V6, Lab, end, example, lab, lacking, until
from anycast.test_anycast_bird import BIRD, plain

from bench.fleet.asking.load import Load
from bench.fleet.asking.records import Record

LACKING = lacking("bird", "dig", "cc")
pytestmark = pytest.mark.skipif(bool(LACKING), reason=LACKING)
RATE = 2000


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab"), (1, 2)) as made:
        for edge in made.edges.values():
            edge.configure(plain())
            edge.bird(edge.adapted(example(BIRD)))
        # BIRD deletes an IPv6 route of the kernel before it adds the next: what comes in between
        # takes a less specific one, to an edge that still answers or to the other.
        made.router.namespace.ip("route add 2001:db8::/64 via 2001:db8:1::2")
        yield made


@pytest.mark.parametrize("address", [V4, V6])
def test_a_stop_of_an_edge_under_load_loses_nothing(two: Lab, address: str, tmp_path: Path) -> None:
    """The route goes, queries ebb, the process ends, and only then the daemon."""
    begun = {n: (edge.serve(), edge.announce()) for n, edge in two.edges.items()}
    until(lambda: all(two.has(a, n) for a in (V4, V6) for n in begun), "both are announced")
    load = Load(two.router.namespace, tmp_path / "load", RATE, addresses=[address])
    try:
        asked_for(load, 1)
        first = next(n for n in begun if _serves(two, n, address))
        daemon, anycast = begun.pop(first)
        (other,) = (two.edges[n] for n in begun)
        before = len(other.events("anycast.changed"))
        assert end(anycast) == 0
        assert not two.has(address, first)
        assert end(daemon) == 0
        asked_for(load, 1)
        records = load.stop()
    finally:
        load.close()
    assert len(other.events("anycast.changed")) == before, two.seen()
    for daemon, anycast in begun.values():
        assert end(anycast) == end(daemon) == 0
    assert not _lost(records), f"{_lost(records)}\n{two.seen()}"
    assert {r.edge for r in records} == {"edge1", "edge2"}


def asked_for(load: Load, seconds: float) -> None:
    """Wait until so many seconds' queries more are on their way."""
    enough = load.sent + RATE * seconds
    until(lambda: load.sent >= enough, f"{enough} queries")


def _lost(records: Sequence[Record]) -> str:
    """Which queries have no right answer, and when they left; empty where all have one."""
    lost = [r for r in records if not r.received or r.rcode]
    if not lost:
        return ""
    begun, last = records[0].sent, max(r.sent for r in lost)
    return (
        f"{len(lost)} of {len(records)} queries, sent from {lost[0].sent - begun:.3f} to "
        f"{last - begun:.3f} s; {sum(bool(r.received) for r in lost)} of them have an answer"
    )


def _serves(two: Lab, number: int, address: str) -> bool:
    """Whether the router sends clients of an address to that edge."""
    family = "-6" if ":" in address else "-4"
    return f"dev edge{number} " in two.router.run("ip", family, "route", "get", address)
