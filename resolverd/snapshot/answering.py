"""Which records of a zone answer for a name: its own, or a wildcard's (RFC 4592 §3.3); pure."""

from __future__ import annotations

from functools import cached_property
from itertools import islice

from resolverd.dns.names import WILDCARD, Key, ancestors, closest_encloser, key_of
from resolverd.zone.model import RRsets, Zone
from resolverd.zone.tree import with_ancestors


class Answering:
    """The records that answer for names at and below the origin of `zone`.

    Zone cuts and DNAMEs are not looked at: what stands below them is no answer of the zone's.
    """

    def __init__(self, zone: Zone) -> None:
        self._rrsets = zone.rrsets
        self._origin = key_of(zone.origin)

    def rrsets(self, key: Key) -> RRsets:
        """Those for one name, by type; none where no such name is."""
        if (own := self._rrsets.get(key)) is not None:
            return own
        above = [name for name in islice(ancestors(key), 1, None) if len(name) >= len(self._origin)]
        # Most zones have no wildcard there, and the names that are implied are not asked for.
        if not any(WILDCARD + name in self._rrsets for name in above) or key in self._existing:
            return {}
        return self._rrsets.get(WILDCARD + closest_encloser(key, self._existing), {})

    @cached_property
    def _existing(self) -> set[Key]:
        """Every name that has records, or a name below that has, and the origin."""
        return with_ancestors(self._rrsets, self._origin)
