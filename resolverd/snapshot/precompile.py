"""Client maps made while zones are still read, for the Plan that is compiled of both.

The library makes maps on one core while Python reads zones on another, and of many regions and
zones each takes seconds. Nothing rests on what is made here: a map that is not the one wanted is
left alone, and one that could not be made is tried again, and its reason told, with the Plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from resolverd.config.model import Config
from resolverd.errors import GeoError
from resolverd.files.threads import beside
from resolverd.geo.locator import Locator
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
        self._begun = 0
        self._made: Callable[[], Sequence[ClientMap]] | None = None

    def begin(self, config: Config, locator: Locator) -> None:
        """Make the maps of `config` in a thread, and no more of those that were begun before."""
        self._begun += 1
        self._made = beside(partial(self._make, config, locator, self._begun, self._made))

    def take(self) -> Sequence[ClientMap]:
        """What was begun, once it is made; it is held here no longer. Blocks."""
        made, self._made = self._made, None
        return () if made is None else made()

    def _make(
        self,
        config: Config,
        locator: Locator,
        number: int,
        before: Callable[[], object] | None,
    ) -> Sequence[ClientMap]:
        if before is not None:
            before()  # which ends with the map that it is at: two at a time take twice the memory
        maker = MapMaker(
            locator, edge_of(config), compiled=True, own=own_places(config), kept=self._kept
        )
        made: list[ClientMap] = []
        for name, service in config.service.items():
            if number != self._begun:
                break
            if service.ordered_by == "latency":
                continue
            try:
                made.append(maker.make(ranking_of(config, service, None), *pin_rules(config, name)))
            except GeoError:
                break
        return made
