"""What external-dns may not have of a zone that an operator wrote: a table of cases."""

from __future__ import annotations

from pathlib import Path

import dns.name
import pytest

from resolverd.external_dns.by_hand import NamesByHand, names_by_hand
from resolverd.external_dns.conflicts import conflict
from resolverd.external_dns.endpoint import Endpoint
from resolverd.zone.reader import read_master
from resolverd.zone.source import SourceFile

ORIGIN = dns.name.from_text("z.example.")
ZONE = """$ORIGIN z.example.
$TTL 60
@ SOA ns1 h 1 1 1 1 1
@ NS ns1
@ NS any.wild
ns1 A 192.0.2.53
*.wild A 192.0.2.54
www A 192.0.2.80
www TXT "by hand"
note TXT "by hand"
chat DYNA chat
*.chat DYNA chat
exact.chat TXT "it exists, so that the wildcard is none of its business"
alias DYNA alias
gw.lab DYNA chat
also CNAME chat
cut NS ns.elsewhere.example.
old DNAME other.example.
"""
TARGETS = {
    "A": "192.0.2.66",
    "AAAA": "2001:db8::66",
    "CNAME": "a.example",
    "MX": "10 mx.example",
    "NS": "ns.example",
    "TXT": "text",
}

REFUSED = [
    ("www A", "the zone has A records of that name, written by hand"),
    ("www AAAA", "the zone has A of that name, written by hand"),
    ("www CNAME", "the zone has A, TXT of that name, written by hand"),
    ("www NS", "the zone has A, TXT of that name, written by hand"),
    ("note NS", "the zone has TXT of that name, written by hand"),
    ("note CNAME", "the zone has TXT of that name, written by hand"),
    ("ns1 AAAA", "the zone has A of that name, written by hand"),
    ("ns1 NS", "the zone has A of that name, written by hand"),
    ("any.wild A", "any.wild.z.example is a name server of the zone"),
    ("any.wild AAAA", "any.wild.z.example is a name server of the zone"),
    ("any.wild NS", "any.wild.z.example is a name server of the zone"),
    ("wild NS", "it would take away *.wild.z.example, written by hand"),
    ("chat A", "a DYNA written by hand steers that name"),
    ("chat AAAA", "a DYNA written by hand steers that name"),
    ("chat CNAME", "a DYNA written by hand steers that name"),
    ("chat NS", "a DYNA written by hand steers that name"),
    ("alias A", "a DYNA written by hand steers that name, with a CNAME"),
    ("alias MX", "a DYNA written by hand steers that name, with a CNAME"),
    ("lab NS", "it would take away gw.lab.z.example, written by hand"),
    ("acme.chat A", "*.chat.z.example, written by hand, steers it"),
    ("acme.chat MX", "*.chat.z.example, written by hand, steers it"),
    ("acme.chat NS", "*.chat.z.example, written by hand, steers it"),
    ("deep.acme.chat TXT", "*.chat.z.example, written by hand, steers it"),
    ("*.acme.chat A", "*.chat.z.example, written by hand, steers it"),
    ("*.chat A", "a DYNA written by hand steers that name"),
    ("also A", "the zone has CNAME of that name, written by hand"),
    ("also TXT", "the zone has CNAME of that name, written by hand"),
    ("x.cut A", "cut.z.example is delegated"),
    ("cut TXT", "cut.z.example is delegated"),
    ("x.old A", "old.z.example is delegated, or an alias of all names below it"),
    ("old NS", "the zone has DNAME of that name, written by hand"),
    (" NS", "the zone has NS records of that name, written by hand"),
    (" CNAME", "the zone has NS, SOA of that name, written by hand"),
    ("child A", "child.z.example is a zone of its own here"),
    ("x.child A", "child.z.example is a zone of its own here"),
]
KEPT = [
    "new A",
    "new CNAME",
    "new NS",
    " A",
    " MX",
    "www MX",
    "note A",
    "chat MX",
    "lab A",
    "lab MX",
    "x.lab NS",
    "exact.chat A",
    "x.exact.chat A",
    "other.wild A",
    "ns2 A",
    "old A",
]


@pytest.fixture(scope="module")
def own() -> NamesByHand:
    master = read_master(SourceFile(Path("z"), ZONE))
    assert not master.problems
    services = {"chat": "address", "alias": "cname"}
    child = dns.name.from_text("child.z.example.")
    return names_by_hand(ORIGIN, master.records, services, [child])  # type: ignore[arg-type]


@pytest.mark.parametrize(("wanted", "reason"), REFUSED)
def test_what_is_written_by_hand_is_not_added_to_hidden_or_taken_away(
    own: NamesByHand, wanted: str, reason: str
) -> None:
    assert conflict(_endpoint(wanted), own).startswith(reason)


@pytest.mark.parametrize("wanted", KEPT)
def test_what_leaves_the_operator_s_records_as_they_are_is_kept(
    own: NamesByHand, wanted: str
) -> None:
    assert conflict(_endpoint(wanted), own) == ""


def _endpoint(wanted: str) -> Endpoint:
    name, type_ = wanted.split(" ")
    return Endpoint(
        name=f"{name}.z.example".removeprefix("."), type=type_, targets=(TARGETS[type_],)
    )
