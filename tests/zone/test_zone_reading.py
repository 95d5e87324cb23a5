"""Master files of RFC 1035 §5: what is read, what is refused and where, and what goes on."""

from __future__ import annotations

from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from zone_files import HEAD, ORIGIN, load_text, places, records_of

from resolverd.dns.names import key_from_text, key_of
from resolverd.zone.dyna import DYNA, Dyna
from resolverd.zone.record import _EXAMPLES

READ = {
    "absolute and relative names": (
        "a CNAME b\nc CNAME d.\n",
        {("a", "b.z.example."), ("c", "d.")},
    ),
    "the owner repeated": (
        "a TXT x\n TXT y\n\tTXT z\n",
        {("a", '"x"'), ("a", '"y"'), ("a", '"z"')},
    ),
    "empty and blank lines": ("\n  \na TXT x\n\t\n;\n TXT y\n", {("a", '"x"'), ("a", '"y"')}),
    "the origin": ("@ TXT x\n", {("@", '"x"')}),
    "comments": ("a TXT x;y\nb TXT ( x ; )\n y )\n", {("a", '"x"'), ("b", '"x" "y"')}),
    "comment marks in quotes": ('a TXT ";()" \n', {("a", '";()"')}),
    "escapes": (r"a TXT a\;b \100 \"" + "\n", {("a", '"a;b" "d" "\\""')}),
    "an escaped dot": (r"a\.b TXT x" + "\n", {(r"a\.b", '"x"')}),
    "parentheses": ("a ( TXT\n(\nx )\n\n)\nb TXT y\n", {("a", '"x"'), ("b", '"y"')}),
    "class and TTL either way": ("a IN 5 TXT x\nb 5 IN TXT y\n", {("a", '"x"'), ("b", '"y"')}),
    "types and classes in lower case": ("a in txt x\n", {("a", '"x"')}),
    "CRLF": ("a TXT x\r\n TXT y\r\n", {("a", '"x"'), ("a", '"y"')}),
    "no newline at the end": ("a TXT x", {("a", '"x"')}),
    "quotes without a blank between": ('a TXT "x""y"\n', {("a", '"x" "y"')}),
    "SVCB parameters in quotes": (
        'a HTTPS 1 . alpn="h3,h2" port=8443\n',
        {("a", '1 . alpn="h3,h2" port="8443"')},
    ),
    "another origin": (
        "$ORIGIN sub\na TXT x\n$ORIGIN c.z.example.\na TXT y\n",
        {
            ("a.sub", '"x"'),
            ("a.c", '"y"'),
        },
    ),
    "an owner that looks like a directive": (r"\$TTL TXT x" + "\n", {(r"\$TTL", '"x"')}),
    "an owner named as a type": ("a.ns TXT x\nns TXT y\n", {("a.ns", '"x"'), ("ns", '"y"')}),
    "an international name": ("bücher TXT x\n", {("xn--bcher-kva", '"x"')}),
    "an unknown type": (r"a TYPE731 \# 3 ABCDEF" + "\n", {("a", r"\# 3 abcdef")}),
    "a known type in generic form": (r"a A \# 4 C0000201" + "\n", {("a", "192.0.2.1")}),
    "a DYNA in generic form": (r"a TYPE65348 \# 5 0463686174" + "\n", {("a", "chat")}),
    "the date of a file that BIND wrote": ("$DATE 20260102030405\na TXT x\n", {("a", '"x"')}),
    "$GENERATE with its right side in quotes": (
        '$GENERATE 1-2 h$ A "192.0.2.$"\n$GENERATE 7-7 m$ 5 KX "1 n$"\n',
        {("h1", "192.0.2.1"), ("h2", "192.0.2.2"), ("m7", "1 n7.z.example.")},
    ),
    "a blank owner after $GENERATE": (
        "a TXT x\n$GENERATE 1-1 b$ TXT y\n TXT z\n",
        {("a", '"x"'), ("b1", '"y"'), ("a", '"z"')},
    ),
    "$GENERATE": ("$GENERATE 1-3/2 h$ TXT v$\n", {("h1", '"v1"'), ("h3", '"v3"')}),
    "$GENERATE with several fields": (
        "$GENERATE 1-1 h$ 5 IN MX $ ns1 ; $\n",
        {("h1", "1 ns1.z.example.")},
    ),
    "$GENERATE in quotes": ('$GENERATE 1-1 $ TXT "a $" b\n', {("1", '"a 1" "b"')}),
    "$GENERATE of DYNA": ("$GENERATE 8-9 h$ 60 DYNA chat\n", {("h8", "chat"), ("h9", "chat")}),
}

