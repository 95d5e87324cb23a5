"""Queries as a resolver sends them, and responses as two independent parsers read them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, cast

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dnslib

from harness.wire import OPT, assert_no_duplicates, assert_one_ttl_per_rrset, raw_records

QR, RD, CD, RA, AD, Z = 0x8000, 0x0100, 0x0010, 0x0080, 0x0020, 0x0040


def query(
    qname: str,
    qtype: str = "A",
    *,
    qid: int = 0,
    edns: int | None = None,
    payload: int = 1232,
    ecs: str | None = None,
    options: Sequence[dns.edns.Option] = (),
    flags: int = 0,
    qclass: str = "IN",
    dnssec_ok: bool = False,
) -> bytes:
    """A query; with `edns` (a version), `ecs` (a CIDR) or `options` it has an OPT record."""
    message = dns.message.QueryMessage(id=qid)
    message.flags = dns.flags.Flag(flags)
    rdclass = dns.rdataclass.from_text(qclass)
    rdtype = dns.rdatatype.from_text(qtype)
    message.question.append(dns.rrset.RRset(dns.name.from_text(qname), rdclass, rdtype))
    if edns is not None or ecs is not None or options or dnssec_ok:
        sent = list(options)
        if ecs is not None:
            address, _, length = ecs.partition("/")
            sent.append(dns.edns.ECSOption(address, int(length)))
        message.use_edns(edns or 0, dns.flags.DO if dnssec_ok else 0, payload, options=sent)
    return message.to_wire()


def read(sent: bytes, wire: bytes, *, limit: int = 65535) -> dns.message.Message:
    """A response to `sent` as dnspython reads it, once everything that always holds is checked.

    Two parsers and an octet-by-octet walk accept it; ID, OPCODE, RD, CD and the question are
    echoed; QR is set, RA, AD and Z are clear; no OPT unless asked; at most `limit` octets.
    """
    message = dns.message.from_wire(wire, raise_on_truncation=False, ignore_trailing=False)
    records = raw_records(wire)
    assert_no_duplicates(records)
    assert_one_ttl_per_rrset(records)
    if all(label.isascii() for question in message.question for label in question.name.labels):
        assert_dnslib_agrees(wire, message)  # it takes labels for UTF-8
    assert len(wire) <= limit, f"{len(wire)} octets, over {limit}"
    asked, flags = struct.unpack("!H", sent[2:4])[0], struct.unpack("!H", wire[2:4])[0]
    assert wire[:2] == sent[:2], "another ID"
    assert flags & QR, "not a response"
    assert flags & (0x7800 | RD | CD) == asked & (0x7800 | RD | CD), "OPCODE, RD or CD not copied"
    assert not flags & (RA | AD | Z), "RA, AD or Z set"
    if message.question:
        end = 12 + len(_question(sent))
        assert wire[12:end] == sent[12:end], "the question is not echoed octet for octet"
    opts = [r for r in records if r.rtype == OPT]
    assert len(opts) == (message.opt is not None)
    if not _has_opt(sent):
        assert not opts, "an OPT record that nobody asked for"
    return message


def assert_dnslib_agrees(wire: bytes, message: dns.message.Message) -> None:
    """dnslib reads the same records, section by section, as dnspython does."""
    read_again = cast(Any, dnslib).DNSRecord.parse(wire)
    ours = [_ours(message.answer), _ours(message.authority), _ours(message.additional)]
    theirs = [
        sorted((str(rr.rname).lower(), rr.rtype, rr.ttl) for rr in section if rr.rtype != OPT)
        for section in (read_again.rr, read_again.auth, read_again.ar)
    ]
    assert ours == theirs


def rows(section: Sequence[dns.rrset.RRset]) -> list[str]:
    """Records as sorted lines, ``owner TTL TYPE RDATA``, owners as they are spelled."""
    return sorted(
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in section
        for rdata in rrset
    )


def lines(text: str) -> list[str]:
    """The lines of a table of expected records, as `rows` gives them."""
    return sorted(" ".join(line.split()) for line in text.strip().splitlines())


def option(message: dns.message.Message, kind: int) -> list[dns.edns.Option]:
    """The EDNS options of that code."""
    return [one for one in message.options if one.otype == kind]


def ecs_of(message: dns.message.Message) -> dns.edns.ECSOption:
    """The one client subnet option of a response."""
    (found,) = option(message, dns.edns.OptionType.ECS)
    assert isinstance(found, dns.edns.ECSOption)
    return found


def ede_of(message: dns.message.Message) -> tuple[int, str]:
    """INFO-CODE and EXTRA-TEXT of the one extended error."""
    (found,) = option(message, dns.edns.OptionType.EDE)
    assert isinstance(found, dns.edns.EDEOption)
    return int(found.code), found.text or ""


def _ours(section: Sequence[dns.rrset.RRset]) -> list[tuple[str, int, int]]:
    return sorted(
        (str(rrset.name).lower(), int(rrset.rdtype), rrset.ttl) for rrset in section for _ in rrset
    )


def _question(packet: bytes) -> bytes:
    end = 12
    while packet[end]:
        end += 1 + packet[end]
    return packet[12 : end + 5]


def _has_opt(packet: bytes) -> bool:
    """Whether a query has an OPT record; for broken ones, whether it seems to have any."""
    return packet[10:12] != b"\0\0" and b"\0\0\x29" in packet[12:]
