"""A master file and all that it includes (RFC 1035 §5) → records, each with its place.

An entry that cannot be read becomes a `Problem`, and reading goes on at the next one. What comes
next is the quickest of three things: a piece known from before, a common line, or read by the
grammar.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
from dns.tokenizer import Token

from resolverd.errors import Problem
from resolverd.files.matching import real_path
from resolverd.zone.apex import find_apex
from resolverd.zone.catalogue import problem
from resolverd.zone.directives import INCLUDE, expect_end, remainder, skip_date, unescaped
from resolverd.zone.entries import Entries
from resolverd.zone.fast_path import read_directive, read_fast
from resolverd.zone.files import UnreadableError, read_source
from resolverd.zone.generate import TEMPLATE, TemplateError, expand, has_counter, parse_range
from resolverd.zone.generate_checks import check_template
from resolverd.zone.inherited import Inherited
from resolverd.zone.known_lines import KnownLines
from resolverd.zone.lexer import Lexer, LexicalError, name_of
from resolverd.zone.misread import A_COMMENT, hidden_character, looks_like_comment
from resolverd.zone.parsed import Lost, ParsedZone, Record
from resolverd.zone.pieces import Pieces
from resolverd.zone.record import EntryError, RecordFields, read_name, read_record, read_ttl
from resolverd.zone.source import SourceFile

MAX_DEPTH = 16
"""How deep $INCLUDEs may nest. Loops are found by themselves: this bounds links that grow."""

_PLACEHOLDER_TTL = 3600  # seconds; stands for one that cannot be read, of a zone that is refused

_Known = tuple[Pieces, KnownLines]


@dataclass
class _Entry:
    """The entry being read: where it begins, and as much of a record as it has shown to be."""

    source: SourceFile
    start: int
    lexer: Lexer
    fields: RecordFields = field(default_factory=RecordFields)
    directive: str = ""


def read_master(
    source: SourceFile, before: Pieces | None = None, lines: KnownLines | None = None
) -> ParsedZone:
    """Read a master file; whatever is wrong with it is in the `problems` of what it returns.

    Pieces that are in `before` already are not read again, nor are common `lines` of a small file.
    The origin is that of the first $ORIGIN, if it comes before every record and $INCLUDE;
    else it is the file's name without ``.zone``. The apex is the SOA's owner (RFC 1034 §4.2.1),
    and where that is not what the file's name says, relative names are relative to it.
    """
    known = before or Pieces(), lines or KnownLines()
    parsed = _read(source, known, None)
    apex = find_apex(parsed)
    if apex is None or apex is parsed.origin or apex == parsed.origin:
        return parsed
    if parsed.by_name:
        again = _read(source, known, apex)
        if find_apex(again) == apex:
            again.problems.append(_differs(again, parsed.origin))
            parsed = again
    parsed.origin = apex
    return parsed


def _read(source: SourceFile, known: _Known, origin: dns.name.Name | None) -> ParsedZone:
    """Read a master file, with `origin` in place of its name if that is given."""
    reader, inherited = _Reader(ParsedZone(source), known, origin), Inherited(dns.name.root)
    reader.read(source, inherited)
    reader.ensure_origin(source, 0, inherited)
    return reader.parsed


def _differs(parsed: ParsedZone, named: dns.name.Name | None) -> Problem:
    soa = parsed.soas[0]
    return problem(
        "zone-origin-differs",
        soa.at_owner(),
        f"the SOA is that of {soa.owner}, and the file's name says {named}",
        f"write $ORIGIN {soa.owner} above the first record, or rename the file",
    )


class _Reader:
    def __init__(self, parsed: ParsedZone, known: _Known, given: dns.name.Name | None) -> None:
        self.parsed = parsed
        self._given = given
        self._origin_known = False
        self._chain: list[Path] = []
        self._entries = Entries(parsed, *known)

    def read(self, source: SourceFile, inherited: Inherited) -> None:
        if source.path not in self.parsed.files:
            self.parsed.files.append(source.path)
            self.parsed.digests.append(source.digest)
        self._chain.append(source.path)
        at, lexer = 0, None
        while (at := self._take_lines(source, at, inherited)) < len(source.text):
            lexer = lexer or Lexer(source.text)
            lexer.begin(at)
            entry = _Entry(source, at, lexer)
            try:
                self._read_entry(entry, inherited)
            except (EntryError, LexicalError) as error:
                self._entries.close()
                self._report(entry, error)
                self._lose(entry, inherited)
            at = lexer.pos
        self._entries.close()
        self._chain.pop()

    def _take_lines(self, source: SourceFile, start: int, inherited: Inherited) -> int:
        """Take what is known from `start` on, and common lines, up to any other one.

        Returns where that begins.
        """
        text, entries = source.text, self._entries
        while end := text.find("\n", start) + 1:
            line = text[start:end]
            if line[0] == "$" and self._take_directive(line, inherited):
                start = end
                continue
            if not self._origin_known:
                break
            if length := entries.take(line, source, start, inherited):
                start += length
                continue
            fields = read_fast(line, inherited.origin)
            if fields is None:
                break
            inherited.update(fields)
            try:
                self._take(fields, source, start, inherited, end)
            except EntryError:
                break  # it is read as any other entry, which reports its fault
            start = end
        return start

    def _take_directive(self, line: str, inherited: Inherited) -> bool:
        """Whether a line is a plain $TTL or absolute $ORIGIN, which is then done."""
        told = read_directive(line)
        if told is None:
            return False
        self._entries.close()
        if isinstance(told, int):
            inherited.ttls.default = told
        else:
            self._enter(told, inherited)
        return True

    def _enter(self, origin: dns.name.Name, inherited: Inherited) -> None:
        """Read on relative to `origin`, which is the zone's where it is the first."""
        if not self._origin_known:
            self._origin_known = True
            self.parsed.origin = origin
        inherited.origin, inherited.origin_unknown = origin, False

    def _read_entry(self, entry: _Entry, inherited: Inherited) -> None:
        token = entry.lexer.get(want_leading=True)
        if token.is_eol_or_eof():
            return
        if not token.is_identifier() or token.value[0] != "$":
            self._read_record(token, entry, inherited)
            return
        self._entries.close()
        entry.directive = token.value.upper()
        if entry.directive == "$TTL":
            self._read_ttl(entry, inherited)
        elif entry.directive == "$ORIGIN":
            self._read_origin(entry, inherited)
        elif entry.directive == "$INCLUDE":
            self._include(entry, inherited)
        elif entry.directive == "$GENERATE":
            self._generate(entry, inherited)
        elif entry.directive == "$DATE":
            skip_date(entry.lexer)
        else:
            raise EntryError(
                "zone-syntax",
                entry.lexer.start,
                f"{token.value} is no directive",
                "there are $ORIGIN, $TTL, $INCLUDE and $GENERATE",
            )

    def _read_record(self, first: Token, entry: _Entry, inherited: Inherited) -> None:
        self.ensure_origin(entry.source, entry.start, inherited)
        fields = entry.fields
        try:
            if not read_record(first, entry.lexer, inherited.origin, fields):
                return
        finally:
            inherited.update(fields)
        # What is made by $GENERATE, or has no newline yet, is in no piece.
        end = entry.lexer.pos if entry.lexer.text is entry.source.text else 0
        whole = end > 0 and entry.source.text[end - 1] == "\n"
        self._take(fields, entry.source, entry.start, inherited, end if whole else 0)

    def _take(
        self,
        fields: RecordFields,
        source: SourceFile,
        start: int,
        inherited: Inherited,
        end: int,
    ) -> None:
        """Add a record that was read, with what it inherits. Raises EntryError.

        It may be in a piece if it has an `end`.
        """
        rdata, owner, key = fields.rdata, inherited.owner, inherited.key
        assert rdata is not None
        if fields.blank and owner is None and not inherited.owner_unknown:
            raise EntryError(
                "zone-syntax",
                start,
                "the first record has no owner to repeat",
                'write its owner in the first column; "@" is the origin',
            )
        ttl = inherited.ttls.of(fields, source, start)
        if inherited.owner_unknown or inherited.origin_unknown or owner is None or key is None:
            self._entries.close()
            self.parsed.lost.add(Lost(None, fields.rdtype))
            return
        record = Record(owner, key, ttl, rdata, source, start)
        self._entries.add(record, fields, inherited, end)

    def _read_ttl(self, entry: _Entry, inherited: Inherited) -> None:
        # A bad $TTL must not make every record after it a finding too.
        inherited.ttls.default = _PLACEHOLDER_TTL
        inherited.ttls.default = read_ttl(entry.lexer.get(), entry.lexer)
        expect_end(entry.lexer)

    def _read_origin(self, entry: _Entry, inherited: Inherited) -> None:
        lexer = entry.lexer
        inherited.origin_unknown = True
        token = lexer.get()
        relative_to = inherited.origin if self._origin_known else dns.name.root
        origin = read_name(token, lexer, relative_to)
        offset = lexer.start
        expect_end(lexer)
        first = not self._origin_known
        self._enter(origin, inherited)
        if first and not token.value.endswith("."):
            raise EntryError(
                "zone-bad-origin",
                offset,
                f'the first $ORIGIN, "{token.value}", is relative',
                f"end it with a dot: $ORIGIN {token.value}.",
            )

    def _include(self, entry: _Entry, inherited: Inherited) -> None:
        self.ensure_origin(entry.source, entry.start, inherited)
        lexer = entry.lexer
        token = lexer.get()
        if token.is_eol_or_eof():
            raise EntryError("zone-syntax", lexer.end, "$INCLUDE names no file", INCLUDE)
        offset = lexer.start
        origin = inherited.origin
        following = lexer.get()
        if not following.is_eol_or_eof():
            origin = read_name(following, lexer, inherited.origin)
            expect_end(lexer)
        path = entry.source.path.parent / unescaped(token, offset)
        self._refuse_loops(path, offset)
        try:
            source = read_source(path)
        except UnreadableError as error:
            if error.position is None:
                message = f"{path} {error.message}"
                raise EntryError(error.id, offset, message, error.hint) from error
            self.parsed.problems.append(
                problem(error.id, error.position, error.message, error.hint)
            )
            self.parsed.lost.add(Lost())
            return
        self.read(source, replace(inherited, origin=origin))

    def _refuse_loops(self, path: Path, offset: int) -> None:
        if real_path(path) in map(real_path, self._chain):
            raise EntryError(
                "zone-include-cycle",
                offset,
                f"{path} is being read already",
                "remove one of the $INCLUDEs",
            )
        if len(self._chain) > MAX_DEPTH:
            raise EntryError(
                "zone-include-depth",
                offset,
                f"files include one another more than {MAX_DEPTH} deep",
                "include the file from one nearer to the master file",
            )

    def _generate(self, entry: _Entry, inherited: Inherited) -> None:
        self.ensure_origin(entry.source, entry.start, inherited)
        token = entry.lexer.get()
        at_range = entry.lexer.end if token.is_eol_or_eof() else entry.lexer.start
        try:
            counters = parse_range(token.value)
        except TemplateError as error:
            raise EntryError(
                "zone-generate", at_range, str(error), "write $GENERATE 1-10 host$ A 192.0.2.$"
            ) from error
        template, at_template = remainder(entry.lexer)
        at = entry.source.position(at_template)
        self.parsed.problems += check_template(template, len(counters), at)
        counters = counters if has_counter(template) else counters[:1]
        # A blank owner after it repeats the one before it.
        inherited = replace(inherited)
        for counter in counters:
            try:
                one = replace(entry, lexer=Lexer(expand(template, counter)), fields=RecordFields())
                self._read_record(one.lexer.get(), one, inherited)
            except TemplateError as error:
                raise EntryError("zone-generate", at_template, str(error), TEMPLATE) from error
            except (EntryError, LexicalError) as error:
                id_ = error.id if isinstance(error, EntryError) else "zone-generate"
                message = f'"{one.lexer.text}": {error}'
                raise EntryError(id_, at_template, message, error.hint or TEMPLATE) from error

    def ensure_origin(self, source: SourceFile, offset: int, inherited: Inherited) -> None:
        """Take the origin from the file's name, unless it is known already."""
        if self._origin_known:
            return
        self._origin_known = self.parsed.by_name = True
        if self._given is not None:
            self.parsed.origin = inherited.origin = self._given
            return
        stem = source.path.name.removesuffix(".zone").removesuffix(".")
        try:
            self.parsed.origin = inherited.origin = name_of(f"{stem}.", dns.name.root)
        except (dns.exception.DNSException, ValueError):
            inherited.origin_unknown = True
            self.parsed.problems.append(
                problem(
                    "zone-bad-origin",
                    source.position(offset),
                    f'there is no $ORIGIN, and the file\'s name "{stem}" is no domain name',
                    "write $ORIGIN above the first record",
                )
            )

    def _report(self, entry: _Entry, error: EntryError | LexicalError) -> None:
        id_, offset, message, hint = "zone-syntax", entry.lexer.start, str(error), error.hint
        if isinstance(error, EntryError):
            id_, offset = error.id, error.offset
        if (bracket := entry.lexer.recover()) is not None:
            id_, offset = "zone-syntax", bracket
            message = "this parenthesis is never closed"
            hint = 'write ")" where the record ends'
            self.parsed.lost.add(Lost())
        elif (hidden := hidden_character(entry.source.text, offset)) is not None:
            message, hint = hidden
        elif looks_like_comment(entry.source.text, entry.start):
            hint = A_COMMENT
        position = entry.source.position(offset)
        self.parsed.problems.append(problem(id_, position, message, hint))

    def _lose(self, entry: _Entry, inherited: Inherited) -> None:
        fields, ttls = entry.fields, inherited.ttls
        if entry.directive:
            self.parsed.lost.add(Lost())
            return
        if fields.rdtype == dns.rdatatype.SOA and ttls.default is None and ttls.last is None:
            ttls.default = _PLACEHOLDER_TTL  # in the place of its minimum
        if fields.owner is None and not fields.blank:
            inherited.owner_unknown = True
        owner = inherited.owner if fields.blank and not inherited.owner_unknown else fields.owner
        self.parsed.lost.add(Lost(owner, fields.rdtype))
