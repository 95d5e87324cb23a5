"""Small zones that are written alike, but for their names and serials: one is read for all of them.

What a file says depends on its text and on its origin, and of a text in which no origin is named
the origin changes the names alone: those written relative to it, which stand to one another as
they did. So of a zone without a finding a *pattern* is made once its text is met again, and later
zones of that text are made of the pattern, as a reading and all checks would give them.

That holds only where no check knows of more than how names stand to one another. So a pattern
has records of a few types, none below a zone cut, few enough for any message, and no directive
but a plain `$TTL`; no name of it may be too long under another origin. Whatever else there is, or
in doubt, is read and checked by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, cast

import dns.exception
import dns.name
import dns.rdata
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.SOA
from dns.rdatatype import AAAA, CNAME, NS, SOA, A, RdataType

from resolverd.dns.limits import MAX_NAME
from resolverd.dns.names import Key, key_of
from resolverd.zone.dyna import DYNA, NO_REGION
from resolverd.zone.fast_path import rdata_of
from resolverd.zone.lexer import PLAIN_NAME, plain_name, unchecked_name
from resolverd.zone.model import RRset, RRsets, Zone
from resolverd.zone.parsed import ParsedZone, Record
from resolverd.zone.past_pins import Withheld
from resolverd.zone.size_checks import surely_fit
from resolverd.zone.source import SourceFile

_LONGEST = 4096
"""Characters of a file, from which on it is not looked for among others."""

_MOST = 1024
"""Texts that are remembered at a time."""

# What may stand above $ORIGIN: no record, and no line that is taken for one.
_ORIGIN = re.compile(
    r"((?:(?:;[^\n]*+)?\n|\$TTL[ \t]++[0-9]{1,9}[ \t]*+\n)*+)"
    rf"\$ORIGIN[ \t]++({PLAIN_NAME})[ \t]*+\n"
)
_TTL = re.compile(r"^\$TTL[ \t]++[0-9]{1,9}[ \t]*+$", re.MULTILINE)
_PLAIN_NAME = re.compile(PLAIN_NAME)
_WORD = r'[^\s;()"]++'
_SERIAL = re.compile(
    rf"[ \t][Ss][Oo][Aa][ \t]++{_WORD}[ \t]++{_WORD}"
    r"(?:[ \t]*+\([ \t\n]*+|[ \t]++)([0-9]{1,10}+)\s"
)
_MAX_SERIAL = 2**32 - 1

_TYPES = frozenset({SOA, NS, A, AAAA, CNAME, DYNA})
# The names in RDATA of these types, all of which may be relative.
_NAMES = {NS: ("target",), CNAME: ("target",), SOA: ("mname", "rname")}
_SOA_NUMBERS = ("refresh", "retry", "expire", "minimum")
_SOA_SERIAL = 2

_Labels = tuple[bytes, ...]


class Written(NamedTuple):
    """A file as others may be written too: all of its text but the origin and the SOA's serial.

    `named` is the origin without its final dot, in lower case; `at` is the serial's offset.
    """

    text: tuple[str, str, str]
    origin: dns.name.Name
    named: str
    serial: int
    at: int
    source: SourceFile


def written(source: SourceFile) -> Written | None:
    """How a small file is written; None for others, and where origin or serial are not plain."""
    text = source.text
    if len(text) > _LONGEST:
        return None
    match = _ORIGIN.match(text)
    if match is not None:
        above, name, start = match[1], match[2], match.end()
    else:
        above, name, start = "", f"{source.path.name.removesuffix('.zone').removesuffix('.')}.", 0
        if _PLAIN_NAME.fullmatch(name) is None:
            return None
    serial = _SERIAL.search(text, start)
    if serial is None or not name.endswith(".") or int(serial[1]) > _MAX_SERIAL:
        return None
    try:
        origin = plain_name(name, dns.name.root)
    except dns.exception.DNSException:
        return None
    at, end = serial.span(1)
    parts = above, text[start:at], text[end:]
    return Written(parts, origin, name[:-1].lower(), int(serial[1]), at, source)


class AlikeZones:
    """The zones of one load, by what they are checked for of names that are `withheld`."""

    def __init__(self, withheld: Withheld) -> None:
        self._withheld = withheld
        self._known: dict[tuple[str, str, str], _Read | _Pattern | None] = {}

    def remember(self, one: Written, parsed: ParsedZone, zone: Zone) -> None:
        """A zone of which nothing was found; no zone of its name was there before."""
        if one.text not in self._known and len(parsed.soas) == 1:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[one.text] = _Read(one, parsed.soas[0], zone)

    def zone(self, one: Written, checked_by: object) -> Zone | None:
        """The zone that is written so; None where it has to be read."""
        known = self._known.get(one.text)
        if isinstance(known, _Read):
            known = self._known[one.text] = _pattern(known, self._withheld)
        return None if known is None else known.zone(one, checked_by)


class _Read(NamedTuple):
    """A zone as it was read."""

    written: Written
    soa: Record
    zone: Zone


class _Set(NamedTuple):
    """An RRset under any origin: what in it has no relative name is there, the rest is `made`."""

    rdtype: RdataType
    ttl: int
    rdatas: tuple[dns.rdata.Rdata, ...]
    made: tuple[_Relative, ...]


class _Relative:
    """RDATA with names that may be relative, or with the serial of its zone."""

    __slots__ = ("_kind", "_names", "_numbers", "_rdtype")

    def __init__(self, rdata: dns.rdata.Rdata, origin: dns.name.Name) -> None:
        self._kind, self._rdtype = type(rdata), rdata.rdtype
        self._names: list[tuple[str, _Labels | None, dns.name.Name]] = []
        for attribute in _NAMES[rdata.rdtype]:
            name = getattr(rdata, attribute)
            self._names.append((attribute, _relative(name, origin), name))
        numbers = _SOA_NUMBERS if rdata.rdtype == SOA else ()
        self._numbers = {attribute: getattr(rdata, attribute) for attribute in numbers}

    def under(self, origin: dns.name.Name, serial: int) -> dns.rdata.Rdata:
        """The RDATA in the zone of this origin and serial."""
        fields: dict[str, object] = {}
        for attribute, labels, name in self._names:
            fields[attribute] = name if labels is None else _name(labels, origin)
        if self._numbers:
            fields["serial"] = serial
        return rdata_of(self._kind, self._rdtype, **fields, **self._numbers)


class _Pattern:
    """What a text says under any origin.

    `nodes` have for each owner the octets before the origin's, its labels and RRsets; `longest`
    are the octets that the longest name has before the origin's.
    """

    __slots__ = ("_longest", "_lowered", "_nodes")

    def __init__(
        self, lowered: str, nodes: list[tuple[Key, _Labels, list[_Set]]], longest: int
    ) -> None:
        self._lowered, self._nodes, self._longest = lowered, nodes, longest

    def zone(self, one: Written, checked_by: object) -> Zone | None:
        """The zone of `one`; None where its origin is named in the text, or is too long for it."""
        origin, serial, source = one.origin, one.serial, one.source
        below = key_of(origin)
        if self._longest + len(below) > MAX_NAME or one.named in self._lowered:
            return None
        rrsets: dict[Key, RRsets] = {}
        for front, labels, sets in self._nodes:
            owner = _name(labels, origin)
            rrsets[front + below] = {
                rdtype: RRset(
                    owner,
                    rdtype,
                    ttl,
                    tuple([part.under(origin, serial) for part in made]) if made else rdatas,
                )
                for rdtype, ttl, rdatas, made in sets
            }
        return Zone(
            origin,
            rrsets,
            (source.path,),
            digests=(source.digest,),
            checked_by=checked_by,
            pattern=self,
        )


def _pattern(read: _Read, withheld: Withheld) -> _Pattern | None:
    """What a zone's text says under any origin; None where the origin may matter otherwise."""
    one, zone = read.written, read.zone
    lowered = "\n".join(one.text).lower()
    if not _plain(one, lowered) or not _steady(zone, withheld):
        return None
    soa = cast(dns.rdtypes.ANY.SOA.SOA, read.soa.rdata)
    place = read.soa.source.fields(read.soa.entry).rdata[_SOA_SERIAL]
    if (soa.serial, place, zone.files) != (one.serial, one.at, (one.source.path,)):
        return None
    if zone.origin.labels != one.origin.labels:
        return None
    nodes, below = [], key_of(zone.origin)
    names = [NO_REGION + below]
    for key, rrsets in zone.rrsets.items():
        owner = next(iter(rrsets.values())).owner
        labels = _relative(owner, zone.origin)
        if labels is None:
            return None
        sets = [_set(rrset, zone.origin) for rrset in rrsets.values()]
        nodes.append((key[: -len(below)], labels, sets))
        targets = (name for rrset in rrsets.values() for name in _names(rrset))
        names += [key, *(key_of(name) for name in targets)]
    return _Pattern(lowered, nodes, max(map(len, names)) - len(below))