REFUSED: dict[str, tuple[str, list[str]]] = {
    "no type": ("a\nb 5 IN\n", ["6:2: zone-syntax", "7:7: zone-syntax"]),
    "an unknown type": ("a AAAAA ::1\n", ["6:3: zone-unknown-type"]),
    "a question's type": (
        "a ANY x\na AXFR\na OPT\n",
        [
            "6:3: zone-class",
            "7:3: zone-unknown-type",
            "8:3: zone-unknown-type",
        ],
    ),
    "another class": ("a 5 CH TXT x\na CLASS3 TXT x\n", ["6:5: zone-class", "7:3: zone-class"]),
    "a bad TTL": (
        "a 5x TXT x\n$TTL no\n$TTL\n",
        [
            "6:3: zone-bad-ttl",
            "7:6: zone-bad-ttl",
            "8:5: zone-bad-ttl",
        ],
    ),
    "a TTL over 31 bits": ("a 2147483648 TXT x\n", ["6:3: zone-bad-ttl"]),
    "a TTL of many digits": (f"a {'9' * 5000} TXT x\n", ["6:3: zone-bad-ttl"]),
    "bad data": ("a A 192.0.2.256\n", ["6:5: zone-bad-rdata"]),
    "bad data in a field": (
        "a MX 70000 ns1\na MX 10 a..b\n",
        [
            "6:6: zone-bad-rdata",
            "7:9: zone-bad-rdata",
        ],
    ),
    "data cut short": ("a MX 10 ; b\nb A\n", ["6:8: zone-bad-rdata", "7:4: zone-bad-rdata"]),
    "data too long": ("a A 192.0.2.1 192.0.2.2\n", ["6:15: zone-bad-rdata"]),
    "data refused as a whole": ("a DS 1 8 2 0 0 0\n", ["6:6: zone-bad-rdata"]),
    "a service that cannot be one": (
        "a DYNA -chat\na DYNA chat embed\n",
        [
            "6:8: zone-bad-rdata",
            "7:13: zone-bad-rdata",
        ],
    ),
    "an unclosed quote": ('a TXT "x\nb TXT y\n', ["6:7: zone-syntax"]),
    "an unclosed parenthesis": (
        "a TXT ( x\n y\nb TXT y y\nc A x\n",
        [
            "6:7: zone-syntax",
            "9:5: zone-bad-rdata",
        ],
    ),
    "an unopened parenthesis": ("a TXT x )\nb A x\n", ["6:9: zone-syntax", "7:5: zone-bad-rdata"]),
    "a backslash at the line's end": (
        "a TXT x\\\nb A x\n",
        ["6:8: zone-syntax", "7:5: zone-bad-rdata"],
    ),
    "many unclosed parentheses": (
        "a TXT ((\n" * 5 + "b TXT ( x )\n",
        [f"{n}:7: zone-syntax" for n in range(6, 11)],
    ),
    "an error inside parentheses": (
        "a MX ( 1x\n ns1\n)\nb A x\n",
        [
            "6:8: zone-bad-rdata",
            "9:5: zone-bad-rdata",
        ],
    ),
    "an error before parentheses": (
        "a MX 1x ( ns1\n) ( ; (\n )\nb A x\n",
        [
            "6:6: zone-bad-rdata",
            "9:5: zone-bad-rdata",
        ],
    ),
    "a bad owner": ("a..b TXT x\n TXT y\nc A x\n", ["6:1: zone-syntax", "8:5: zone-bad-rdata"]),
    "an owner in quotes": ('"a" TXT x\n', ["6:1: zone-syntax"]),
    "a type in the first column": (
        "MX 10 ns1\nNS ns1\n",
        ["6:7: zone-unknown-type", "7:4: zone-unknown-type"],
    ),
    "an unknown directive": ("$TTTL 5\n", ["6:1: zone-syntax"]),
    "too much after a directive": (
        "$TTL 5 5\n$ORIGIN a b\nc TXT x\n",
        [
            "6:8: zone-syntax",
            "7:11: zone-syntax",
        ],
    ),
    "a bad $ORIGIN": ("$ORIGIN a..b.\nc A x\n", ["6:9: zone-syntax", "7:5: zone-bad-rdata"]),
    "bad ranges": (
        "$GENERATE 5-1 a$ TXT x\n$GENERATE 1 a$ TXT x\n$GENERATE 0-9/0 a$ TXT x\n",
        [
            "6:11: zone-generate",
            "7:11: zone-generate",
            "8:11: zone-generate",
        ],
    ),
    "a range too large": ("$GENERATE 0-99999999 a$ TXT x\n", ["6:11: zone-generate"]),
    "no template": ("$GENERATE 1-5\n$GENERATE\n", ["6:14: zone-generate", "7:10: zone-generate"]),
    "a bad modifier": ("$GENERATE 1-5 a${x} TXT x\n", ["6:15: zone-generate"]),
    "a record of $GENERATE": ("$GENERATE 254-999 a$ A 192.0.2.$\n", ["6:19: zone-bad-rdata"]),
    "a missing type suggested": ("a DYNAA chat\n", ["6:3: zone-unknown-type"]),
}


