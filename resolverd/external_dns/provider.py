"""What external-dns owns in some zones: read from their fragments, and changed there.

Of a change all is made that can be kept, in all zones that it touches: what cannot, and the
ownership records that go with that, keeps nothing else out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dns.name import Name

from resolverd.external_dns.by_hand import NamesByHand
from resolverd.external_dns.conflicts import at_odds, conflict, outside
from resolverd.external_dns.endpoint import Changes, Endpoint, read_endpoints
from resolverd.external_dns.fragment import Key, key_of
from resolverd.external_dns.kept_zone import KeptZone, Made, RefusedError, Written
from resolverd.external_dns.ownership import with_what_goes_along, without
from resolverd.external_dns.records import RecordError, is_ownership, owner_of
from resolverd.external_dns.turn import turn
from resolverd.external_dns.zone_check import ZoneCheck
from resolverd.snapshot.inputs import name_of
from resolverd.zone.model import closest_zone


class LeftOut(NamedTuple):
    """An endpoint that is not asked for, or not made, and why."""

    name: str
    type: str
    reason: str


class Applied(NamedTuple):
    """What became of a change: the fragments that were written, and what of it is not made."""

    written: list[Written]
    left_out: list[LeftOut]


class Provider:
    """Keeps the fragments of `checks`, one for each zone. Its methods block; one call at a time.

    `ttl`, in seconds, is that of records for which none is wanted.
    """

    def __init__(self, checks: Sequence[ZoneCheck], ttl: int) -> None:
        self._zones = [KeptZone(check, ttl) for check in checks]
        self._by_origin = {kept.zone: kept for kept in self._zones}

    @property
    def zones(self) -> list[str]:
        """The names of the zones, without a dot at the end."""
        return [name_of(kept.zone) for kept in self._zones]

    def begin(self) -> None:
        """Make the fragments that are not there, and see that each is a part of its zone.

        Raises ProblemsError, RefusedError, or OSError where one cannot be written.
        """
        for kept in self._zones:
            kept.begin()

    def records(self) -> list[dict[str, Any]]:
        """All endpoints that are kept. Raises RefusedError."""
        return [each.document() for kept in self._zones for each in kept.endpoints().values()]

    def adjusted(self, documents: object) -> tuple[list[Any], list[LeftOut]]:
        """Those of the endpoints that external-dns wants which may be kept, and the others.

        What is left out is deleted if it was kept. Raises RefusedError, and ProtocolError where
        they are no endpoints.
        """
        endpoints = read_endpoints(documents)
        reasons = self._reasons(endpoints)
        kept, left_out = [], []
        as_given = documents if isinstance(documents, list) else []
        for document, endpoint, reason in zip(as_given, endpoints, reasons, strict=True):
            if reason:
                left_out.append(LeftOut(endpoint.name, endpoint.type, reason))
            else:
                kept.append(document)
        return kept, left_out

    def apply(self, changes: Changes) -> Applied:
        """Make the changes, in those fragments that they touch. Raises RefusedError or OSError."""
        try:
            left_out = with_what_goes_along(self._refused(changes.wanted, self._own()), changes)
            parts = self._parts(without(changes, left_out))
            with turn(kept.fragment for kept, part in parts if part.touches_something):
                made, left_out = self._made(changes, left_out)
                for kept, one in zip(self._zones, made, strict=True):
                    if one.written is not None:
                        kept.write(one.text)
        except RecordError as error:
            raise RefusedError(str(error)) from error
        return Applied(
            [one.written for one in made if one.written is not None],
            [LeftOut(each.name, each.type, reason) for each, reason in left_out.items()],
        )

    def _reasons(self, endpoints: Sequence[Endpoint]) -> list[str]:
        """Why each of all endpoints that are wanted cannot be kept; empty of one that can."""
        own = self._own()
        refused = self._refused(endpoints, own)
        wanted: dict[Key, Endpoint] = {}
        reasons = []
        for endpoint in endpoints:
            reason = refused.get(endpoint, "")
            if not reason and wanted.setdefault(key_of(endpoint), endpoint) != endpoint:
                reason = "it is wanted twice, and not alike"
            reasons.append(reason)
        together: dict[Key, str] = {}
        for kept in self._zones:
            part = {key: each for key, each in wanted.items() if self._zone_of(each) is kept}
            known = kept.endpoints()
            # With what tells their owners, so that what is there already is not read again.
            owners = {
                key: each
                for key, each in known.items()
                if is_ownership(each) and not at_odds(each, own[kept.zone])
            }
            together |= kept.kept(owners | part, known)[1]
        return [
            reason or together.get(key_of(endpoint), "")
            for endpoint, reason in zip(endpoints, reasons, strict=True)
        ]

    def _own(self) -> dict[Name, NamesByHand]:
        """The operator's names in each zone as it is now. Raises RefusedError."""
        return {kept.zone: kept.own() for kept in self._zones}

    def _refused(
        self, endpoints: Iterable[Endpoint], own: Mapping[Name, NamesByHand]
    ) -> dict[Endpoint, str]:
        """Those that no zone can have, whatever else is in it, and why."""
        found = {}
        for endpoint in endpoints:
            try:
                reason = conflict(endpoint, own[self._zone_of(endpoint).zone])
            except RecordError as error:
                reason = str(error)
            if reason:
                found[endpoint] = reason
        return found

    def _made(
        self, changes: Changes, left_out: dict[Endpoint, str]
    ) -> tuple[list[Made], dict[Endpoint, str]]:
        """What each zone's fragment would be, and what of the changes is `left_out` in the end.

        Raises RefusedError, and RecordError where they contradict themselves.
        """
        fresh = frozenset(changes.wanted)
        while True:
            parts = self._parts(without(changes, left_out))
            made = [kept.made(part) for kept, part in parts]
            more = {each: reason for one in made for each, reason in one.left_out.items()}
            if not fresh & more.keys() - left_out.keys():
                return made, left_out | more
            left_out = with_what_goes_along(more | left_out, changes)

    def _parts(self, changes: Changes) -> list[tuple[KeptZone, Changes]]:
        """The changes of each zone. What is outside all of them is not there to be taken away."""
        return [(kept, self._part(kept, changes)) for kept in self._zones]

    def _part(self, kept: KeptZone, changes: Changes) -> Changes:
        *lists, owned = changes
        create, before, after, delete = (tuple(self._within(kept, each)) for each in lists)
        return Changes(create, before, after, delete, owned)

    def _within(self, kept: KeptZone, endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
        for endpoint in endpoints:
            if self._found(endpoint) is kept:
                yield endpoint

    def _zone_of(self, endpoint: Endpoint) -> KeptZone:
        """The zone that the name is in. Raises RecordError where it is in none."""
        found = self._found(endpoint)
        if found is None:
            raise RecordError(outside(endpoint, self.zones))
        return found

    def _found(self, endpoint: Endpoint) -> KeptZone | None:
        return closest_zone(self._by_origin, owner_of(endpoint))
