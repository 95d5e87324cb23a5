"""The order of a service's regions for a client of the lazy map, who is fenced and placed already.

By distance, and with nothing measured, it is that of the fence and of the place alone. Places are
few beside networks, and each order computes the distance of every region: so the latest are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import Coordinates
from resolverd.geo.place import Place
from resolverd.policy.fence import Fence, PinRule, fence_of
from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.trace import Known

if TYPE_CHECKING:
    from resolverd.snapshot.clientmap import Ranking

# Orders that are kept: 2 KB each where a service has 255 regions.
_KEPT = 4096
_ANY = Prefix(32, 0, 32)  # distance asks for nothing of a client but its place


class MapOrders:
    """Orders of `ranked`; `edge` is where this host stands."""

    def __init__(self, ranked: Ranking, edge: Place) -> None:
        self._ranked, self._edge = ranked, edge
        by_place = ranked.policy == "nearest" and ranked.latency is None
        self._of_place = _kept(ranked, edge) if by_place else None

    def order(
        self, rules: Iterable[PinRule], place: Place, client: Prefix, known: Known
    ) -> PreferenceList:
        """The regions that `rules` allow, best first, but for what a block draws.

        `place` has a point, and `known` is what was measured of the extracted client.
        """
        fence = fence_of(rules)
        if self._of_place is not None and place.point is not None:
            return self._of_place(fence, place.point, place.country, place.doubt)
        allowed = _allowed(self._ranked, fence)
        return self._ranked.order(allowed, place, client, known, self._edge)


def _kept(
    ranked: Ranking, edge: Place
) -> Callable[[Fence, Coordinates, str | None, str], PreferenceList]:
    """The order by fence, point, country and doubt of a place; the latest are kept."""

    @lru_cache(_KEPT)
    def of_place(
        fence: Fence, point: Coordinates, country: str | None, doubt: str
    ) -> PreferenceList:
        place = Place(*point, country, None, "", doubt=doubt)
        return ranked.order(_allowed(ranked, fence), place, _ANY, edge=edge)

    return of_place


def _allowed(ranked: Ranking, fence: Fence) -> tuple[str, ...]:
    return tuple(r for r in ranked.regions if fence is None or r in fence)
