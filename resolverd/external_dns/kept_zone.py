"""One zone of which external-dns keeps a fragment: what that has, and what would become of it.

The file is the state: nothing is remembered but what a text of it was read as, so a restart goes on
with what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dns.name import Name

from resolverd.errors import ProblemsError, ResolverdError
from resolverd.external_dns.by_hand import NamesByHand
from resolverd.external_dns.endpoint import Changes, Endpoint
from resolverd.external_dns.fragment import (
    EditedError,
    Endpoints,
    Key,
    applied,
    keys_by_line,
    read,
    render,
)
from resolverd.external_dns.together import Fault, UnservableError, kept_together
from resolverd.external_dns.turn import turn
from resolverd.external_dns.zone_check import ZoneCheck
from resolverd.files.reading import MAX_ZONE, read_kept
from resolverd.files.writing import PUBLIC, replace_file
from resolverd.snapshot.inputs import name_of
from resolverd.zone.model import Zone


class RefusedError(ResolverdError):
    """A change that is not made, and why."""


class Written(NamedTuple):
    """What became of a fragment: endpoints before and after, and what is odd with its change."""

    file: str
    before: int
    after: int
    warnings: tuple[str, ...]


class Made(NamedTuple):
    """What a fragment would be, unless it stays as it is, and what is left out of a change."""

    text: str = ""
    written: Written | None = None
    left_out: Mapping[Endpoint, str] = MappingProxyType({})


class KeptZone:
    """A zone and its fragment. Blocks; one call at a time.

    `ttl`, in seconds, is that of records for which none is wanted.
    """

    def __init__(self, check: ZoneCheck, ttl: int) -> None:
        self.zone: Name = check.zone
        self.fragment = check.fragment
        self._check, self._ttl = check, ttl
        self._read: tuple[str, dict[Key, Endpoint]] | None = None
        # The endpoints with which the zone could be served last, and the fragment of these.
        self._sound: tuple[Endpoints, str] = {}, ""

    def begin(self) -> None:
        """Make the fragment where it is not there, and see that it is a part of its zone.

        Raises ProblemsError, RefusedError, or OSError where it cannot be written.
        """
        if self._text() is None:
            with turn([self.fragment]):
                if self._text() is None:  # nobody else has meanwhile
                    self.write(self._rendered({}))
        self.endpoints()
        self._check.own(self._check.load(self._text() or ""))

    def endpoints(self) -> dict[Key, Endpoint]:
        """What the fragment has; nothing where it is gone. Raises RefusedError."""
        text = self._text()
        if text is None:
            return {}
        if self._read is None or self._read[0] != text:
            self._read = text, self._as_written(text)
        return self._read[1]

    def own(self) -> NamesByHand:
        """The operator's names as they are now. Raises RefusedError."""
        return self._check.own(self._now())

    def kept(self, wanted: Endpoints, known: Endpoints) -> tuple[Endpoints, Mapping[Key, str]]:
        """As `kept_together`. Raises RefusedError where the zone has an error without any."""
        try:
            return kept_together(wanted, known, self._faults)
        except UnservableError as error:
            raise RefusedError(f"{name_of(self.zone)} could not be served: {error}") from error

    def made(self, part: Changes) -> Made:
        """The fragment after changes, as far as they can be made.

        Raises RefusedError, and RecordError where they contradict themselves.
        """
        known, before = self.endpoints(), self._text()
        after = applied(known, part)
        if self._rendered(after) == before:
            return Made()
        now = self._now()
        kept, reasons = self.kept(after, known)
        left_out = {after[key]: reason for key, reason in reasons.items()}
        text = self._rendered(kept)
        if text == before:
            return Made(left_out=left_out)
        warnings = self._check.warnings(self._loaded(text), now)
        told = Written(str(self.fragment), len(known), len(kept), tuple(map(str, warnings)))
        return Made(text, told, left_out)

    def write(self, text: str) -> None:
        """Put a text into the fragment's place. Raises OSError."""
        try:
            replace_file(self.fragment, text.encode(), mode=PUBLIC)
        except OSError as error:  # it names the file beside
            raise OSError(error.errno, error.strerror, str(self.fragment)) from error

    def _now(self) -> Zone:
        """The zone as it is now. Raises RefusedError.

        What is kept may be at odds with what the operator wrote since: it is on its way out then.
        """
        empty = self._rendered({})
        try:
            return self._check.load(self._text() or empty)
        except ProblemsError:
            return self._loaded(empty)

    def _loaded(self, text: str) -> Zone:
        try:
            return self._check.load(text)
        except ProblemsError as error:
            raise RefusedError(f"{name_of(self.zone)} could not be served: {error}") from error

    def _faults(self, endpoints: Endpoints) -> list[Fault]:
        text = self._rendered(endpoints)
        try:
            self._check.load(text)
        except ProblemsError as error:
            keys = keys_by_line(self.zone, endpoints.values(), self._ttl)
            lines = [(self._check.line(found), found) for found in error.problems]
            return [
                Fault(keys[line - 1] if line else (), f"{found.id}: {found.message}")
                for line, found in lines
            ]
        self._sound = dict(endpoints), text
        return []

    def _rendered(self, endpoints: Endpoints) -> str:
        """The fragment of these, which need not be made anew for what is asked time and again."""
        known, text = self._sound
        if text and known == endpoints:
            return text
        return render(self.zone, endpoints.values(), self._ttl)

    def _as_written(self, text: str) -> dict[Key, Endpoint]:
        try:
            return read(self.zone, text, self._ttl)
        except EditedError as error:
            raise RefusedError(
                f"{self.fragment}: {error}; name another --output, or move what you wrote there "
                "into the file that includes it and remove it: it is made again"
            ) from error

    def _text(self) -> str | None:
        """What the fragment says; None where it is not there, or empty. Raises RefusedError."""
        try:
            return read_kept(self.fragment, MAX_ZONE).decode() or None
        except FileNotFoundError:
            return None  # whoever takes it away has it made again
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"{self.fragment} cannot be read: {error}") from error
