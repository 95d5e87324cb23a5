"""What a loaded zone is: its RRsets by owner and type.

Owners are known by their keys (`resolverd.dns.names`), and RRsets have them as written. A `Zone`
is frozen; its mappings are read and never written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, cast

import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.SOA

from resolverd.dns.names import Key, key_of
from resolverd.errors import Problem
from resolverd.zone.pieces import Reading

Known = TypeVar("Known")

# What each configured service answers at the owner of its DYNA: addresses, or a CNAME.
Services = Mapping[str, Literal["address", "cname"]]


@dataclass(frozen=True, slots=True)
class RRset:
    """The records of one owner and type: RDATA in the file's order, without duplicates.

    `ttl` is in seconds, the lowest that any of its records has (RFC 2181 §5.2).
    """

    owner: dns.name.Name
    rdtype: dns.rdatatype.RdataType
    ttl: int
    rdatas: tuple[dns.rdata.Rdata, ...]


RRsets = Mapping[dns.rdatatype.RdataType, RRset]


class ZoneEdit(NamedTuple):
    """What an edit changed of the zone with the stamp `of`: names in order, and those gone."""

    of: object
    changed: Sequence[Key]
    gone: Sequence[Key]


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone without errors: one SOA and at least one NS at `origin`, no owner outside it.

    `files` is the master file followed by everything that it includes, `digests` tells their
    octets, and `reading` is what the next load may take of this one. `warnings` are what was found
    odd when it was checked, by the rules of `checked_by`. `edited` is set where it is known beside.
    Zones that were made of one `pattern` differ in their origin and serial alone.
    """

    origin: dns.name.Name
    rrsets: Mapping[Key, RRsets]
    files: tuple[Path, ...]
    reading: Reading | None = field(default=None, compare=False, repr=False)
    digests: tuple[str, ...] = field(default=(), compare=False, repr=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False, repr=False)
    checked_by: object = field(default=None, compare=False, repr=False)
    edited: ZoneEdit | None = field(default=None, compare=False, repr=False)
    pattern: object = field(default=None, compare=False, repr=False)
    stamp: object = field(default_factory=object, compare=False, repr=False)

    @property
    def soa(self) -> RRset:
        """The SOA RRset at the apex."""
        return self.rrsets[key_of(self.origin)][dns.rdatatype.SOA]

    @property
    def serial(self) -> int:
        """The SOA's serial (RFC 1982 arithmetic)."""
        return cast(dns.rdtypes.ANY.SOA.SOA, self.soa.rdatas[0]).serial

    def changed_since(self, before: Zone) -> tuple[Sequence[Key], Sequence[Key]]:
        """The names whose RRsets are not the very same objects as `before`, and those gone."""
        if self.edited is not None and self.edited.of is before.stamp:
            return self.edited.changed, self.edited.gone
        was, now = before.rrsets, self.rrsets
        changed = [key for key, rrsets in now.items() if was.get(key) is not rrsets]
        return changed, [key for key in was if key not in now]


def closest_zone(zones: Mapping[dns.name.Name, Known], name: dns.name.Name) -> Known | None:
    """What is known of the zone that answers for a name: the one at it, or the nearest above."""
    while name not in zones:
        if name == dns.name.root:
            return None
        name = name.parent()
    return zones[name]


def zone_around(zones: Mapping[dns.name.Name, Zone], origin: dns.name.Name) -> Zone | None:
    """The nearest zone above an origin, whether or not a zone begins there."""
    return None if origin == dns.name.root else closest_zone(zones, origin.parent())
