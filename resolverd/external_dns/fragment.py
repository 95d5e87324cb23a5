"""The fragment of a zone that holds external-dns's records: text ⇄ endpoints, and changes; pure.

Each endpoint is a comment, with what external-dns has to be given back and no record says, such as
sets and quotes, and then the records made of it. Same endpoints, same octets; text that is not what
its own comments give was edited by somebody else, and is not ours to write over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from dns.name import Name

from resolverd.external_dns.endpoint import Changes, Endpoint, ProtocolError, read_endpoints
from resolverd.external_dns.records import RecordError, owner_of, rdatas_of

_MARK = ";= "
_HEAD = (
    "; Records of external-dns in {zone}, which `resolverd external-dns` keeps: what is written\n"
    "; here by hand stops it. Records of your own belong into the file that includes this one.\n"
)


class EditedError(ValueError):
    """A fragment that is not as it was written."""


class Key(NamedTuple):
    """What tells an endpoint apart."""

    owner: Name
    type: str
    set_identifier: str


Endpoints = Mapping[Key, Endpoint]


def key_of(endpoint: Endpoint) -> Key:
    """Raises RecordError where its name is none."""
    return Key(owner_of(endpoint), endpoint.type, endpoint.set_identifier)


def applied(known: Endpoints, changes: Changes) -> dict[Key, Endpoint]:
    """The endpoints after the changes. Raises RecordError where these contradict themselves.

    What is deleted may be gone already, and what is created there: external-dns gives up waiting
    for an answer and asks for the same again.
    """
    after = dict(known)
    for endpoint in (*changes.delete, *changes.before):
        after.pop(key_of(endpoint), None)
    fresh: dict[Key, Endpoint] = {}
    for endpoint in changes.wanted:
        if fresh.setdefault(key_of(endpoint), endpoint) != endpoint:
            raise RecordError(f"{endpoint.name} {endpoint.type} is wanted twice, and not alike")
    return after | fresh


def render(zone: Name, endpoints: Iterable[Endpoint], ttl: int) -> str:
    """The fragment of `zone`; `ttl`, in seconds, is that of records for which none is wanted.

    Raises RecordError where an endpoint is no records.
    """
    return "\n".join(row for row, _ in _rows(zone, endpoints, ttl)) + "\n"


def keys_by_line(zone: Name, endpoints: Iterable[Endpoint], ttl: int) -> list[Sequence[Key]]:
    """Of which endpoints each line of that fragment is, the first line first. Raises as it."""
    return [keys for _, keys in _rows(zone, endpoints, ttl)]


def _rows(
    zone: Name, endpoints: Iterable[Endpoint], ttl: int
) -> Iterator[tuple[str, Sequence[Key]]]:
    sets: dict[tuple[Name, str], list[Endpoint]] = {}
    for endpoint in sorted(endpoints, key=key_of):
        sets.setdefault((owner_of(endpoint), endpoint.type), []).append(endpoint)
    for row in _HEAD.format(zone=zone.to_text(omit_final_dot=True)).splitlines():
        yield row, ()
    for (owner, type_), parts in sets.items():
        keys = [key_of(endpoint) for endpoint in parts]
        for endpoint in parts:
            yield _MARK + _json(endpoint), keys
        rdatas = sorted({rdata for endpoint in parts for rdata in _rdatas(endpoint)})
        # One TTL for an RRset (RFC 2181 §5.2), which outlives none of the sets in it.
        seconds = min(endpoint.ttl or ttl for endpoint in parts)
        for rdata in rdatas:
            yield f"{owner} {seconds} IN {type_} {rdata}", keys


def read(zone: Name, text: str, ttl: int) -> dict[Key, Endpoint]:
    """The endpoints of a fragment. Raises EditedError where it is not one that `render` wrote.

    Another `ttl` than it was written with is no edit.
    """
    rows = text.split("\n")
    documents = [row.removeprefix(_MARK) for row in rows if row.startswith(_MARK)]
    try:
        endpoints = read_endpoints([json.loads(document) for document in documents])
        known = {key_of(endpoint): endpoint for endpoint in endpoints}
        expected = render(zone, endpoints, ttl).split("\n")
    except (ProtocolError, RecordError, ValueError, RecursionError) as error:
        raise EditedError(f"its comments cannot be read: {error}") from error
    for number, (row, made) in enumerate(zip_longest(rows, expected, fillvalue=""), 1):
        if row != made and not _differ_in_ttl(row, made):
            name = zone.to_text(omit_final_dot=True)
            raise EditedError(f"line {number} is not as it was written for {name}")
    return known


def _rdatas(endpoint: Endpoint) -> list[str]:
    try:
        return rdatas_of(endpoint)
    except RecordError as error:
        raise RecordError(f"{endpoint.name} {endpoint.type}: {error}") from error


def _json(endpoint: Endpoint) -> str:
    return json.dumps(endpoint.document(), separators=(", ", ": "), sort_keys=True)


def _differ_in_ttl(row: str, made: str) -> bool:
    """Whether two records differ in their TTL alone."""
    one, other = row.split(" ", 2), made.split(" ", 2)
    return len(one) == len(other) == 3 and one[1].isdigit() and one[::2] == other[::2]
