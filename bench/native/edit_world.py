"""One large zone as operators have them, and an edit of each kind.

Half of its names have an A; the others AAAA, CNAME, MX, TXT of long strings, SRV, a delegation with
glue, or a wildcard. A thousand hosts stand in a file that it includes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.peers.world import STATIC_ADDRESS, TTL

INCLUDED = "hosts.included"
_HOSTS = 1000


class Edited(NamedTuple):
    """The zone and the file that it includes, which is empty where it includes none."""

    zone: str
    included: str

    def write(self, path: Path, *, in_place: bool = False) -> None:
        """Save both: each by a rename, or where it is; the included file first."""
        for file, text in ((path.with_name(INCLUDED), self.included), (path, self.zone)):
            if text and (not file.exists() or file.read_text() != text):
                new = file if in_place else file.with_name(f".{file.name}.new")
                new.write_text(text)
                new.replace(file)


def first(origin: str, names: int, geo: str, *, includes: bool) -> Edited:
    """The zone with serial 1; `geo` is how a server writes the steered name."""
    hosts = "".join(f"h{n:04} A 198.51.100.{n & 255}\n" for n in range(_HOSTS))
    head = f"""\
$ORIGIN {origin}.
$TTL {TTL}
@ SOA ns1 hostmaster 1 3600 900 604800 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.53
ns2 A 198.51.100.53
www A {STATIC_ADDRESS}
{geo}{f"$INCLUDE {INCLUDED}" if includes else hosts}
"""
    body = "".join(_lines(n) for n in range(names - _HOSTS))
    return Edited(head + body, hosts if includes else "")


def _lines(n: int) -> str:
    name, first = f"n{n:06}", n - n % 20
    match n % 20:
        case 10 | 11 | 12:
            return f"{name} 600 IN AAAA 2001:db8::{n >> 16:x}:{n & 65535:x}\n"
        case 13 | 14:
            return f"{name} CNAME n{first:06}\n"
        case 15:
            return f"{name} MX 10 n{first:06}\n\tMX 20 n{first + 1:06}\n"
        case 16:
            return f'{name} TXT "v=DKIM1; p={"A" * 200}" "{n} {"b" * 100}"\n'
        case 17:
            return f"_sip._tcp.{name} SRV 10 5 5060 n{first:06}\n"
        case 18:
            return f"{name} NS ns.{name}\nns.{name} A 192.0.2.{n & 255}\n"
        case 19:
            return f"*.{name} A 192.0.2.1\n"
    return f"{name} A 192.0.{n >> 8 & 255}.{n & 255}\n"


def _line(kind: int, number: int, names: int) -> str:
    """The lines of a name of this kind in the middle of the zone, another for each number."""
    return _lines(names // 40 * 20 + 20 * number + kind)


def _replaced(was: str, now: str) -> Callable[[Edited], Edited]:
    def edit(text: Edited) -> Edited:
        assert was in text.zone or was in text.included, was
        return Edited(text.zone.replace(was, now, 1), text.included.replace(was, now, 1))

    return edit


def edits(number: int, names: int) -> Mapping[str, Callable[[Edited], Edited]]:
    """Each kind of edit by its name; those of one number can follow those of all before."""
    address, deleted, alias = (_line(kind, number, names) for kind in (0, 1, 13))
    delegated, covered = _line(18, number, names), _line(19, number, names)
    host = f"h{number:04} A "
    return {
        "an address": _replaced(address, f"{address.split()[0]} A 203.0.113.7\n"),
        "a name added": _replaced(covered, f"{covered}added{number} A 203.0.113.8\n"),
        "a name deleted": _replaced(deleted, ""),
        "an alias": _replaced(alias, f"{alias.split()[0]} CNAME www\n"),
        "a wildcard": _replaced(covered, covered.replace("192.0.2.1", "203.0.113.9")),
        "a delegation": _replaced(delegated, f"{delegated}new{number} NS ns.new{number}\n"
                                  f"ns.new{number} A 203.0.113.10\n"),
        "an included file": _replaced(host, f"i{number} A 203.0.113.11\n{host}"),
        "$TTL": _replaced(f"$TTL {TTL + number}\n", f"$TTL {TTL + number + 1}\n"),
    }  # fmt: skip


def with_serial(text: Edited, serial: int) -> Edited:
    """The same with the next serial."""
    before = f"hostmaster {serial - 1} "
    assert before in text.zone
    return text._replace(zone=text.zone.replace(before, f"hostmaster {serial} ", 1))
