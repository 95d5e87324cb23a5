"""What a zone's records must be to one another, owner by owner and RRset by RRset.

`check_tree` runs every check on the records of one zone. Delegations, glue and targets are
in `cuts`, DYNA in `dyna_checks`, and what changed since the last load in `history`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import dns.exception
import dns.name
import dns.rdtypes.ANY.SOA
from dns.rdatatype import (
    CNAME,
    DNAME,
    KEY,
    NS,
    NSEC,
    NSEC3PARAM,
    NXT,
    RRSIG,
    SIG,
    SOA,
    RdataType,
    to_text,
)

from resolverd.errors import Problem
from resolverd.zone.catalogue import as_strict, problem
from resolverd.zone.cuts import check_cuts
from resolverd.zone.dot_checks import check_dots
from resolverd.zone.dyna import DYNA
from resolverd.zone.dyna_checks import check_dyna
from resolverd.zone.lexer import Lexer
from resolverd.zone.misread import A_COMMENT, owner_looks_like_comment
from resolverd.zone.model import Services
from resolverd.zone.parsed import Record
from resolverd.zone.past_pins import NOTHING_WITHHELD, Withheld, check_past_pins
from resolverd.zone.sameness import likeness
from resolverd.zone.size_checks import check_sizes
from resolverd.zone.source import SourceFile
from resolverd.zone.tree import Node, Tree, type_list

# Types that may stand beside a CNAME (RFC 2181 §10.1, RFC 4034 §3 and §4, RFC 3007 §3).
_BESIDE_CNAME = frozenset({RRSIG, NSEC, SIG, NXT, KEY})
_LOOKED_AT = frozenset({SOA, NS, CNAME, DNAME})
# What an apex has once its zone is signed; DNSKEY may be published before (RFC 8901, RFC 7583).
_SIGNED = frozenset({RRSIG, NSEC, NSEC3PARAM})
_DAY = 86_400
_SOA_MINIMUM = 6


def check_tree(
    tree: Tree,
    master: SourceFile,
    services: Services,
    ttl_floor: int,
    withheld: Withheld = NOTHING_WITHHELD,
    strict: bool = False,
) -> Iterator[Problem]:
    """Every finding about a zone's records, in no particular order; `ttl_floor` in seconds.

    With `strict`, those that do harm at one name alone are errors too.
    """
    findings = _findings(tree, master, services, ttl_floor, withheld)
    return map(as_strict, findings) if strict else findings


def _findings(
    tree: Tree, master: SourceFile, services: Services, ttl_floor: int, withheld: Withheld
) -> Iterator[Problem]:
    yield from _check_outside(tree)
    yield from _check_apex(tree, master)
    for node in tree.examined.values():
        if not _is_plain(node):
            yield from _check_node(node, tree)
    yield from _check_comments(tree)
    yield from check_cuts(tree, services)
    yield from check_dots(tree)
    yield from check_dyna(tree, services, ttl_floor, _BESIDE_CNAME)
    yield from check_sizes(tree)
    yield from check_past_pins(tree, withheld)


def _check_outside(tree: Tree) -> Iterator[Problem]:
    for record in tree.outside:
        yield problem(
            "zone-out-of-zone",
            record.at_owner(),
            f"{record.owner} is outside the zone {tree.zone}",
            "look for a missing or extra final dot; it is left out",
        )


def _check_comments(tree: Tree) -> Iterator[Problem]:
    for key, node in tree.examined.items():
        if owner_looks_like_comment(key):
            yield problem(
                "zone-comment",
                node.first().at_owner(),
                f"{node.owner} is served as a name, and looks like a comment",
                f"{A_COMMENT}; where the name is meant, leave it",
            )


def _check_apex(tree: Tree, master: SourceFile) -> Iterator[Problem]:
    records = {} if tree.apex is None else tree.apex.records
    soas, servers = records.get(SOA, []), records.get(NS, [])
    if not soas and not tree.was_lost(tree.origin, SOA):
        yield problem(
            "zone-missing-soa",
            master.position(0),
            f"the zone {tree.zone} has no SOA",
            _if_no_zone(tree, master)
            or f"write {tree.zone} SOA ns1 hostmaster 1 3600 900 604800 300",
        )
    if not servers and not tree.was_lost(tree.origin, NS):
        yield problem(
            "zone-missing-ns",
            soas[0].at_type() if soas else master.position(0),
            f"the zone {tree.zone} has no NS",
            _if_no_zone(tree, master) or f"write {tree.zone} NS ns1, and the address of ns1",
        )
    yield from _check_signed(tree)
    yield from _check_single(soas, "zone-many-soa", "keep the one whose serial is right")
    for soa in soas:
        yield from _check_mailbox(soa)
        minimum = cast(dns.rdtypes.ANY.SOA.SOA, soa.rdata).minimum
        if minimum > _DAY:
            yield problem(
                "zone-soa-minimum",
                soa.at_rdata(_SOA_MINIMUM),
                f"resolvers may remember for {minimum} s that a name does not exist",
                "write 300, or at most 86400 (RFC 2308 §5)",
            )


def _if_no_zone(tree: Tree, master: SourceFile) -> str:
    """What to write where a file's name alone would make it a top-level domain; else nothing."""
    stem = master.path.name.removesuffix(".zone").removesuffix(".")
    if SOA in tree.types or "." in stem or str(tree.zone).lower() != f"{stem}.".lower():
        return ""
    return (
        "write $ORIGIN with the zone's name, and its SOA and NS; or, where it is no zone, keep the "
        "file out of server.zones"
    )


