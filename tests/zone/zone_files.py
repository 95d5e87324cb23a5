"""Writing zone files for a test and loading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dns.name
import dns.rdatatype

from resolverd.errors import Problem
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Services, Zone

HEAD = """\
$ORIGIN z.example.
$TTL 3600
@ SOA ns1 host 7 3600 900 604800 300
@ NS ns1
ns1 A 192.0.2.1
"""
"""Five lines that make a good zone; a body after it begins in line 6."""

ORIGIN = dns.name.from_text("z.example.")
SERVICES: Services = {"chat": "address", "embed": "address", "edge": "cname"}

Loaded = tuple[dict[dns.name.Name, Zone], list[Problem]]


def load_text(
    folder: Path,
    text: str | bytes,
    *,
    others: Mapping[str, str] | None = None,
    previous: Mapping[dns.name.Name, Zone] | None = None,
    ttl_floor: int = 0,
    strict: bool = False,
) -> Loaded:
    """Load `text` as ``z.example.zone``, with `others` written beside it."""
    content = text.encode() if isinstance(text, str) else text
    (folder / "z.example.zone").write_bytes(content)
    for name, other in (others or {}).items():
        (folder / name).write_text(other)
    return load_zones(
        ["z.example.zone"],
        folder,
        services=SERVICES,
        ttl_floor=ttl_floor,
        previous=previous,
        strict=strict,
    )


def places(problems: list[Problem]) -> list[str]:
    """``line:column: id`` of each problem, with the file before it unless it is the master."""
    return [
        ("" if p.file.endswith("z.example.zone") else f"{Path(p.file).name}:")
        + f"{p.line}:{p.column}: {p.id}"
        for p in problems
    ]


def records_of(zone: Zone) -> set[tuple[str, str, int, str]]:
    """Every record as (owner, type, TTL, RDATA) in text."""
    return {
        (str(rrset.owner).lower(), dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, str(rdata))
        for rrsets in zone.rrsets.values()
        for rrset in rrsets.values()
        for rdata in rrset.rdatas
    }
