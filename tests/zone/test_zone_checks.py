"""Each finding of a zone's records, at the token that is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest
from zone_files import HEAD, ORIGIN, load_text, places

from resolverd.zone.catalogue import CHECKS

SOA = "$TTL 60\n@ SOA ns1 host 7 1 1 1 1\n"

GOOD = {
    "nothing more": "",
    "data of many types at one owner": 'a A 192.0.2.1\n AAAA ::1\n TXT "x" "y"\n MX 10 a\n',
    "signatures beside a CNAME": "a CNAME ns1\n NSEC b CNAME NSEC\n",
    "a DYNA beside other types": 'a DYNA chat\n MX 1 ns1\n TXT x\n CAA 0 issue ";"\n HTTPS 1 .\n',
    "a DYNA at the apex": "@ DYNA chat\n",
    "a wildcard DYNA": "*.a DYNA chat\n",
    "a cname service below the apex": "a DYNA edge\n",
    "a mail host that is a DYNA": "a DYNA chat\n@ MX 10 a\n",
    "a mail host under a wildcard": "* A 192.0.2.9\n@ MX 10 mail\n",
    "a mail host under a wildcard DYNA": "* DYNA chat\n@ MX 10 mail\n",
    "no mail, no service": "@ MX 0 .\n_x._tcp SRV 0 0 0 .\n",
    "a mail host elsewhere": "@ MX 10 mx.other.example.\n",
    "a delegation elsewhere": "sub NS ns.other.example.\n",
    "a delegation with glue": "sub NS ns.sub\nns.sub A 192.0.2.3\n",
    "a delegation to its own name": "sub NS sub\nsub A 192.0.2.3\n",
    "a delegation to a sibling's server": "a NS ns.b\nb NS ns.b\nns.b A 192.0.2.3\n",
    "a sibling's server without glue": "a NS ns.b\nb NS ns.other.example.\n",
    "a delegation with DS": "sub NS ns1\nsub DS 1 8 2 " + "00" * 32 + "\n",
    "a mail host in a child zone": "sub NS ns1\n@ MX 10 mail.sub\n",
    "a DNAME beside data": "a DNAME b.example.\na TXT x\n",
    "data beside a DNAME's subtree": "a DNAME b.example.\nba TXT x\n",
    "a TTL of its own": "a 5 IN A 192.0.2.1\nb IN 1h AAAA ::1\n",
    "a key that is published before it signs": "@ DNSKEY 257 3 8 AQID\n CDS 0 0 0 00\n",
    "signatures with the TTLs of what they sign": (
        "a 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 z.example. AAAA\n"
        "a 90 RRSIG TXT 8 2 90 20300101000000 20200101000000 1 z.example. AAAA\n"
    ),
}

BAD: dict[str, tuple[str, list[str]]] = {
    "empty file": ("", ["1:1: zone-missing-ns", "1:1: zone-missing-soa"]),
    "no SOA": ("$TTL 1\n@ NS ns.x.\n", ["1:1: zone-missing-soa"]),
    "no SOA and no TTL": (
        "@ NS ns.x.\n",
        ["1:1: zone-missing-soa", "1:3: zone-missing-ttl"],
    ),
    "no NS": (SOA, ["2:3: zone-missing-ns"]),
    "a signed zone": (
        HEAD + "@ DNSKEY 257 3 8 AQID\n RRSIG SOA 8 2 60 20300101000000 20200101000000 1 "
        "z.example. AAAA\n NSEC ns1 SOA NS RRSIG NSEC\nns1 NSEC @ A NSEC\n",
        ["7:2: zone-signed"],
    ),
    "a signed zone with hashes": (
        HEAD + "@ NSEC3PARAM 1 0 0 -\n",
        ["6:3: zone-signed"],
    ),
    "two SOAs": (HEAD + "@ SOA ns1 host 8 1 1 1 1\n", ["6:3: zone-many-soa"]),
    "an SOA elsewhere": (HEAD + "a 5 SOA ns1 host 8 1 1 1 1\n", ["6:5: zone-soa-below-apex"]),
    "a long negative TTL": (
        HEAD.replace(" 300\n", " 86401\n"),
        ["3:34: zone-soa-minimum"],
    ),
    "CNAME and other data": (HEAD + "a A 192.0.2.1\na CNAME b\n", ["7:3: zone-cname-and-other"]),
    "CNAME at the apex": (HEAD + "@ CNAME b.x.\n", ["6:3: zone-cname-and-other"]),
    "two CNAMEs": (HEAD + "a CNAME b\na CNAME c\n", ["7:3: zone-many-cname"]),
    "two DNAMEs": (HEAD + "a DNAME b.x.\na DNAME c.x.\n", ["7:3: zone-many-dname"]),
    "DNAME beside CNAME": (HEAD + "a DNAME b.x.\na CNAME c.x.\n", ["7:3: zone-dname-and-cname"]),
    "data below a DNAME": (
        HEAD + "a DNAME b.x.\nc.b.a A 192.0.2.1\n",
        ["7:1: zone-below-dname"],
    ),
    "another zone's owner": (
        HEAD + "a.z.example A 192.0.2.1\nother.example. A 192.0.2.1\n  AAAA ::1\n",
        ["6:1: zone-missing-dot", "7:1: zone-out-of-zone", "8:3: zone-out-of-zone"],
    ),
    "the parent's owner": (HEAD + "example. TXT x\n", ["6:1: zone-out-of-zone"]),
    "an owner that only ends like the zone": (
        HEAD + "xz.example. TXT x\n",
        ["6:1: zone-out-of-zone"],
    ),
    "apex NS without address": (HEAD + "@ NS ns2\n", ["6:6: zone-apex-ns"]),
    "apex NS with data but no address": (
        HEAD + "@ NS ns2\nns2 TXT x\n",
        ["6:6: zone-apex-ns"],
    ),
    "delegation without glue": (HEAD + "sub 60 NS ns.sub\n", ["6:11: zone-missing-glue"]),
    "a wildcard is no glue": (
        HEAD + "*.sub A 192.0.2.1\nsub NS n.sub\n",
        [
            "6:1: zone-occluded",
            "7:8: zone-missing-glue",
        ],
    ),
    "an empty non-terminal stops the wildcard": (
        HEAD + "* A 192.0.2.1\nx.mail TXT x\n@ MX 10 mail\n",
        ["8:9: zone-missing-address"],
    ),
    "MX and SRV without address": (
        HEAD + "@ MX 10 mail\n_x._tcp SRV 1 2 3 srv\n",
        ["6:9: zone-missing-address", "7:19: zone-missing-address"],
    ),
    "an alias as a target": (
        HEAD + "a CNAME ns1\n@ MX 10 a\n@ NS a\nb DYNA edge\n@ MX 20 b\n",
        ["7:9: zone-alias-target", "8:6: zone-apex-ns", "10:9: zone-alias-target"],
    ),
    "a target below a DNAME": (
        HEAD + "a DNAME b.x.\n@ MX 10 m.a\n",
        ["7:9: zone-alias-target"],
    ),
    "data below a cut": (
        HEAD + "sub NS ns1\nw.sub A 192.0.2.1\nsub TXT x\nd.sub DYNA chat\n",
        ["7:1: zone-occluded", "8:1: zone-occluded", "9:1: zone-occluded"],
    ),
    "a cut below a cut": (
        HEAD + "sub NS ns1\na.sub NS n.a.sub\n",
        ["7:1: zone-occluded"],
    ),
    "DYNA beside addresses": (
        HEAD + "a DYNA chat\na A 192.0.2.1\nb AAAA ::1\nb DYNA chat\nc CNAME d\nc DYNA chat\n",
        ["6:3: zone-dyna-conflict", "9:3: zone-dyna-conflict", "11:3: zone-dyna-conflict"],
    ),
    "two DYNAs": (HEAD + "a DYNA chat\n  DYNA embed\n", ["7:3: zone-dyna-many"]),
    "DYNA of no service": (HEAD + "a 5 IN DYNA chta\n", ["6:13: zone-dyna-unknown-service"]),
    "DYNA in quotes of no service": (
        HEAD + 'a DYNA ( ; why\n "chta" )\n',
        ["7:2: zone-dyna-unknown-service"],
    ),
    "cname service at the apex": (HEAD + "@ DYNA edge\n", ["6:8: zone-dyna-cname-apex"]),
    "cname service beside other data": (
        HEAD + "a DYNA edge\n  TXT x\n",
        ["6:3: zone-dyna-cname-and-other"],
    ),
    "DYNA with TTL 0": (HEAD + "a 0 DYNA chat\n", ["6:3: zone-dyna-ttl"]),
    "DYNA that inherits TTL 0": (HEAD + "$TTL 0\na DYNA chat\n", ["7:3: zone-dyna-ttl"]),
    "differing TTLs": (
        HEAD + "a 60 A 192.0.2.1\na 50 A 192.0.2.2\na 60 A 192.0.2.3\n",
        ["7:3: zone-ttl-mismatch"],
    ),
    "owners that look like comments": (
        HEAD + "#www A 192.0.2.1\n//x A 192.0.2.1\na.#b A 192.0.2.1\n",
        ["6:1: zone-comment", "7:1: zone-comment"],
    ),
    "a $GENERATE without a counter": (
        HEAD + "$GENERATE 1-9 h A 192.0.2.1\n$GENERATE 1-1 i A 192.0.2.1\n",
        ["6:15: zone-generate-constant"],
    ),
    "the same record twice": (
        HEAD + "a A 192.0.2.1\nA.z.example. A 192.0.2.1\n",
        ["7:1: zone-duplicate-record"],
    ),
}


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD.keys())
def test_a_good_zone_loads_without_a_word(tmp_path: Path, body: str) -> None:
    zones, problems = load_text(tmp_path, HEAD + body)
    assert places(problems) == []
    assert set(zones) == {ORIGIN}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD.keys())
def test_a_finding_points_at_its_token(tmp_path: Path, text: str, expected: list[str]) -> None:
    zones, problems = load_text(tmp_path, text)
    assert places(problems) == expected
    is_served = all(CHECKS[p.id].severity == "warning" for p in problems)
    assert bool(zones) == is_served
    lines = text.split("\n")
    assert all(p.source == lines[p.line - 1] for p in problems)


LENIENT = {
    "zone-out-of-zone": "other.example. A 192.0.2.1\n",
    "zone-missing-glue": "sub NS ns.sub\n",
    "zone-missing-address": "a SRV 0 0 5 missing\n",
    "zone-alias-target": "a MX 10 b\nb CNAME ns1\n",
}


@pytest.mark.parametrize(("id_", "text"), LENIENT.items(), ids=LENIENT.keys())
def test_what_harms_one_name_alone_is_refused_if_strict(
    tmp_path: Path, id_: str, text: str
) -> None:
    zones, problems = load_text(tmp_path, HEAD + text)
    assert (list(zones), [(p.id, p.severity) for p in problems]) == ([ORIGIN], [(id_, "warning")])
    zones, problems = load_text(tmp_path, HEAD + text, strict=True)
    assert (list(zones), [(p.id, p.severity) for p in problems]) == ([], [(id_, "error")])


def test_every_lenient_check_is_tried() -> None:
    assert {id_ for id_, check in CHECKS.items() if check.lenient} == LENIENT.keys()


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("host.example.com", "write host.example.com. with its final dot, if that is meant"),
        ("www.z.example", "write www.z.example. with its final dot, if that is meant"),
        ("host.example.com.", None),
        ("ns1", None),
        ("missing", None),
        ("a.sub", None),
    ],
)
def test_a_target_that_lacks_its_final_dot_is_warned_of(
    tmp_path: Path, target: str, hint: str | None
) -> None:
    zones, problems = load_text(tmp_path, HEAD + f"a CNAME {target}\nb.sub A 192.0.2.1\n")
    assert [(p.id, p.hint) for p in problems] == (
        [] if hint is None else [("zone-missing-dot", hint)]
    )
    assert list(zones) == [ORIGIN]


@pytest.mark.parametrize("rdtype", ["CNAME", "DNAME", "PTR"])
def test_each_type_whose_target_may_lie_anywhere_is_warned_of(tmp_path: Path, rdtype: str) -> None:
    zones, [problem] = load_text(tmp_path, HEAD + f"a {rdtype} host.example.com\n")
    assert (list(zones), places([problem])) == (
        [ORIGIN],
        [f"6:{4 + len(rdtype)}: zone-missing-dot"],
    )
    assert problem.message == (
        f"{rdtype} points to host.example.com.z.example., which does not exist"
    )


@pytest.mark.parametrize(
    ("owner", "hint"),
    [
        ("www.z.example", "write www.z.example. with its final dot, if that is meant"),
        ("z.example", "write z.example. with its final dot, if that is meant"),
        ("www.z.example.", None),
        ("z.example._report", None),
    ],
)
def test_an_owner_with_the_zone_s_name_twice_is_warned_of(
    tmp_path: Path, owner: str, hint: str | None
) -> None:
    zones, problems = load_text(tmp_path, HEAD + f"{owner} TXT x\n")
    assert [(p.id, p.hint) for p in problems] == (
        [] if hint is None else [("zone-missing-dot", hint)]
    )
    assert list(zones) == [ORIGIN]


@pytest.mark.parametrize("record", ["a NS", "a MX 10", "a SRV 0 0 80"])
@pytest.mark.parametrize(
    ("target", "hint"),
    [
        (
            "mail.example.com",
            "write mail.example.com. with its final dot, or mail.example.com.z.example. "
            "A 192.0.2.1 with its address",
        ),
        ("mail", "write mail.z.example. A 192.0.2.1 with its address"),
    ],
)
def test_a_target_without_an_address_may_lack_its_final_dot(
    tmp_path: Path, record: str, target: str, hint: str
) -> None:
    _, [problem] = load_text(tmp_path, HEAD + f"{record} {target}\n")
    assert problem.hint == hint


def test_generic_data_of_the_wrong_length_is_told_what_its_type_has(tmp_path: Path) -> None:
    _, [problem] = load_text(tmp_path, HEAD + "a TYPE1 \\# 3 010203\n")
    assert problem.id == "zone-bad-rdata"
    assert problem.hint == (
        "write the number of octets, then all those that A has, or like A 192.0.2.1"
    )


def test_an_at_in_the_soa_s_mailbox_is_warned_of(tmp_path: Path) -> None:
    text = HEAD.replace(" host ", " first.last@example.com. ")
    zones, [problem] = load_text(tmp_path, text)
    assert (list(zones), places([problem])) == ([ORIGIN], ["3:11: zone-soa-mailbox"])
    assert problem.hint == r"write first\.last.example.com."


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("host@example.com", "host.example.com."),
        ("host@example.com.", "host.example.com."),
        ("a.host@z.example", "a\\.host.z.example."),
        ("host@mail", "host.mail.z.example."),
        ("host@a.b.z.example.", "host.a.b.z.example."),
        (r"first\.last@z.example.", r"first\.last.z.example."),
        (r"first\.last@z.example", r"first\.last.z.example."),
        (r"first.last\@z.example.", r"first\.last.z.example."),
        (r"first\\last@z.example.", r"first\\last.z.example."),
    ],
)
def test_a_mailbox_is_proposed_as_it_was_meant(tmp_path: Path, written: str, meant: str) -> None:
    _, [problem] = load_text(tmp_path, HEAD.replace("ns1 host ", f"ns1 {written} "))
    assert (problem.id, problem.hint) == ("zone-soa-mailbox", f"write {meant}")
    assert load_text(tmp_path, HEAD.replace("ns1 host ", f"ns1 {meant} "))[1] == []


@pytest.mark.parametrize("mailbox", ["\\@z.example.", f"{'a' * 50}.{'b' * 50}@z.example."])
def test_a_mailbox_that_cannot_be_a_name_is_told_how_one_looks(
    tmp_path: Path, mailbox: str
) -> None:
    _, [problem] = load_text(tmp_path, HEAD.replace("ns1 host ", f"ns1 {mailbox} "))
    assert problem.id == "zone-soa-mailbox"
    assert problem.hint == "write a dot for it, as in hostmaster.example.com."


def test_a_mailbox_in_the_quotes_of_a_generate_is_warned_of(tmp_path: Path) -> None:
    soa = "@ SOA ns1 host 7 3600 900 604800 300\n"
    generated = '$GENERATE 1-1 @ SOA "ns1 host\\@mail 7 3600 900 604800 300"\n'
    _, [problem] = load_text(tmp_path, HEAD.replace(soa, generated))
    assert (problem.id, problem.hint) == ("zone-soa-mailbox", "write host.mail.z.example.")


@pytest.mark.parametrize(
    "line",
    [
        "o A 192.0.2.300",
        "o AX 192.0.2.1",
        "o NOTHING 1",
        "o 5x A 192.0.2.1",
        "o A",
        "o MX x mail",
        "o SVCB 1 . port=99999999",
        "o TYPE600 \\# 3 0a",
        "o NID 1",
        "b5..x A 192.0.2.1",
        "o CH A 192.0.2.1",
        'o TXT "a',
        "o TXT a\\",
        "o ) A 192.0.2.1",
        "o ( A 192.0.2.1",
        f'o TXT "{"a" * 256}"',
        "$GENERATE 1-x g$ A 192.0.2.1",
        "$GENERATE 1-2 g${0 A 192.0.2.1",
        "$GENERATE 1-2 g${0,3,q} A 192.0.2.1",
        "$GENERATE 1-2 g$ A 192.0.2.$.1",
        "$GENERATE 1-2",
        "$INCLUDE",
        "$INCLUDE nowhere",
        "$INCLUDE z.example.zone",
        "$TTL",
        "$TTL x",
        "$ORIGIN",
        "$ORIGIN a b",
        "$NOTHING",
        "$DATE x",
    ],
)
def test_whatever_cannot_be_read_comes_with_what_to_write(tmp_path: Path, line: str) -> None:
    _, problems = load_text(tmp_path, f"{HEAD}{line}\n")
    assert [problem for problem in problems if not problem.hint] == []
    assert problems
