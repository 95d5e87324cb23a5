"""What no DNS message can carry, and so what could never be answered.

RDATA has a length of 16 bits (RFC 1035 §3.2.1), and so has a message over TCP (§4.2.2): an RRset,
or a referral with its glue, that does not fit into one with its header, question and OPT record
would be truncated for ever; and so would be what follows a chain of aliases (`chain_checks`).
Sizes are octets as sent, names compressed.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from dns.rdatatype import RdataType, to_text

from resolverd.dns.names import Key
from resolverd.dns.sizes import MAX_ANSWER, MAX_CHAIN_OCTETS
from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.chain_checks import check_chains
from resolverd.zone.final_records import FinalRecords, final_records
from resolverd.zone.octets import BOUNDED_TYPES, MAX_BOUNDED, rdata_size
from resolverd.zone.parsed import Record
from resolverd.zone.tree import Tree

MAX_RDATA = 65_535
"""Octets; RDLENGTH has 16 bits."""


def check_sizes(tree: Tree) -> Iterator[Problem]:
    """Every record, RRset, referral and chain of the zone that no message can carry."""
    if _all_fit(tree):
        tree.large = False
        return
    large: dict[Key, list[FinalRecords]] = {}
    for key, node in tree.examined.items():
        for end in final_records(key, node, tree, MAX_ANSWER - MAX_CHAIN_OCTETS):
            oversized = [problem for record in end.records for problem in _check_record(record)]
            yield from oversized
            if not oversized and (size := end.size()) > MAX_ANSWER:
                yield _too_large(end, size)
            elif not oversized:
                large.setdefault(key, []).append(end)
    tree.large = bool(large)
    yield from check_chains(tree, large)


def surely_fit(types: Set[RdataType], count: int) -> bool:
    """Whether so many records of these types fit into any answer, whatever their names are."""
    return types <= BOUNDED_TYPES and count * MAX_BOUNDED <= MAX_ANSWER - MAX_CHAIN_OCTETS


def _all_fit(tree: Tree) -> bool:
    """Whether all records of a zone would fit into what any of its answers has room for.

    So it is with most zones, by their types and number alone.
    """
    if tree.cuts:
        return False
    nodes = tree.examined.values()
    count = sum([len(records) for node in nodes for records in node.records.values()])
    return surely_fit(tree.types, count)


def _check_record(record: Record) -> Iterator[Problem]:
    rdtype: RdataType = record.rdata.rdtype
    if (octets := rdata_size(record, rdtype)) > MAX_RDATA:
        yield problem(
            "zone-too-large",
            record.at_rdata(0),
            f"{record.owner} {to_text(rdtype)} has {octets:,} octets of data; a record has at most "
            f"{MAX_RDATA:,}",
            "write less, or split it into several records at several owners",
        )


def _too_large(end: FinalRecords, size: int) -> Problem:
    if end.kind == "referral":
        return problem(
            "zone-too-large",
            end.records[0].at_type(),
            f"the referral of {end.owner} takes {size:,} octets with its glue; an answer has room "
            f"for {MAX_ANSWER:,}",
            "keep fewer name servers, or fewer addresses of theirs",
        )
    return problem(
        "zone-too-large",
        end.records[-1].at_type(),
        f"{end.owner} {end.kind} takes {size:,} octets; an answer has room for {MAX_ANSWER:,}",
        "keep fewer records at this owner",
    )
