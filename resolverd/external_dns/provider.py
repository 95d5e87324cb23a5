"""What external-dns owns in some zones: read from their fragments, and changed there.

The files are the state: nothing is remembered but what a text of them was read as, so a restart
goes on with what was written. A change is made whole, in all zones that it touches, or not
at all but for a disk that fails between two files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dns.name import Name

from resolverd.errors import ProblemsError, ResolverdError
from resolverd.external_dns.conflicts import conflict, outside
from resolverd.external_dns.endpoint import Changes, Endpoint, read_endpoints
from resolverd.external_dns.fragment import EditedError, Key, applied, read, render
from resolverd.external_dns.own_names import OwnNames
from resolverd.external_dns.records import RecordError, owner_of
from resolverd.external_dns.turn import turn
from resolverd.external_dns.zone_check import ZoneCheck
from resolverd.files.reading import MAX_ZONE, read_kept
from resolverd.files.writing import PUBLIC, replace_file
from resolverd.snapshot.inputs import name_of
from resolverd.zone.model import Zone


class RefusedError(ResolverdError):
    """A change that is not made, and why."""


class LeftOut(NamedTuple):
    """An endpoint that is not asked for, and why."""

    name: str
    type: str
    reason: str


class Written(NamedTuple):
    """What became of a fragment: endpoints before and after, and what is odd about its records."""

    file: str
    before: int
    after: int
    warnings: tuple[str, ...]


class Provider:
    """Keeps the fragments of `checks`, one for each zone. Its methods block; one call at a time.

    `ttl`, in seconds, is that of records for which none is wanted.
    """

    def __init__(self, checks: Sequence[ZoneCheck], ttl: int) -> None:
        self._checks, self._ttl = tuple(checks), ttl
        self._read: dict[Name, tuple[str, dict[Key, Endpoint]]] = {}

    @property
    def zones(self) -> list[str]:
        """The names of the zones, without a dot at the end."""
        return [name_of(check.zone) for check in self._checks]

    def begin(self) -> None:
        """Make the fragments that are not there, and see that each is a part of its zone.

        Raises ProblemsError, RefusedError, or OSError where one cannot be written.
        """
        for check in self._checks:
            if self._text(check) is None:
                self._make(check)
            self._endpoints(check)
            check.own(check.load(self._text(check) or ""))

    def records(self) -> list[dict[str, Any]]:
        """All endpoints that are kept. Raises RefusedError."""
        return [
            endpoint.document()
            for check in self._checks
            for endpoint in self._endpoints(check).values()
        ]

    def adjusted(self, documents: object) -> tuple[list[Any], list[LeftOut]]:
        """Those of the endpoints that external-dns wants which may be kept, and the others.

        What is left out is deleted if it was kept. With it every later change would be refused,
        whoever made it. Raises RefusedError, and ProtocolError where they are no endpoints.
        """
        endpoints = read_endpoints(documents)
        own = {check.zone: self._own(check) for check in self._checks}
        kept, left_out = [], []
        as_given = documents if isinstance(documents, list) else []
        for document, endpoint in zip(as_given, endpoints, strict=True):
            try:
                reason = conflict(endpoint, own[self._check_of(endpoint).zone])
            except RecordError as error:
                reason = str(error)
            if reason:
                left_out.append(LeftOut(endpoint.name, endpoint.type, reason))
            else:
                kept.append(document)
        return kept, left_out

    def apply(self, changes: Changes) -> list[Written]:
        """Make the changes, in those fragments that they touch. Raises RefusedError or OSError."""
        try:
            parts = self._parts(changes)
            with turn(check.fragment for check, part in parts if any(part)):
                made = [self._made(check, part) for check, part in parts]
                written = [one for one in made if one is not None]
                for check, text, _ in written:
                    self._write(check, text)
        except RecordError as error:
            raise RefusedError(str(error)) from error
        return [told for _, _, told in written]

    def _make(self, check: ZoneCheck) -> None:
        with turn([check.fragment]):
            if self._text(check) is None:  # nobody else has meanwhile
                self._write(check, render(check.zone, (), self._ttl))

    def _made(self, check: ZoneCheck, part: Changes) -> tuple[ZoneCheck, str, Written] | None:
        """A fragment after its changes, which are checked; None where it stays as it is."""
        known = self._endpoints(check)
        after = applied(known, part)
        text = render(check.zone, after.values(), self._ttl)
        if text == self._text(check):
            return None
        own = self._own(check)
        for endpoint in (*part.create, *part.after):
            if reason := conflict(endpoint, own):
                raise RecordError(f"{endpoint.name} {endpoint.type}: {reason}")
        warnings = check.warnings(self._loaded(check, text))
        told = Written(str(check.fragment), len(known), len(after), tuple(map(str, warnings)))
        return check, text, told

    def _parts(self, changes: Changes) -> list[tuple[ZoneCheck, Changes]]:
        """The changes of each zone. What is outside all of them is not there to be taken away."""
        for endpoint in (*changes.create, *changes.after):
            self._check_of(endpoint)
        return [
            (check, Changes(*(tuple(self._within(check, each)) for each in changes)))
            for check in self._checks
        ]

    def _within(self, check: ZoneCheck, endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
        for endpoint in endpoints:
            if any(check is found for found in self._found(endpoint)[:1]):
                yield endpoint

    def _check_of(self, endpoint: Endpoint) -> ZoneCheck:
        """That of the zone that the name is in. Raises RecordError where it is in none."""
        found = self._found(endpoint)
        if not found:
            reason = outside(endpoint, self.zones)
            raise RecordError(f"{endpoint.name} {endpoint.type}: {reason}")
        return found[0]

    def _found(self, endpoint: Endpoint) -> list[ZoneCheck]:
        """Those of the zones that the name is in, the longest first."""
        owner = owner_of(endpoint)
        found = [check for check in self._checks if owner.is_subdomain(check.zone)]
        return sorted(found, key=lambda check: len(check.zone), reverse=True)

    def _own(self, check: ZoneCheck) -> OwnNames:
        """The operator's own names in a zone as it is now. Raises RefusedError.

        What is kept may be at odds with what was written since: it is on its way out then.
        """
        empty = render(check.zone, (), self._ttl)
        try:
            zone = check.load(self._text(check) or empty)
        except ProblemsError:
            zone = self._loaded(check, empty)
        return check.own(zone)

    def _loaded(self, check: ZoneCheck, text: str) -> Zone:
        try:
            return check.load(text)
        except ProblemsError as error:
            raise RefusedError(f"{name_of(check.zone)} could not be served: {error}") from error

    def _endpoints(self, check: ZoneCheck) -> dict[Key, Endpoint]:
        """What a fragment has; nothing where it is gone. Raises RefusedError."""
        text = self._text(check)
        if text is None:
            return {}
        known = self._read.get(check.zone)
        if known is None or known[0] != text:
            known = self._read[check.zone] = text, self._as_written(check, text)
        return known[1]

    def _as_written(self, check: ZoneCheck, text: str) -> dict[Key, Endpoint]:
        try:
            return read(check.zone, text, self._ttl)
        except EditedError as error:
            raise RefusedError(
                f"{check.fragment}: {error}; name another --output, or move what you wrote there "
                "into the file that includes it and remove it: it is made again"
            ) from error

    def _text(self, check: ZoneCheck) -> str | None:
        """What a fragment says; None where it is not there, or is empty. Raises RefusedError."""
        try:
            return read_kept(check.fragment, MAX_ZONE).decode() or None
        except FileNotFoundError:
            return None  # whoever takes it away has it made again
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"{check.fragment} cannot be read: {error}") from error

    def _write(self, check: ZoneCheck, text: str) -> None:
        try:
            replace_file(check.fragment, text.encode(), mode=PUBLIC)
        except OSError as error:  # it names the file beside
            raise OSError(error.errno, error.strerror, str(check.fragment)) from error
