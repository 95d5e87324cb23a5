"""What every server serves: zones, regions, and where a country is sent.

Each zone ``z0000.example`` has a static name ``www`` and a steered one, ``geo``. Regions stand at
four real places, and from the fifth on along a spiral around the globe.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from resolverd.geo.countries import countries
from resolverd.geo.distance import great_circle_km

STATIC_ADDRESS = "192.0.2.80"
TTL = 60

MOST_REGIONS = 254
_PLACES = (
    ("us-east", 39.0, -77.5),
    ("us-west", 37.4, -122.1),
    ("eu-west", 53.3, -6.3),
    ("ap-northeast", 35.7, 139.7),
)
_GOLDEN_ANGLE = 180.0 * (3.0 - math.sqrt(5.0))


class Region(NamedTuple):
    """Where a region stands, and the address that stands for it in answers."""

    name: str
    north: float
    east: float
    address: str


@dataclass(frozen=True, slots=True)
class World:
    """How much is served. `database` None is resolverd's embedded city table.

    `names` are static names that each zone has besides; `services` are counted from `geo` on, and
    only resolverd has more than that one. A service has at most `MOST_REGIONS`: of more, services
    take turns, each with regions all over the globe.
    """

    database: Path | None = None
    zones: int = 1
    regions: int = 4
    services: int = 1
    names: int = 0

    def origins(self) -> Iterator[str]:
        """The zones' names."""
        return (_origin(n) for n in range(self.zones))

    @property
    def last_origin(self) -> str:
        """The name of the last zone. Who waits for a start asks a thousand times a second, and must
        not make all names for that: of 10,000 zones it took half a core from the start."""
        return _origin(self.zones - 1)

    def places(self) -> list[Region]:
        """The regions."""
        return [_region(n, self.regions) for n in range(self.regions)]

    def places_of(self, service: int) -> list[Region]:
        """The regions of a service, by its number."""
        shares = -(-self.regions // MOST_REGIONS)
        return self.places()[service % shares :: shares]

    def addresses(self, static: bool) -> set[str]:
        """Those that the static, or else the steered, name may have."""
        return {STATIC_ADDRESS} if static else {region.address for region in self.places()}

    def by_country(self) -> dict[str, Region]:
        """Each country's nearest region, for servers that know countries only."""
        places = self.places()
        return {
            code: min(
                places,
                key=lambda r: great_circle_km((c.latitude, c.longitude), (r.north, r.east)),
            )
            for code, c in sorted(countries().items())
        }


def _origin(number: int) -> str:
    return f"z{number:04}.example"


def zone_text(world: World, origin: str, serial: int, geo: str) -> str:
    """A master file; `geo` is how this server writes the steered name, one or more lines."""
    return f"""\
$ORIGIN {origin}.
$TTL {TTL}
@ SOA ns1 hostmaster {serial} 3600 900 604800 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.53
ns2 A 198.51.100.53
www A {STATIC_ADDRESS}
{geo}{_static_names(world.names)}"""


@lru_cache(maxsize=4)
def _static_names(count: int) -> str:
    """Kept, for who edits a large zone again and again while another is measured."""
    return "".join(f"n{n:06} A 192.0.{n >> 8 & 255}.{n & 255}\n" for n in range(count))


def _region(n: int, count: int) -> Region:
    address = f"198.18.{n >> 8}.{n & 255}"
    if n < len(_PLACES):
        return Region(*_PLACES[n], address)
    north = math.degrees(math.asin(1.6 * (n + 0.5) / count - 0.8))
    return Region(f"r{n:03}", round(north, 3), round((n * _GOLDEN_ANGLE) % 360 - 180, 3), address)