def _check_signed(tree: Tree) -> Iterator[Problem]:
    held = _SIGNED & tree.apex.records.keys() if tree.apex is not None else frozenset[RdataType]()
    if tree.apex is not None and held:
        first = next(record for record in tree.apex if record.rdata.rdtype in held)
        yield problem(
            "zone-signed",
            first.at_type(),
            f"{tree.zone} is signed ({type_list(held)}), and zones are served unsigned here: where "
            "the parent zone has a DS of it, validating resolvers answer SERVFAIL",
            "take its DS out of the parent zone first, and then write this one unsigned",
        )


def _check_mailbox(soa: Record) -> Iterator[Problem]:
    mailbox = cast(dns.rdtypes.ANY.SOA.SOA, soa.rdata).rname
    if any(b"@" in label for label in mailbox.labels):
        written = str(mailbox).replace("\\@", "@")
        yield problem(
            "zone-soa-mailbox",
            soa.at_rdata(1),
            f"the mailbox {written} has an @, which is a dot in an SOA (RFC 1035 §3.3.13)",
            _mailbox(mailbox, soa),
        )


def _mailbox(mailbox: dns.name.Name, soa: Record) -> str:
    """What to write: host@example. is host.example.; what stands before the @ is one label.

    So a dot in it is escaped (RFC 1035 §8). A domain without its final dot is meant whole, as in
    mail, unless it is one label.
    """
    at = next(index for index, label in enumerate(mailbox.labels) if b"@" in label)
    local, _, first = mailbox.labels[at].partition(b"@")
    domain = dns.name.Name((*filter(None, [first]), *mailbox.labels[at + 1 :]))
    written = _word(soa).partition("@")[2]
    try:
        if "." in written and not written.endswith("."):
            domain = dns.name.from_text(written)
        meant = dns.name.Name((b".".join([*mailbox.labels[:at], local]), *domain.labels))
    except (dns.exception.DNSException, ValueError):  # no label, or one too long
        return "write a dot for it, as in hostmaster.example.com."
    return f"write {meant}"


def _word(soa: Record) -> str:
    """The mailbox as it is written; empty where it is no word of its own."""
    places = soa.source.fields(soa.entry).rdata
    if len(places) < 2:  # all of it in quotes, as BIND writes it behind $GENERATE
        return ""
    lexer = Lexer(soa.source.text)
    lexer.begin(places[1])
    return str(lexer.get().value)


