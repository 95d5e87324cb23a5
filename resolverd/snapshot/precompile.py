"""Client maps made while zones are still read, for the Plan that is compiled of both.

The library makes maps on one core while Python reads zones on another, and of many regions and
zones each takes seconds. Who waits for the rest makes maps too, so that both cores do: no more than
two at a time, as each takes memory beside what it leaves. Nothing rests on what is made here: a map
that is not the one wanted is left alone, and one that could not be made is tried again, and its
reason told, with the Plan.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from resolverd.config.model import Config
from resolverd.errors import GeoError
from resolverd.files.threads import beside
from resolverd.geo.locator import Locator
from resolverd.precedence import work_beforehand
from resolverd.snapshot.clientmap import MapSource
from resolverd.snapshot.fences import pin_rules
from resolverd.snapshot.kept_maps import KeptMaps
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import ClientMap
from resolverd.snapshot.own_places import own_places
from resolverd.snapshot.rankings import ranking_of


class Precompilation:
    """The compiled maps of one configuration, or those of it that were `kept`.

    Maps by round-trip times are left out, since tables are read only once databases are.
    """

    def __init__(self, kept: KeptMaps | None = None) -> None:
        self._kept = kept
        self._begun: _Maps | None = None
        self._ended: Callable[[], object] | None = None

    def begin(self, config: Config, locator: Locator) -> None:
        """Make the maps of `config` in a thread, and no more of those that were begun before."""
        if self._begun is not None:
            self._begun.stop()
        self._begun = maps = _Maps(self._kept)
        self._ended = beside(partial(maps.begin, config, locator, self._ended))

    def take(self) -> Sequence[ClientMap]:
        """What was begun, once it is made; it is held here no longer. Blocks."""
        maps, ended = self._begun, self._ended
        self._begun = self._ended = None
        if maps is None or ended is None:
            return ()
        try:
            maps.help()
        except BaseException:
            maps.stop()
            raise
        finally:
            ended()
        return maps.made


class _Maps:
    """The maps of one configuration, made by those who come to it, each once."""

    def __init__(self, kept: KeptMaps | None) -> None:
        self._kept = kept
        self._left: deque[tuple[int, MapSource]] = deque()
        self._made: dict[int, ClientMap] = {}
        self._stopped = False
        self._first = threading.Event()

    @property
    def made(self) -> list[ClientMap]:
        """Those that are made, in the order of the services."""
        return [self._made[number] for number in sorted(self._made)]

    def begin(self, config: Config, locator: Locator, before: Callable[[], object] | None) -> None:
        """Make all of them, after those that were begun `before`: four at a time are too large."""
        try:
            work_beforehand()  # zones are read by one core, and maps made by all that are free
            if before is not None:
                before()  # which ends with the map that it is at
            self._left += enumerate(_sources(config, locator))
            if len(self._left) > 1:
                locator.expect_maps()
            self._make()
        finally:
            self._first.set()

    def help(self) -> None:
        """Make those that nobody has begun, once the first is made, which reads what all share."""
        self._first.wait()
        self._make()

    def stop(self) -> None:
        """Begin no other one."""
        self._stopped = True

    def _make(self) -> None:
        while not self._stopped:
            try:
                number, source = self._left.popleft()
            except IndexError:
                return
            maker = MapMaker(
                source.locator, source.edge, compiled=True, own=source.own, kept=self._kept
            )
            try:
                made = maker.make(source.ranked, source.subnets, source.geo_pins)
            except GeoError:
                self.stop()
            else:
                self._made[number] = made
            self._first.set()


def _sources(config: Config, locator: Locator) -> Iterator[MapSource]:
    """What each map is made of, those that several services share once."""
    known: list[MapSource] = []
    edge, own = edge_of(config), own_places(config)
    for name, service in config.service.items():
        if service.ordered_by == "latency":
            continue
        subnets, geo_pins = pin_rules(config, name)
        ranked = ranking_of(config, service, None)
        source = MapSource(ranked, subnets, geo_pins, locator, edge, own)
        if not any(one.same_as(source) for one in known):
            known.append(source)
            yield source