@pytest.mark.parametrize(("body", "expected"), READ.values(), ids=READ.keys())
def test_a_record_is_read(tmp_path: Path, body: str, expected: set[tuple[str, str]]) -> None:
    zones, problems = load_text(tmp_path, HEAD + body)
    assert [p for p in problems if p.severity == "error"] == []
    bare, _ = load_text(tmp_path, HEAD)
    fresh = records_of(zones[ORIGIN]) - records_of(bare[ORIGIN])
    absolute = {(str(dns.name.from_text(owner, ORIGIN)).lower(), text) for owner, text in expected}
    assert {(owner, text) for owner, _, _, text in fresh} == absolute


@pytest.mark.parametrize(("body", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_an_entry_is_refused_at_its_token(tmp_path: Path, body: str, expected: list[str]) -> None:
    zones, problems = load_text(tmp_path, HEAD + body)
    assert places(problems) == expected
    assert zones == {}
    assert all(p.source == (HEAD + body).split("\n")[p.line - 1] for p in problems)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = (
        "$ORIGIN z.example.\n"
        "$TTL 1h\n"
        "@ SOA ns1 host 1 2 3 4 many\n"
        "@ NS ns1\n"
        "  NS ns2\n"
        "ns2 A 192.0.2.1.1\n"
        "chat DYNA caht\n"
        "bad BAD bad\n"
        'x TXT "\n'
        "x CNAME y\n"
        "x A 192.0.2.7\n"
        "other.org. A 192.0.2.7\n"
    )
    _, problems = load_text(tmp_path, text)
    # The SOA and the address of ns2 are misspelt, hence not called missing.
    assert places(problems) == [
        "3:24: zone-bad-rdata",
        "4:6: zone-apex-ns",
        "6:7: zone-bad-rdata",
        "7:11: zone-dyna-unknown-service",
        "8:5: zone-unknown-type",
        "9:7: zone-syntax",
        "10:3: zone-cname-and-other",
        "12:1: zone-out-of-zone",
    ]


def test_a_problem_reads_as_one_would_say_it(tmp_path: Path) -> None:
    _, [problem] = load_text(tmp_path, HEAD + "chat\t60 DYNA caht ; typo\n")
    assert str(problem).removeprefix(str(tmp_path)) == (
        '/z.example.zone:6:14: zone-dyna-unknown-service: there is no service "caht"\n'
        "    chat\t60 DYNA caht ; typo\n"
        "        \t        ^\n"
        '    hint: did you mean "chat"?'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "$TTL 60\n@ SOA a. b. 1 1 1 1 9\n NS a.\nx 7 TXT x\ny TXT x\n",
            {"@": 60, "x": 7, "y": 60},
        ),
        ("@ SOA a. b. 1 1 1 1 9\n NS a.\nx 7 TXT x\ny TXT x\n", {"@": 9, "x": 7, "y": 9}),
        ("@ 5 SOA a. b. 1 1 1 1 9\n NS a.\nx 7 TXT x\ny TXT x\n", {"@": 5, "x": 7, "y": 7}),
        ("@ 5 SOA a. b. 1 1 1 1 9\n NS a.\n$TTL 1h30m\ny TXT x\n", {"@": 5, "y": 5400}),
    ],
    ids=["$TTL", "the SOA's minimum", "the last TTL", "$TTL after others"],
)
def test_a_ttl_is_inherited(tmp_path: Path, text: str, expected: dict[str, int]) -> None:
    zones, _ = load_text(tmp_path, text)
    for owner, ttl in expected.items():
        rrsets = zones[ORIGIN].rrsets[key_of(dns.name.from_text(owner, ORIGIN))]
        assert {rrset.ttl for rrset in rrsets.values()} == {ttl}


