"""A Locator over a table of networks, and the records that a real database has for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmdb_writer import Record, mmdb_bytes, write_mmdb

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.database import Database
from resolverd.geo.locator import LocatedNetwork, Locator, Provenance
from resolverd.geo.place import Located, Place

NEW_YORK = Place(40.7, -74.0, "US", "NA", "table")
SAN_FRANCISCO = Place(37.8, -122.4, "US", "NA", "table")
LONDON = Place(51.5, -0.1, "GB", "EU", "table")
FRANKFURT = Place(50.1, 8.7, "DE", "EU", "table")
TOKYO = Place(35.7, 139.7, "JP", "AS", "table")


class TableLocator(Locator):
    """Places by CIDR text; the longest network wins, and lengths are exact and shortest."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        super().__init__(())
        self.places = dict(places)
        self._places = {parse_prefix(network): place for network, place in places.items()}

    def locate(self, prefix: Prefix, *, asn: bool = False, place: bool = True) -> Located:
        """Where the first address of `prefix` is."""
        address = Prefix(prefix.bits, prefix.address, prefix.bits)
        covering = [network for network in self._places if network.contains(address)]
        own = max(covering, key=lambda network: network.length, default=None)
        for length in range(own.length if own else 0, prefix.bits):
            block = address.widened(length)
            if not any(block.contains(n) and n != own for n in self._places):
                return Located(self._places[own] if own else None, length)
        return Located(self._places[own] if own else None, prefix.bits)

    def walk_within(self, prefix: Prefix, limit: int) -> list[LocatedNetwork] | None:
        """The networks that intersect `prefix`; None when there are more than `limit`."""
        found: list[LocatedNetwork] = []
        address, end = prefix.address, prefix.address + (1 << (prefix.bits - prefix.length))
        while address < end:
            if len(found) == limit:
                return None
            host = Prefix(prefix.bits, address, prefix.bits)
            place, length = self.locate(host)
            found.append(LocatedNetwork(host.widened(length), place))
            address = host.widened(length).address + (1 << (prefix.bits - length))
        return found


def database_locator(places: Mapping[str, Place]) -> Locator:
    """The same places in databases, one for each family, which maps can be compiled from."""
    opened = []
    for version in (4, 6):
        held = {net: place for net, place in places.items() if (":" in net) == (version == 6)}
        if held:
            kind = f"city ipv{version}"
            content = mmdb_bytes(_records(held), kind, ip_version=4 if version == 4 else 6)
            name = f"table-ipv{version}.mmdb"
            opened.append((Provenance(Path(name), None), Database.of(content, name)))
    return Locator(opened)


def write_city_database(path: Path, places: Mapping[str, Place]) -> Path:
    """A flat IPv4 city database of `places` at `path`."""
    return write_mmdb(path, _records(places), "city ipv4")


def _records(places: Mapping[str, Place]) -> dict[str, Record]:
    return {
        network: {
            "country_code": place.country or "",
            "latitude": place.point[0],
            "longitude": place.point[1],
        }
        for network, place in places.items()
        if place.point
    }
