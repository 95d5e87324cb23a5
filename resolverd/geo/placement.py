"""Where clients are by all that is known: the operator's own places first, then the databases."""

from __future__ import annotations

from resolverd.dns.prefix import Prefix
from resolverd.geo.locator import LocatedNetwork, Locator, networks_within
from resolverd.geo.own_places import OwnPlaces, completed
from resolverd.geo.place import Located


class Placement:
    """A `Locator` and the operator's own places, as one.

    `asn` says whether autonomous system numbers are needed; databases that know nothing else are
    not asked otherwise, so that networks are not cut up by them.
    """

    def __init__(self, locator: Locator, own: OwnPlaces, *, asn: bool) -> None:
        self._locator, self._own = locator, own
        self._asn = asn or bool(own.asns)

    def locate(self, prefix: Prefix) -> Located:
        """Where the first address of `prefix` is; see `Locator.locate`."""
        own = self._own.by_subnet.match(Prefix(prefix.bits, prefix.address, prefix.bits))
        whole = own.covering is not None and None not in (own.covering.country, own.covering.point)
        place, length = self._locator.locate(prefix, asn=self._asn, place=not whole)
        length = max(length, own.boundary)
        if own.covering is not None:
            return Located(completed(own.covering, place), length)
        if place is not None and place.asn is not None and place.asn in self._own.asns:
            return Located(completed(self._own.asns[place.asn], place), length)
        return Located(place, length)

    def walk_within(self, prefix: Prefix, limit: int) -> list[LocatedNetwork] | None:
        """The networks that intersect `prefix`; see `Locator.walk_within`."""
        return networks_within(self.locate, prefix, limit)
