"""A configuration and its traffic as the planner sees them: regions, users, fences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from resolverd.config.hours import Hours
from resolverd.config.model import Config, Region
from resolverd.dns.prefix import Prefix
from resolverd.geo.countries import countries
from resolverd.geo.distance import Coordinates
from resolverd.planner.cost import Gpus
from resolverd.planner.traffic import Traffic
from resolverd.planner.users import User
from resolverd.policy.fence import GeoPins, fence_of
from resolverd.snapshot.clientmap import LazyClientMap

WEEK_MINUTES = 7 * 24 * 60


class Site(NamedTuple):
    """A region of the service: where it stands (degrees), and its GPUs.

    `serves` says whether it is within its hours of service at the moment that is looked at.
    """

    name: str
    point: Coordinates
    gpus: Gpus
    serves: bool = True


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


class Fences:
    """Which regions the pins of one service leave a place, or a client prefix."""

    def __init__(self, geo_pins: GeoPins, clients: LazyClientMap, edge: Coordinates) -> None:
        """Of one service: its pins by country, its client map; where the edge host stands."""
        self._geo_pins, self._clients, self._edge = geo_pins, clients, edge

    def user(self, line: Traffic) -> User:
        """One line of traffic as a user; an unknown place is the edge host's."""
        if line.prefix is not None:
            return self._client(line, line.prefix)
        assert line.point is not None, "a line has a prefix or a point"
        known = countries().get(line.country or "")
        rule = self._geo_pins.rule_for(line.country, known.continent if known else None)
        fence = fence_of([rule] if rule else [])
        return User(line.name, line.point, line.country, line.weight, fence)

    def _client(self, line: Traffic, prefix: Prefix) -> User:
        trace = self._clients.trace(prefix)
        point = trace.place.point or self._edge
        fence = frozenset(trace.entry.preference) if trace.entry.pins else None
        return User(line.name, point, trace.place.country, line.weight, fence)


def by_region(sites: Iterable[Site], answers: Mapping[str, float]) -> list[User]:
    """Users of whom only the region is known that they were given: they stand where it does."""
    return [
        User(f"clients of {site.name}", site.point, None, answers[site.name], None)
        for site in sites
        if answers.get(site.name)
    ]
