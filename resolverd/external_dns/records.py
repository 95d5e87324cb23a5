"""From what external-dns says of a record to what a master file says of it; pure.

external-dns takes the dot from the end of names in targets, so each is absolute. A TXT target is
one string, or strings in quotes as master files have them: its ownership records are the latter.
"""

from __future__ import annotations

from functools import lru_cache

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
from dns.name import Name

from resolverd.external_dns.endpoint import Endpoint
from resolverd.zone.rrtypes import escaped

TYPES = ("A", "AAAA", "CNAME", "MX", "NAPTR", "NS", "PTR", "SRV", "TXT")
"""The types of record that external-dns manages (its `endpoint.RecordType…`)."""

MAX_TTL = 2**31 - 1
"""The most seconds that a TTL may have (RFC 2181 §8)."""

_STRING = 255  # octets of a character-string (RFC 1035 §3.3)


class RecordError(ValueError):
    """An endpoint of which no records can be made; the text says why."""


def owner_of(endpoint: Endpoint) -> Name:
    """The owner of its records. Raises RecordError where its name is none."""
    try:
        return _name(endpoint.name)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise RecordError(f'"{endpoint.name}" is not a domain name: {error}') from error


def is_ownership(endpoint: Endpoint) -> bool:
    """Whether it is a record of external-dns's TXT registry, which says whose another record is."""
    return endpoint.type == "TXT" and any("heritage=" in target for target in endpoint.targets)


@lru_cache(maxsize=1 << 16)
def _name(text: str) -> Name:
    return dns.name.from_text(text)


def rdatas_of(endpoint: Endpoint) -> list[str]:
    """The RDATA of its records as text, sorted, each once. Raises RecordError."""
    if endpoint.type not in TYPES:
        raise RecordError(f"{endpoint.type or 'no type'} is not kept here: {', '.join(TYPES)} are")
    if not endpoint.targets:
        raise RecordError("it has no targets")
    if not 0 <= endpoint.ttl <= MAX_TTL:
        raise RecordError(f"a TTL of {endpoint.ttl} s is not from 0 to {MAX_TTL}")
    if endpoint.type == "CNAME" and len(set(endpoint.targets)) > 1:
        raise RecordError("a CNAME has one target (RFC 2181 §10.1)")
    return sorted({_rdata(endpoint.type, target) for target in endpoint.targets})


def _rdata(type_: str, target: str) -> str:
    if type_ == "TXT":
        try:
            return _strings(target)
        except UnicodeEncodeError as error:
            raise RecordError(f"{type_} target {target!r} is no text: {error.reason}") from error
    return _parsed(type_, target)


@lru_cache(maxsize=1 << 14)
def _parsed(type_: str, target: str) -> str:
    """Of any type but TXT; endpoints are read again each time that external-dns asks."""
    if "\n" in target or "\r" in target:
        raise RecordError(f"{type_} target {target!r} is more than a line")
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.from_text(type_),
            target,
            origin=dns.name.root,
            relativize=False,
        )
    except (dns.exception.DNSException, ValueError) as error:
        raise RecordError(f'{type_} target "{target}": {error}') from error
    return rdata.to_text()


def _strings(target: str) -> str:
    """The RDATA of a TXT: strings that are too long are parted, which readers join again."""
    strings = _quoted(target) if target.startswith('"') else None
    if strings is None:
        strings = [target.encode()]
    pieces = [
        string[at : at + _STRING]
        for string in strings
        for at in range(0, max(1, len(string)), _STRING)
    ]
    return " ".join(f'"{escaped(piece)}"' for piece in pieces)


def _quoted(target: str) -> list[bytes] | None:
    """The strings of a target that is all strings in quotes; None of one that is not."""
    tokens = dns.tokenizer.Tokenizer(target)
    strings = []
    try:
        while not (token := tokens.get()).is_eol_or_eof():
            if not token.is_quoted_string():
                return None
            strings.append(token.unescape_to_bytes().value)
    except dns.exception.DNSException:
        return None
    at_end = token.is_eof()
    return (
        [string if isinstance(string, bytes) else string.encode() for string in strings]
        if at_end
        else None
    )
