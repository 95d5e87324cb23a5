"""What a zone file of gdnsd has and no other: hints at what stands for it here; pure.

gdnsd has a DYNA too, whose data is a plugin and a resource of it; a DYNC, whose answer is a CNAME;
and two TTLs of a record, the most and the least.
"""

from __future__ import annotations

import re

import dns.exception
import dns.ttl

_TTLS = re.compile(r"([0-9][0-9A-Za-z]*)/([0-9][0-9A-Za-z]*)")
_DURATION = re.compile(r"[0-9]+[smhd]")
_RESOURCE = re.compile(r"[A-Za-z0-9_]+!([A-Za-z0-9][A-Za-z0-9_.-]*).*")


def hint_of_ttl(text: str) -> str:
    """What to write for ``600/10``; empty for what is no pair of TTLs."""
    match = _TTLS.fullmatch(text)
    if match is None:
        return ""
    try:
        seconds = dns.ttl.from_text(match[2])
    except (dns.exception.DNSException, ValueError):
        return ""
    # A duration of an option has one unit, in a small letter, and no weeks.
    least = match[2].lower()
    if not _DURATION.fullmatch(least):
        least = f"{seconds}s"
    return (
        f'gdnsd\'s most and least TTL: write {match[1]}, and failover_ttl = "{least}" '
        "in the [service.NAME] of its DYNA"
    )


def hint_of_type(text: str) -> str:
    """What to write for ``DYNC``; empty for any other type."""
    if text.upper() != "DYNC":
        return ""
    return 'gdnsd\'s DYNC: write DYNA NAME, and answer = "cname" in [service.NAME]'


def hint_of_resource(text: str) -> str:
    """What to write for ``geoip!prod`` behind DYNA; empty for what is no plugin's resource."""
    match = _RESOURCE.fullmatch(text)
    if match is None:
        return ""
    return (
        f"a resource of gdnsd's: write DYNA {match[1]}, and in the configuration "
        f"[service.{match[1]}] with the regions and the policy that stand for it"
    )
