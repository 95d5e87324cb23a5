"""What changed in a zone since it was last loaded, and whether its serial says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import dns.rdtypes.ANY.SOA
from dns.rdatatype import SOA

from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.model import RRset, Zone
from resolverd.zone.source import FilePosition

_HALF = 2**31  # serials that far apart or farther are "less than" (RFC 1982 §3.2)


def check_serial(
    previous: Zone, zone: Zone, position: Callable[[], FilePosition]
) -> Iterator[Problem]:
    """Findings about the serial; `position` says where it is written, and may take its time."""
    old, new = previous.serial, zone.serial
    hint = f"write {(old + 1) % 2**32} or higher"
    if old == new:
        if not same_content(previous, zone):
            yield problem(
                "zone-serial-unchanged",
                position(),
                f"the zone changed and its serial is still {new}; secondaries will not notice",
                hint,
            )
    elif (new - old) % 2**32 >= _HALF:
        yield problem(
            "zone-serial-backward",
            position(),
            f"the serial went back from {old} to {new} (RFC 1982 §3.2)",
            hint,
        )


def same_content(one: Zone, other: Zone) -> bool:
    """Whether two zones say the same, the SOA's serial and the order of records apart."""
    if len(one.rrsets) != len(other.rrsets):
        return False
    return all(
        (theirs := other.rrsets.get(owner)) is not None
        and rrsets.keys() == theirs.keys()
        and all(_same_rrset(rrset, theirs[rdtype]) for rdtype, rrset in rrsets.items())
        for owner, rrsets in one.rrsets.items()
    )


def _same_rrset(one: RRset, other: RRset) -> bool:
    if one.ttl != other.ttl or len(one.rdatas) != len(other.rdatas):
        return False
    if one.rdtype == SOA:
        return _without_serial(one) == _without_serial(other)
    return one.rdatas == other.rdatas or set(one.rdatas) == set(other.rdatas)


def _without_serial(soa: RRset) -> object:
    return cast(dns.rdtypes.ANY.SOA.SOA, soa.rdatas[0]).replace(serial=0)