def _is_plain(node: Node) -> bool:
    """Whether a node has one record of a type that may stand at any owner, as most have."""
    if len(node.records) > 1:
        return False
    [(rdtype, rrs)] = node.records.items()
    return len(rrs) == 1 and rdtype not in _LOOKED_AT


def _check_node(node: Node, tree: Tree) -> Iterator[Problem]:
    records = node.records
    for rdtype, rrs in records.items():
        if len(rrs) > 1:
            yield from _check_rrset(node, rdtype, rrs)
    if SOA in records and node is not tree.apex:
        yield _soa_below_apex(records[SOA][0], tree)
    # A zone's own apex may have any name: nothing is delegated there.
    if (NS in records or DNAME in records) and node.owner.is_wild() and node is not tree.apex:
        yield from _check_wildcard(node)
    if CNAME in records:
        yield from _check_cname(node)
    if DNAME in records:
        yield from _check_single(records[DNAME], "zone-many-dname", "keep one")


def _soa_below_apex(soa: Record, tree: Tree) -> Problem:
    twice = soa.owner.relativize(tree.zone).labels == tree.zone.labels[:-1]
    return problem(
        "zone-soa-below-apex",
        soa.at_owner() if twice else soa.at_type(),
        f"{soa.owner} is not the apex, {tree.zone}",
        f'write "@" or "{tree.zone}", with its final dot'
        if twice
        else "move it to its own zone's file, or look for a missing final dot",
    )


def _check_wildcard(node: Node) -> Iterator[Problem]:
    if NS in node.records:
        yield problem(
            "zone-wildcard-ns",
            node.records[NS][0].at_owner(),
            f"{node.owner} has an NS; what it delegates is not defined, and BIND refuses it",
            "write an NS for each name that is delegated, or remove it",
        )
    if DNAME in node.records:
        yield problem(
            "zone-wildcard-dname",
            node.records[DNAME][0].at_owner(),
            f"{node.owner} has a DNAME; servers differ in what they make of it",
            "write a DNAME for each name that is redirected, or remove it",
        )


def _check_rrset(node: Node, rdtype: RdataType, rrs: list[Record]) -> Iterator[Problem]:
    written: dict[object, Record] = {}
    for record in rrs:
        first = written.setdefault(likeness(record.rdata), record)
        if first is not record:
            yield problem(
                "zone-duplicate-record",
                record.at_owner(),
                f"{node.owner} {to_text(rdtype)} {record.rdata} is written in "
                f"{first.at_owner()} already",
                "remove one of them",
            )
        elif record.ttl != rrs[0].ttl and rdtype != RRSIG:
            lowest = min(record.ttl for record in rrs)
            yield problem(
                "zone-ttl-mismatch",
                record.at_ttl(),
                f"{node.owner} {to_text(rdtype)} has TTL {record.ttl} here and {rrs[0].ttl} in "
                f"{rrs[0].at_ttl()}",
                f"give all of them one TTL; {lowest}, the lowest, is used",
            )


def _check_cname(node: Node) -> Iterator[Problem]:
    cnames = node.records[CNAME]
    yield from _check_single(cnames, "zone-many-cname", "keep one")
    if DNAME in node.records:
        yield problem(
            "zone-dname-and-cname",
            cnames[0].at_type(),
            f"{node.owner} has a CNAME and a DNAME",
            "keep one of them",
        )
    # DYNA and DNAME beside a CNAME have findings of their own.
    others = node.records.keys() - _BESIDE_CNAME - {CNAME, DNAME, DYNA}
    if others:
        yield problem(
            "zone-cname-and-other",
            cnames[0].at_type(),
            f"{node.owner} has a CNAME and {type_list(others)}",
            "remove the CNAME, or everything else at this owner",
        )


def _check_single(rrs: list[Record], id_: str, hint: str) -> Iterator[Problem]:
    for record in rrs[1:]:
        if record.rdata != rrs[0].rdata:
            what = f"{record.owner} {to_text(record.rdata.rdtype)}"
            yield problem(
                id_, record.at_type(), f"{what} stands in {rrs[0].at_type()} already", hint
            )