def _plain(one: Written, lowered: str) -> bool:
    """Whether what is written without its final dot is relative, and all else outside the zone."""
    text = "\n".join(one.text)
    if not text.isascii() or "\\" in text or text.count("$") != len(_TTL.findall(text)):
        return False
    return one.named not in lowered


def _steady(zone: Zone, withheld: Withheld) -> bool:
    """Whether checks find the same of a zone under any name."""
    apex = key_of(zone.origin)
    types = frozenset[RdataType]().union(*zone.rrsets.values())
    count = sum(len(rrset.rdatas) for rrsets in zone.rrsets.values() for rrset in rrsets.values())
    if not types <= _TYPES or not surely_fit(types, count) or zone.reading is not None:
        return False
    # A name under another origin may be that of a region which a pin keeps from some.
    if CNAME in types and withheld.names:
        return False
    return not any(NS in rrsets for key, rrsets in zone.rrsets.items() if key != apex)


def _set(rrset: RRset, origin: dns.name.Name) -> _Set:
    named = any(_relative(name, origin) is not None for name in _names(rrset))
    if rrset.rdtype != SOA and not named:
        return _Set(rrset.rdtype, rrset.ttl, rrset.rdatas, ())
    made = tuple(_Relative(rdata, origin) for rdata in rrset.rdatas)
    return _Set(rrset.rdtype, rrset.ttl, (), made)


def _names(rrset: RRset) -> Sequence[dns.name.Name]:
    """The names in an RRset's RDATA."""
    attributes = _NAMES.get(rrset.rdtype, ())
    return [getattr(rdata, one) for rdata in rrset.rdatas for one in attributes]


def _relative(name: dns.name.Name, origin: dns.name.Name) -> _Labels | None:
    """The labels of a name that is written relative to the origin; None for any other."""
    count = len(origin.labels)
    return name.labels[:-count] if name.labels[-count:] == origin.labels else None


def _name(labels: _Labels, origin: dns.name.Name) -> dns.name.Name:
    return unchecked_name(labels + origin.labels) if labels else origin
