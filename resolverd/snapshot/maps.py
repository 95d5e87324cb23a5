"""Make client maps: one for all services of one geography, and an earlier one where it is right."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from resolverd import log
from resolverd.abi.map import NativeMap
from resolverd.abi.meter import Meter
from resolverd.config.model import Config
from resolverd.geo.locator import Locator
from resolverd.geo.own_places import NO_PLACES, OwnPlaces
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins
from resolverd.rtt.latency import Measured
from resolverd.snapshot.clientmap import LazyClientMap, MapSource, Ranking, Subnets
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.kept_maps import KeptMaps
from resolverd.snapshot.model import ClientMap, Plan

# Seconds between events about a map that is being compiled.
NEWS = 2.0

_log = log.get("snapshot")


class MapMaker:
    """Makes maps over one locator, lazy ones or compiled ones.

    `previous` is the Plan that serves. Its maps are taken over where making them would give the
    same again; where only what was measured is new, nobody leaves their orders for a little. Those
    that are `kept` need not be compiled, nor those that `precompiled` gives, which is asked once.
    """

    def __init__(
        self,
        locator: Locator,
        edge: Place,
        *,
        compiled: bool = False,
        previous: Plan | None = None,
        measured: Measured | None = None,
        own: OwnPlaces = NO_PLACES,
        kept: KeptMaps | None = None,
        precompiled: Callable[[], Sequence[ClientMap]] = tuple,
    ) -> None:
        self.measured, self._kept = measured, kept
        self._locator, self._edge, self._own = locator, edge, own
        self._kind = "compiled" if compiled else "lazy"
        self._made: list[tuple[MapSource, ClientMap]] = []
        self._precompiled = precompiled
        self._earlier = list(_of_sources(_maps_of(previous) if previous else ()))

    def make(self, ranked: Ranking, subnets: Subnets, geo_pins: GeoPins) -> ClientMap:
        """The map of one geography. Raises GeoError when it cannot be compiled."""
        source = MapSource(ranked, subnets, geo_pins, self._locator, self._edge, self._own)
        for known, made in self._made:
            if known.same_as(source):
                return made
        new = self._new(source)
        self._made.append((source, new))
        return new

    def _new(self, source: MapSource) -> ClientMap:
        if not self._made:  # not before: it may take as long as compiling
            self._earlier += _of_sources(self._precompiled())
        for made in self._earlier:
            if made.kind == self._kind and made.source.same_as(source):
                return made
        before = [made for made in self._earlier if made.source.remeasured_as(source)]
        if self._kind == "lazy":
            lazy = [made for made in before if isinstance(made, LazyClientMap)]
            return LazyClientMap(*source, *lazy[:1])
        compiled = [made for made in before if isinstance(made, CompiledClientMap)]
        return _compile(source, self._kept, *compiled[:1])


def _compile(
    source: MapSource, kept: KeptMaps | None, earlier: CompiledClientMap | None = None
) -> CompiledClientMap:
    """Compile, and log how far that is where it takes long."""
    meter, done, begun = Meter(), threading.Event(), time.monotonic()

    def tell() -> None:
        while not done.wait(NEWS):
            _log.info("map.compiling", percent=round(100 * meter.part))

    watcher = threading.Thread(target=tell, name="map-progress", daemon=True)
    watcher.start()
    try:
        made = CompiledClientMap(*source, meter, earlier, kept)
    finally:
        done.set()
        watcher.join()
    seconds = round(time.monotonic() - begun, 3)
    if made.was_kept:
        _log.info("map.restored", bytes=made.size.octets, seconds=seconds)
        return made
    _log.info(
        "map.compiled",
        policy=source.ranked.policy,
        region_count=len(source.ranked.regions),
        network_count=made.size.leaves,
        list_count=made.size.lists,
        bytes=made.size.octets,
        seconds=seconds,
    )
    return made


def _of_sources(maps: Iterable[ClientMap]) -> Iterator[LazyClientMap | CompiledClientMap]:
    return (one for one in maps if isinstance(one, LazyClientMap | CompiledClientMap))


def maps_to_keep(plan: Plan) -> dict[str, NativeMap]:
    """The compiled maps of a Plan that may outlive the process, each once, by their keys."""
    compiled = [one for one in _maps_of(plan) if isinstance(one, CompiledClientMap)]
    return {one.key: one.native for one in compiled if one.key is not None}


def _maps_of(plan: Plan) -> Iterator[ClientMap]:
    """All client maps of a Plan: those of services, and those of what edge services' pins allow."""
    for service in plan.services.values():
        yield service.clients
        if service.core is not None and service.core.fenced is not None:
            yield service.core.fenced


def edge_of(config: Config) -> Place:
    """Where this edge host stands."""
    return Place(*config.server.coordinates, None, None, "edge")