@pytest.mark.parametrize(
    ("minimum", "expected"),
    [(2**31 - 1, ["2:23: zone-soa-minimum"]), (2**31, ["2:23: zone-bad-ttl"])],
)
def test_a_minimum_that_is_the_ttl_of_all_records_has_31_bits(
    tmp_path: Path, minimum: int, expected: list[str]
) -> None:
    rest = "@ NS ns1\nns1 A 192.0.2.1\n"
    for soa in (f"@ SOA ns1 h 1 2 3 4   {minimum}\n", f"@ soa ns1 h ( 1 2 3 4 {minimum} )\n"):
        zones, problems = load_text(tmp_path, f"$ORIGIN z.example.\n{soa}{rest}")
        assert places(problems) == expected
        assert len(zones) == (minimum < 2**31)
    # As no TTL, it is bounded by that of its SOA.
    zones, problems = load_text(tmp_path, f"$ORIGIN z.example.\n$TTL 60\n{soa}{rest}")
    assert (places(problems), len(zones)) == (["3:23: zone-soa-minimum"], 1)


def test_records_that_inherit_from_an_soa_that_cannot_be_read_are_no_findings(
    tmp_path: Path,
) -> None:
    text = "$ORIGIN z.example.\n@ SOA ns1 h 1 2 3 4 many\n@ NS ns1\nns1 A 192.0.2.1\n"
    assert places(load_text(tmp_path, text)[1]) == ["2:21: zone-bad-rdata"]


def test_a_record_without_any_ttl_is_refused(tmp_path: Path) -> None:
    _, problems = load_text(tmp_path, "$ORIGIN z.example.\n@ NS ns.x.\n@ SOA ns.x. h 1 1 1 1 1\n")
    assert places(problems) == ["2:3: zone-missing-ttl"]


def test_the_first_record_needs_an_owner(tmp_path: Path) -> None:
    _, problems = load_text(tmp_path, "$TTL 1\n SOA ns.x. h 1 1 1 1 1\n@ NS ns.x.\n")
    assert places(problems) == ["2:1: zone-syntax"]


def test_an_rrset_has_the_lowest_ttl_and_no_duplicates(tmp_path: Path) -> None:
    zones, _ = load_text(tmp_path, HEAD + "a 60 A 192.0.2.2\nA 50 A 192.0.2.1\na 60 A 192.0.2.2\n")
    rrset = zones[ORIGIN].rrsets[key_from_text("a.z.example")][dns.rdatatype.A]
    assert (rrset.ttl, [str(rdata) for rdata in rrset.rdatas]) == (50, ["192.0.2.2", "192.0.2.1"])


