"""A configuration and its traffic as the planner sees them: regions, users, fences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from resolverd.config.hours import Hours
from resolverd.config.model import Config, Region
from resolverd.dns.prefix import Prefix
from resolverd.geo.countries import countries
from resolverd.geo.distance import Coordinates
from resolverd.geo.place import Place
from resolverd.planner.cost import Gpus
from resolverd.planner.traffic import Traffic
from resolverd.planner.users import User
from resolverd.policy.fence import UNPLACED, GeoPins, PinRule, fence_of
from resolverd.snapshot.clientmap import LazyClientMap

WEEK_MINUTES = 7 * 24 * 60

STEP = 1000
"""Lines, or groups of users, between two reports of progress."""


class Site(NamedTuple):
    """A region of the service: where it stands (degrees), and its GPUs.

    `serves` says whether it is within its hours of service at the moment that is looked at.
    `pins_of` are regions whose pins one that is not there yet would be added to.
    """

    name: str
    point: Coordinates
    gpus: Gpus
    serves: bool = True
    pins_of: frozenset[str] = frozenset()


def sites_of(config: Config, service: str, at: float) -> list[Site]:
    """The service's regions, in its order, at the instant `at` (Unix seconds)."""
    found = []
    for name in config.service[service].regions:
        region = config.region[name]
        hours = region.service_hours
        open_now = hours is None or hours.window(at).open
        found.append(Site(name, region.coordinates, _gpus(region, hours), open_now))
    return found


def _gpus(region: Region, hours: Hours | None) -> Gpus:
    if region.gpus is None:
        return Gpus("", 0, 0.0)
    open_part = 1.0 if hours is None else open_part_of(hours)
    return Gpus(region.gpus.model, region.gpus.count, region.gpus.usd_per_hour, open_part)


def open_part_of(hours: Hours) -> float:
    """The part of a week in which a span covers the wall clock, from 0 to 1."""
    minutes = (divmod(minute, 24 * 60) for minute in range(WEEK_MINUTES))
    covered = sum(any(span.covers(day, minute) for span in hours.spans) for day, minute in minutes)
    return covered / WEEK_MINUTES


class _Found(NamedTuple):
    """What holds for every client of a scope."""

    scope: Prefix
    point: Coordinates
    country: str | None
    fence: frozenset[str] | None


class Fences:
    """Which regions the pins of one service leave a place, or a client prefix."""

    def __init__(self, geo_pins: GeoPins, clients: LazyClientMap, edge: Coordinates) -> None:
        """Of one service: its pins by country, its client map; where the edge host stands."""
        self._geo_pins, self._edge, self._home = geo_pins, edge, clients.ranked.edge_country
        # Whom a prefix is fenced as does not depend on the order of its regions, which takes long.
        unordered = replace(clients.ranked, policy="failover", latency=None)
        self._clients = LazyClientMap(*clients.source._replace(ranked=unordered))

        self._regions = frozenset(clients.ranked.regions)
        self._found: _Found | None = None

    def users(
        self, lines: Sequence[Traffic], progress: Callable[[float], None] = lambda _: None
    ) -> list[User]:
        """Lines of traffic as users, in their order; `progress` hears the part done, 0 to 1.

        They are looked up by address, so that neighbours in one network of the database are looked
        up once.
        """
        found: dict[int, User] = {}
        for done, number in enumerate(sorted(range(len(lines)), key=lambda n: _address(lines[n]))):
            found[number] = self.user(lines[number])
            if done % STEP == 0:
                progress(done / len(lines))
        return [found[number] for number in range(len(lines))]

    def user(self, line: Traffic) -> User:
        """One line of traffic as a user; an unknown place is the edge host's."""
        if line.prefix is not None:
            return self._client(line, line.prefix)
        assert line.point is not None, "a line has a prefix or a point"
        known = countries().get(line.country or "")
        rule = self._geo_pins.rule_for(line.country, known.continent if known else None)
        fence = self._fence([rule] if rule else [])
        return User(line.name, line.point, line.country, line.weight, fence)

    def _fence(self, rules: Iterable[PinRule]) -> frozenset[str] | None:
        """What rules leave; the one that only names those of no country leaves every region."""
        named_only = self._geo_pins.default is None
        fence = fence_of(r for r in rules if not (named_only and r.name == UNPLACED))
        return None if fence is None else fence & self._regions

    def _client(self, line: Traffic, prefix: Prefix) -> User:
        found = self._found
        if found is None or not found.scope.contains(prefix):
            trace = self._clients.trace(prefix)
            point, fence = self._point(trace.place), self._fence(trace.rules)
            found = _Found(prefix, point, trace.place.country, fence)
            if trace.entry.scope <= prefix.length:  # else it spans clients who are not alike
                self._found = found._replace(scope=prefix.widened(trace.entry.scope))
        return User(line.name, found.point, found.country, line.weight, found.fence)

    def _point(self, place: Place) -> Coordinates:
        """Where a client stands; of whom the country alone is sure, where its people do.

        But for the country of the edge host, which anycast brought it to.
        """
        known = countries().get(place.country or "") if place.doubt else None
        if known is None or place.country == self._home:
            return place.point or self._edge
        return known.latitude, known.longitude


def _address(line: Traffic) -> tuple[int, int, int]:
    prefix = line.prefix
    return (0, 0, 0) if prefix is None else (prefix.bits, prefix.address, prefix.length)


def by_region(sites: Iterable[Site], answers: Mapping[str, float]) -> list[User]:
    """Users of whom only the region is known that they were given: they stand where it does."""
    return [
        User(f"clients of {site.name}", site.point, None, answers[site.name], None)
        for site in sites
        if answers.get(site.name)
    ]
