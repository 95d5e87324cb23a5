"""Make client maps: one for all services of one geography, and an earlier one where it is right."""

from __future__ import annotations

import threading
import time

from resolverd import log
from resolverd.abi.map import Meter
from resolverd.config.model import Config
from resolverd.dns.prefix import Prefix
from resolverd.geo.locator import Locator
from resolverd.geo.own_places import NO_PLACES, OwnPlaces
from resolverd.geo.place import Place
from resolverd.geo.prefixmap import PrefixMap
from resolverd.policy.fence import GeoPins, PinRule
from resolverd.snapshot.clientmap import LazyClientMap, Ranking
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.model import ClientMap, Plan

Subnets = list[tuple[Prefix, PinRule]]

# Seconds between events about a map that is being compiled.
NEWS = 2.0

_log = log.get("snapshot")


class MapMaker:
    """Makes maps over one locator, lazy ones or compiled ones.

    `previous` is the Plan that serves, whose compiled maps are taken over where compiling
    would give the same again.
    """

    def __init__(
        self,
        locator: Locator,
        edge: Place,
        *,
        compiled: bool = False,
        previous: Plan | None = None,
        own: OwnPlaces = NO_PLACES,
    ) -> None:
        self._locator, self._edge, self._compiled, self._own = locator, edge, compiled, own
        self._made: list[tuple[tuple[Ranking, Subnets, GeoPins], ClientMap]] = []
        held = previous.services.values() if previous else ()
        self._earlier = [s.clients for s in held if isinstance(s.clients, CompiledClientMap)]

    def make(self, ranked: Ranking, subnets: Subnets, geo_pins: GeoPins) -> ClientMap:
        """The map of one geography. Raises GeoError when it cannot be compiled."""
        geography = (ranked, subnets, geo_pins)
        for known, made in self._made:
            if known == geography:
                return made
        new = self._new(*geography)
        self._made.append((geography, new))
        return new

    def _new(self, ranked: Ranking, subnets: Subnets, geo_pins: GeoPins) -> ClientMap:
        if not self._compiled:
            where = (self._locator, self._edge, self._own)
            return LazyClientMap(ranked, PrefixMap(subnets), geo_pins, *where)
        parts = (ranked, subnets, geo_pins, self._locator, self._edge, self._own)
        for earlier in self._earlier:
            if earlier.is_of(*parts):
                return earlier
        return _compile(*parts)


def _compile(
    ranked: Ranking,
    subnets: Subnets,
    geo_pins: GeoPins,
    locator: Locator,
    edge: Place,
    own: OwnPlaces,
) -> CompiledClientMap:
    """Compile, and log how far that is where it takes long."""
    meter, done, begun = Meter(), threading.Event(), time.monotonic()

    def tell() -> None:
        while not done.wait(NEWS):
            _log.info("map.compiling", percent=round(100 * meter.part))

    watcher = threading.Thread(target=tell, name="map-progress", daemon=True)
    watcher.start()
    try:
        made = CompiledClientMap(ranked, subnets, geo_pins, locator, edge, own, meter)
    finally:
        done.set()
        watcher.join()
    _log.info(
        "map.compiled",
        policy=ranked.policy,
        region_count=len(ranked.regions),
        network_count=made.size.leaves,
        list_count=made.size.lists,
        bytes=made.size.octets,
        seconds=round(time.monotonic() - begun, 3),
    )
    return made


def edge_of(config: Config) -> Place:
    """Where this edge host stands."""
    return Place(*config.server.coordinates, None, None, "edge")