def test_dyna_survives_its_text_and_its_wire() -> None:
    dyna = Dyna(dns.rdataclass.IN, DYNA, "llama-3.1_70b")
    wire = dyna.to_wire()
    assert wire == b"\x0dllama-3.1_70b"
    assert dns.rdata.from_wire(dns.rdataclass.IN, DYNA, wire, 0, len(wire)) == dyna
    assert dns.rdata.from_text(dns.rdataclass.IN, "DYNA", dyna.to_text()) == dyna
    assert dns.rdatatype.from_text("dyna") == DYNA
    assert {
        dns.rdatatype.to_text(t) for t in (DYNA, dyna.rdtype, dns.rdatatype.from_text("dyna"))
    } == {"DYNA"}
    assert 65280 <= DYNA <= 65534


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("a AX 192.0.2.1", "did you mean A or AAAA?"),
        ("a AAAAA ::1", "did you mean A or AAAA?"),
        ("a CNAM ns1", "did you mean CNAME?"),
        ("a XQZW 1", "an unlisted type is written TYPE12345"),
        (f'a TXT "{"x" * 300}"', 'split it: TXT "the first 255" "the rest"'),
        ("x\u00a0A 192.0.2.3", "write a space in its place"),
        ("x 60\u00a0A 192.0.2.3", "write a space in its place"),
        ("x A\u2003192.0.2.3", "write a space in its place"),
        ("x A 192.0.2.3\u00a0", "write a space in its place"),
        ("x A \u200b192.0.2.3", "remove it"),
        ("\U0001f600 A 192.0.2.3", "write its A-labels, xn--… (RFC 5891), or letters, digits and"),
        ("-ü A 192.0.2.3", "a label in Unicode begins and ends with no hyphen"),
        ("$ORIGIN", "write one, with its final dot, as in $ORIGIN example.com."),
        ("# a comment", 'a comment begins with ";"'),
        ("// a comment", 'a comment begins with ";"'),
        ("#hosts of the lab", 'a comment begins with ";"'),
        ('c LUA A "pickclosest({})"', "PowerDNS's LUA: write DYNA NAME"),
        (
            "@ ALIAS lb.example.net.",
            "an alias whose addresses the server looks up: write",
        ),
        (
            "@ aname lb.example.net.",
            "an alias whose addresses the server looks up: write",
        ),
        ("$GENERATE 1-10 h A 192.0.2.5", "write the counter as $, as in host$ A 192.0.2.$"),
    ],
)
def test_a_mend_says_what_to_write(tmp_path: Path, line: str, hint: str) -> None:
    _, [problem] = load_text(tmp_path, f"{HEAD}{line}\n")
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x\u00a0A 192.0.2.3", '"x\u00a0A" holds a no-break space (U+00A0)'),
        ("x A 192.0.2\u200b.3", '"192.0.2.3" holds a zero width space (U+200B)'),
        ("$GENERATE 1-10 h A 192.0.2.5", "there is no $ in it, so all 10 records are one"),
    ],
)
def test_what_cannot_be_seen_is_said(tmp_path: Path, line: str, message: str) -> None:
    _, [problem] = load_text(tmp_path, f"{HEAD}{line}\n")
    assert problem.message == message


def test_characters_that_show_nothing_are_read_where_they_are_data(tmp_path: Path) -> None:
    assert load_text(tmp_path, f'{HEAD}x TXT "a\u00a0b" ; \u200b\n')[1] == []


@pytest.mark.parametrize("rdtype", _EXAMPLES)
def test_what_a_hint_is_like_can_be_read(tmp_path: Path, rdtype: str) -> None:
    example = _EXAMPLES[rdtype].replace("DYNA service", "DYNA chat")
    owner = "@" if rdtype in {"NS", "SOA"} else "o"
    _, [error] = load_text(tmp_path, f"{HEAD}{owner} {rdtype}\n")
    assert _EXAMPLES[rdtype] in error.hint
    head = HEAD.replace("@ SOA ns1 host 7 3600 900 604800 300\n", "") if rdtype == "SOA" else HEAD
    _, problems = load_text(tmp_path, f"{head}{owner} {example}\n")
    assert [problem for problem in problems if problem.severity == "error"] == []


def test_a_string_of_over_255_octets_is_found_where_it_is_one_field(tmp_path: Path) -> None:
    lines = "".join(f'a DOA 1 2 3 "{"x" * length}" AQID\n' for length in (255, 256))
    assert places(load_text(tmp_path, HEAD + lines)[1]) == ["7:13: zone-bad-rdata"]


def test_a_record_that_ends_before_its_string_takes_nothing_of_the_next_line(
    tmp_path: Path,
) -> None:
    _, problems = load_text(tmp_path, HEAD + "a DOA 1 2 3\nb A x\n")
    assert places(problems) == ["6:12: zone-bad-rdata", "7:5: zone-bad-rdata"]


def test_digits_of_an_atma_in_generic_form_may_be_any_octets(tmp_path: Path) -> None:
    _, [problem] = load_text(tmp_path, HEAD + 2 * "a ATMA \\# 3 0131ff\n")
    assert problem.id == "zone-duplicate-record"
    assert r"ATMA +1\xff is written" in problem.message


def test_an_nxt_of_more_types_than_there_are_is_found(tmp_path: Path) -> None:
    lines = "".join(
        f"{octets} NXT \\# {1 + octets} 00 {'00' * (octets - 1)}01\n" * 2 for octets in (8192, 8193)
    )
    assert places(load_text(tmp_path, HEAD + lines)[1]) == [
        "7:1: zone-duplicate-record",
        "8:10: zone-bad-rdata",
        "9:10: zone-bad-rdata",
    ]
