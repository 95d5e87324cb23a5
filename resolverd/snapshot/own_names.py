"""Where a name leads within our own zones, as a resolver that asks us finds out; pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Literal, NamedTuple, cast

import dns.exception
import dns.name
from dns.rdatatype import AAAA, CNAME, DNAME, NS, A

from resolverd.dns.hostnames import normal_host
from resolverd.dns.names import key_of
from resolverd.snapshot.answering import Answering
from resolverd.zone.dyna import DYNA, Dyna
from resolverd.zone.model import RRsets, Zone, closest_zone

Zones = Mapping[dns.name.Name, Zone]

End = Literal["steered", "addresses", "elsewhere", "nothing", "loop"]


class Lead(NamedTuple):
    """What a name comes to: the `names` on the way, the first that was asked for and the last.

    `end` is ``steered`` where the last has a DYNA, of `service`; ``addresses`` where it has A or
    AAAA; ``elsewhere`` where it is in no zone of ours, or below a zone cut; ``nothing`` where it
    does not exist or has none of these, and ``loop`` where its aliases lead round.
    """

    end: End
    names: tuple[dns.name.Name, ...]
    service: str = ""


def host_name(text: str) -> dns.name.Name | None:
    """A hostname as an absolute name; None for what is none, and for one label, to be searched."""
    if "." not in text or text.replace(".", "").isdigit():
        return None
    try:
        return dns.name.from_text(normal_host(text))
    except (dns.exception.DNSException, UnicodeError):
        return None


class OwnNames:
    """The names of `zones`."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._answering = cache(lambda origin: Answering(zones[origin]))

    def host(self, text: str) -> Lead:
        """Where a hostname leads; what is none is nothing of ours."""
        name = host_name(text) if self._may_be_ours(text) else None
        return Lead("elsewhere", ()) if name is None else self.lead(name)

    @cached_property
    def _origins(self) -> frozenset[tuple[bytes, ...]]:
        return frozenset(tuple(map(bytes.lower, origin.labels)) for origin in self._zones)

    def _may_be_ours(self, text: str) -> bool:
        """Whether a hostname may be in a zone: nearly none of thousands is, as is soon told."""
        if not text.isascii():
            return True
        labels = (*text.lower().rstrip(".").encode().split(b"."), b"")
        return any(labels[start:] in self._origins for start in range(len(labels)))

    def lead(self, name: dns.name.Name) -> Lead:
        """Where an absolute name leads, through aliases, wildcards and DNAMEs."""
        names = [name]
        while (zone := closest_zone(self._zones, names[-1])) is not None:
            if (above := _cut_or_dname(zone, names[-1])) is not None:
                following = _below(above, names[-1])
                if following is None:
                    return Lead("elsewhere", tuple(names))
            else:
                rrsets = self._answering(zone.origin).rrsets(key_of(names[-1]))
                if DYNA in rrsets:
                    service = cast(Dyna, rrsets[DYNA].rdatas[0]).service
                    return Lead("steered", tuple(names), service)
                if CNAME not in rrsets:
                    found = A in rrsets or AAAA in rrsets
                    return Lead("addresses" if found else "nothing", tuple(names))
                following = rrsets[CNAME].rdatas[0].target  # type: ignore[attr-defined]
            if following in names:
                return Lead("loop", tuple(names))
            names.append(following)
        return Lead("elsewhere", tuple(names))


def _cut_or_dname(zone: Zone, name: dns.name.Name) -> tuple[dns.name.Name, RRsets] | None:
    """The zone cut that a name is at or below, or the DNAME that it is below: the topmost."""
    depths = range(len(zone.origin.labels), len(name.labels) + 1)
    for depth in depths:
        owner = dns.name.Name(name.labels[-depth:])
        rrsets = zone.rrsets.get(key_of(owner), {})
        if NS in rrsets and owner != zone.origin:
            return owner, rrsets
        if DNAME in rrsets and owner != name:
            return owner, rrsets
    return None


def _below(above: tuple[dns.name.Name, RRsets], name: dns.name.Name) -> dns.name.Name | None:
    """Where a DNAME above leads a name; None for a zone cut, and for a name too long."""
    owner, rrsets = above
    if DNAME not in rrsets or owner == name:
        return None
    target = cast(dns.name.Name, rrsets[DNAME].rdatas[0].target)  # type: ignore[attr-defined]
    try:
        return name.relativize(owner).concatenate(target)
    except dns.exception.DNSException:
        return None
