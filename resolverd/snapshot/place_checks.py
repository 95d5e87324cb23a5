"""What the databases and the countries of the world say against a configuration.

A pinned country of which no database has a network pins nobody, and a region whose coordinates are
far from its country has them the wrong way round. All findings are warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resolverd.config.finding import Finding
from resolverd.config.model import Config
from resolverd.geo.countries import Country, countries
from resolverd.geo.distance import great_circle_km
from resolverd.geo.locator import Locator

# A place in a country is within `_NEAR` kilometres of the country's point; exchanged coordinates
# are further away than `_FAR`.
_NEAR, _FAR = 3000.0, 1000.0


def check_places(config: Config, locator: Locator) -> Iterator[Finding]:
    """Every finding about pinned countries and about where regions stand."""
    yield from _pinned(config, locator)
    yield from _unnumbered(config, locator)
    yield from _exchanged(config, countries())


def _pinned(config: Config, locator: Locator) -> Iterator[Finding]:
    wanted = {code for pin in config.pin.values() for code in pin.countries}
    absent = wanted - locator.may_know(wanted)
    for name, pin in config.pin.items():
        for index, code in enumerate(pin.countries):
            if code in absent:
                yield Finding(
                    ("pin", name, "countries", index), "config-pin-absent-country",
                    f"no network of the databases is in {code}: the pin holds for nobody there",
                    f"write the country that the databases have instead (resolverd geo lookup "
                    f"ADDRESS tells), or the subnets of {code}", "warning",
                )  # fmt: skip


def _unnumbered(config: Config, locator: Locator) -> Iterator[Finding]:
    """Pins and places by autonomous system, where no database tells these."""
    numbered = by_asn(config)
    # To ask a database that tells none takes the reading of it all.
    if not numbered or locator.tells_asns:
        return
    for table, name in numbered:
        yield Finding(
            (table, name, "asn"), "config-asn-unknown",
            f"no database tells autonomous systems: this {table} holds for nobody by them",
            'add an ASN database to geoip, such as "GeoLite2-ASN.mmdb", or write subnets',
            "warning",
        )  # fmt: skip


def by_asn(config: Config) -> list[tuple[str, str]]:
    """The pins and places that go by autonomous systems: which table, and the name."""
    pins = [("pin", name) for name, pin in config.pin.items() if pin.asn]
    return pins + [("place", name) for name, place in config.place.items() if place.asn]


def _exchanged(config: Config, known: Mapping[str, Country]) -> Iterator[Finding]:
    placed = [("region", name, r.coordinates, r.country) for name, r in config.region.items()]
    placed += [
        ("place", name, place.coordinates, place.country)
        for name, place in config.place.items()
        if place.coordinates is not None
    ]
    for table, name, point, code in placed:
        country = known.get(code)
        if country is None or not _looks_exchanged(point, country):
            continue
        latitude, longitude = point
        yield Finding(
            (table, name, "coordinates"), "config-coordinates-exchanged",
            f"[{latitude:g}, {longitude:g}] is {_distance(point, country):,.0f} km "
            f"from {country.name}, and the other way round it is near",
            f"write coordinates = [{longitude:g}, {latitude:g}]: latitude comes first", "warning",
        )  # fmt: skip


def _looks_exchanged(point: tuple[float, float], country: Country) -> bool:
    latitude, longitude = point
    if abs(longitude) > 90:
        return False
    there = _distance((latitude, longitude), country)
    turned = _distance((longitude, latitude), country)
    return turned < _NEAR and there > max(2 * turned, _FAR)


def _distance(point: tuple[float, float], country: Country) -> float:
    return great_circle_km(point, (country.latitude, country.longitude))
