"""Every finding that a zone file can have: its stable id, its severity and one line on it.

An id that is not listed here cannot be reported. An error keeps its zone from being served;
a warning does not. What BIND, Knot and NSD load with a warning at most, and what harms no name but
its own, is a warning that ``server.zone_checks = "strict"`` makes an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from resolverd.errors import Problem, Severity
from resolverd.zone.source import FilePosition


class Check(NamedTuple):
    """What a check's findings amount to, and what it looks for."""

    severity: Severity
    doc: str
    lenient: bool = False
    """Whether it is an error with ``server.zone_checks = "strict"``."""


CHECKS: Mapping[str, Check] = {
    "zone-no-file": Check("error", "A pattern of server.zones matches no file."),
    "zone-unreadable": Check("error", "A zone file or included file cannot be read."),
    "zone-encoding": Check("error", "A zone file is not UTF-8 text."),
    "zone-defect": Check("error", "A defect of resolverd met a zone file, which is refused."),
    "zone-included": Check("error", "A file of server.zones is a part of another, and no zone."),
    "zone-duplicate-origin": Check("error", "Two files write the same zone."),
    "zone-bad-origin": Check("error", "The zone's origin is not known, or is not absolute."),
    "zone-origin-differs": Check("warning", "The SOA's owner is not what the file's name says."),
    "zone-syntax": Check("error", "A record or directive is not as RFC 1035 §5.1 writes it."),
    "zone-unknown-type": Check("error", "A record's type is not known, or is no type of data."),
    "zone-class": Check("error", "A record's class is not IN."),
    "zone-bad-ttl": Check("error", "A TTL is malformed or over 2147483647 (RFC 2181 §8)."),
    "zone-missing-ttl": Check("error", "A record has no TTL and there is none to inherit."),
    "zone-bad-rdata": Check("error", "A record's data does not fit its type."),
    "zone-include-cycle": Check("error", "An $INCLUDE includes a file that includes it."),
    "zone-include-depth": Check("error", "Files include one another too deep."),
    "zone-generate": Check("error", "A $GENERATE has a bad range or template."),
    "zone-generate-offset": Check("warning", "BIND adds an offset of $GENERATE to a later $."),
    "zone-generate-constant": Check("warning", "A $GENERATE makes one record again and again."),
    "zone-comment": Check("warning", "An owner begins with # or //, as if it were a comment."),
    "zone-missing-soa": Check("error", "The apex has no SOA (RFC 1035 §5.2)."),
    "zone-many-soa": Check("error", "The apex has more than one SOA."),
    "zone-soa-below-apex": Check("error", "An SOA stands at an owner that is not the apex."),
    "zone-missing-ns": Check("error", "The apex has no NS (RFC 1034 §4.2.1)."),
    "zone-signed": Check("warning", "The zone is signed; it is served without its signatures."),
    "zone-out-of-zone": Check("warning", "A record outside the zone is left out.", lenient=True),
    "zone-wildcard-ns": Check("error", "An NS stands at a wildcard (RFC 4592 §4.2)."),
    "zone-wildcard-dname": Check("warning", "A DNAME stands at a wildcard (RFC 4592 §4.4)."),
    "zone-cname-and-other": Check("error", "A CNAME stands beside other data (RFC 2181 §10.1)."),
    "zone-many-cname": Check("error", "An owner has more than one CNAME (RFC 2181 §10.1)."),
    "zone-many-dname": Check("error", "An owner has more than one DNAME (RFC 6672 §2.4)."),
    "zone-dname-and-cname": Check("error", "A DNAME stands beside a CNAME (RFC 6672 §2.4)."),
    "zone-below-dname": Check("error", "A record stands below a DNAME (RFC 6672 §2.4)."),
    "zone-missing-glue": Check("warning", "A delegation's NS has no address.", lenient=True),
    "zone-missing-address": Check(
        "warning", "An MX or SRV target in the zone has no address.", lenient=True
    ),
    "zone-alias-target": Check(
        "warning", "An NS, MX or SRV points to an alias (RFC 2181 §10.3).", lenient=True
    ),
    "zone-apex-ns": Check("error", "An NS of the apex is an alias or has no address."),
    "zone-too-large": Check(
        "error", "A record, RRset, referral or chain of aliases fits into no message."
    ),
    "zone-no-region": Check("error", "`_no-region` of the zone is taken, or longer than a name."),
    "zone-dyna-unknown-service": Check("error", "A DYNA names a service that does not exist."),
    "zone-dyna-many": Check("error", "An owner has more than one DYNA."),
    "zone-dyna-conflict": Check("error", "A DYNA stands beside A, AAAA or CNAME."),
    "zone-dyna-cname-apex": Check("error", 'An answer = "cname" service is at the apex.'),
    "zone-dyna-cname-and-other": Check("error", 'An answer = "cname" DYNA is beside other data.'),
    "zone-pin-hint": Check("error", "An HTTPS or SVCB hint at a DYNA bypasses a pin."),
    "zone-past-pin": Check("warning", "A static record gives out what a pin withholds from some."),
    "zone-dyna-ttl": Check("warning", "A DYNA's TTL is 0 or under server.ttl_floor."),
    "zone-occluded": Check(
        "warning", "Data below a zone cut, or within another zone, is never answered."
    ),
    "zone-ttl-mismatch": Check("warning", "TTLs differ inside an RRset (RFC 2181 §5.2)."),
    "zone-duplicate-record": Check("warning", "A record is written twice; one is kept."),
    "zone-missing-dot": Check("warning", "An owner or a target seems to lack its final dot."),
    "zone-soa-mailbox": Check("warning", "The SOA's mailbox is written with an @."),
    "zone-soa-minimum": Check("warning", "The SOA's minimum, the negative TTL, is over a day."),
    "zone-serial-unchanged": Check("warning", "The zone changed and its serial did not."),
    "zone-serial-backward": Check("warning", "The serial went backward (RFC 1982 §3.2)."),
}


def as_strict(one: Problem) -> Problem:
    """`one`, which ``server.zone_checks = "strict"`` makes an error where its check is lenient."""
    return replace(one, severity="error") if CHECKS[one.id].lenient else one


def problem(id_: str, position: FilePosition, message: str, hint: str = "") -> Problem:
    """The `Problem` of check `id_` (of `CHECKS`, which has its severity) at `place`."""
    return Problem(
        position.file,
        position.line,
        position.column,
        id_,
        message,
        hint,
        CHECKS[id_].severity,
        position.source,
    )
