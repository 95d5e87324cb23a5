"""What holds for every zone: it reads back as written, and no text makes the loader raise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zone_files import HEAD, ORIGIN, load_text, records_of

from resolverd.dns.names import key_from_text
from resolverd.zone.dyna import DYNA

EVERY_TYPE = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "AFSDB": "1 host.x.",
    "AMTRELAY": "10 0 1 192.0.2.1",
    "APL": "1:192.0.2.0/24 !2:2001:db8::/32",
    "CAA": '0 issue "ca.example"',
    "CDNSKEY": "257 3 8 AQID",
    "CDS": "1 8 2 " + "ab" * 32,
    "CERT": "PKIX 1 8 AQID",
    "CNAME": "b.x.",
    "CSYNC": "7 3 A NS AAAA",
    "DHCID": "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
    "DNSKEY": "256 3 8 AQID",
    "DS": "1 8 2 " + "cd" * 32,
    "DYNA": "chat",
    "EUI48": "00-00-5e-00-53-2a",
    "EUI64": "00-00-5e-ef-10-00-00-2a",
    "HINFO": '"CPU" "OS"',
    "HIP": "2 200100107B1A74DF365639CC39F1D578 AQID rvs.x.",
    "HTTPS": '1 . alpn="h2,h3" ipv4hint="192.0.2.1" port="8443"',
    "IPSECKEY": "10 1 2 192.0.2.38 AQID",
    "KX": "1 host.x.",
    "L32": "10 192.0.2.1",
    "L64": "10 2001:0db8:0001:0002",
    "LOC": "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m",
    "LP": "10 l64.x.",
    "MX": "10 host.x.",
    "NAPTR": '100 10 "u" "E2U+sip" "!^.*$!sip:x!" .',
    "NID": "10 0014:4fff:ff20:ee64",
    "NS": "ns.x.",
    "NSEC": "host.x. A MX RRSIG NSEC TYPE1234",
    "NSEC3": "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
    "NSEC3PARAM": "1 0 12 aabbccdd",
    "OPENPGPKEY": "AQID",
    "PTR": "host.x.",
    "PX": "10 a.x. b.x.",
    "RP": "box.x. txt.x.",
    "RRSIG": "A 8 3 3600 20300101000000 20200101000000 1 z.example. AQID",
    "RT": "1 host.x.",
    "SMIMEA": "3 1 1 " + "ab" * 32,
    "SPF": '"v=spf1 -all"',
    "SRV": "1 2 3 host.x.",
    "SSHFP": "1 1 " + "ab" * 20,
    "SVCB": "1 host.x. mandatory=alpn alpn=h2",
    "TLSA": "3 1 1 " + "ab" * 32,
    "TXT": '"a b" "c;d" "\\"\\200"',
    "URI": '10 1 "https://x.example/"',
    "X25": '"311061700956"',
    "ZONEMD": "2018031900 1 1 " + "ab" * 48,
    "BRID": "AQID",
    "DLV": "1 8 2 " + "ef" * 32,
    "DNAME": "b.x.",
    "DSYNC": "CDS NOTIFY 5300 host.x.",
    "GPOS": "-32.6882 116.8652 10.0",
    "HHIT": "AQID",
    "ISDN": '"150862028003217" "004"',
    "KEY": "256 3 8 AQID",
    "NINFO": '"x"',
    "NSAP": "0x47000580005a00",
    "NSAP-PTR": "host.x.",
    "RESINFO": '"qnamemin" "exterr=15-17"',
    "SIG": "A 8 3 3600 20300101000000 20200101000000 1 z.example. AQID",
    "WALLET": '"BTC" "x"',
    "WKS": "192.0.2.1 6 25 53",
    "AVC": '"app-name:x|app-class:y"',
    "A6": "64 ::1234:5678 s.x.",
    "ATMA": "+61200000000",
    "CLA": '"TCP-v4-v6" "x"',
    "DOA": '1 2 3 "text/html" AQID',
    "EID": "aabb cc",
    "GID": r"\# 1 00",
    "IPN": "977000",
    "MB": "host.x.",
    "MD": "host.x.",
    "MF": "host.x.",
    "MG": "box.x.",
    "MINFO": "box.x. box.x.",
    "MR": "box.x.",
    "NIMLOC": "aabbcc",
    "NULL": r"\# 1 00",
    "NXT": "host.x. A MX SIG NXT",
    "RKEY": "0 3 5 AQID",
    "SINK": "1 2 3 AQID",
    "TA": "1 8 2 " + "ab" * 32,
    "TALINK": "a.x. b.x.",
    "UID": r"\# 1 00",
    "UINFO": r"\# 1 00",
    "UNSPEC": r"\# 1 00",
    "TYPE731": r"\# 3 abcdef",
}


@pytest.mark.parametrize(("rdtype", "text"), EVERY_TYPE.items(), ids=EVERY_TYPE.keys())
def test_a_type_reads_the_same_in_its_own_form_and_that_of_rfc_3597(
    tmp_path: Path, rdtype: str, text: str
) -> None:
    code = dns.rdatatype.from_text(rdtype)
    own, problems = load_text(tmp_path, HEAD + f"q {rdtype} {text}\n")
    assert problems == []
    [rdata] = own[ORIGIN].rrsets[key_from_text("q.z.example")][code].rdatas
    assert rdata == dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)
    generic = rdata.to_generic().to_text()
    again, problems = load_text(tmp_path, HEAD + f"q TYPE{int(code)} {generic}\n")
    assert problems == []
    assert records_of(again[ORIGIN]) == records_of(own[ORIGIN])


labels = st.text("abcxyzABC019-_*", min_size=1, max_size=12)
owners = st.lists(labels, min_size=1, max_size=3).map(".".join)
octets = st.binary(min_size=1, max_size=40).map(lambda b: "".join(f"\\{c:03d}" for c in b))
quoted = st.text(st.characters(codec="ascii", exclude_characters='"\\\n\r'), max_size=40).map(
    lambda text: f'"{text}"'
)
datas = st.one_of(
    st.ip_addresses(v=4).map(lambda a: ("A", str(a))),
    st.ip_addresses(v=6).map(lambda a: ("AAAA", str(a))),
    st.lists(st.one_of(octets, quoted), min_size=1, max_size=3).map(lambda t: ("TXT", " ".join(t))),
    st.tuples(st.integers(0, 65535), owners).map(lambda t: ("KX", f"{t[0]} {t[1]}")),
    st.binary(max_size=30).map(lambda b: ("TYPE731", f"\\# {len(b)} {b.hex()}")),
)
layouts: list[Callable[[str, int, str, str], str]] = [
    lambda owner, ttl, rdtype, data: f"{owner} {ttl} IN {rdtype} {data}\n",
    lambda owner, ttl, rdtype, data: f"{owner}\tIN {ttl}\t{rdtype.lower()} {data} ; {rdtype}\n",
    lambda owner, ttl, rdtype, data: f"\n{owner} ( {ttl} ; (\n {rdtype}\n{data} \n)\n",
    lambda owner, ttl, rdtype, data: f"$TTL {ttl}\n{owner}.z.example. {rdtype} ({data})\r\n",
]
entries = st.tuples(owners, st.integers(0, 2**31 - 1), datas, st.sampled_from(layouts))


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=12))
def test_records_read_back_as_dnspython_reads_them(
    written: list[tuple[str, int, tuple[str, str], Callable[[str, int, str, str], str]]],
) -> None:
    lines = [layout(owner, ttl, *data) for owner, ttl, data, layout in written]
    text = HEAD + "".join(lines)
    # The oracle merges no TTLs as we do, so it is given one record after another.
    expected: dict[tuple[str, str], tuple[int, set[str]]] = {}
    for owner, ttl, (rdtype, data), _ in written:
        lone = dns.zone.from_text(
            f"{owner} {ttl} {rdtype} {data}\n", ORIGIN, relativize=False, check_origin=False
        )
        for name, _, rdata in lone.iterate_rdatas():
            key = (str(name).lower(), dns.rdatatype.to_text(rdata.rdtype))
            lowest, seen = expected.get(key, (ttl, set()))
            expected[key] = (min(lowest, ttl), seen | {str(rdata)})
    with tempfile.TemporaryDirectory() as folder:
        zones, problems = load_text(Path(folder), text)
        bare, _ = load_text(Path(folder), HEAD)
    assert {p.id for p in problems} <= {"zone-duplicate-record", "zone-ttl-mismatch"}
    fresh = records_of(zones[ORIGIN]) - records_of(bare[ORIGIN])
    assert fresh == {
        (owner, rdtype, ttl, data)
        for (owner, rdtype), (ttl, datas) in expected.items()
        for data in datas
        if (owner, rdtype, ttl, data) not in records_of(bare[ORIGIN])
    }


WORDS = """
    $ORIGIN $TTL $INCLUDE $GENERATE $ 1-9 ${0,2,n} a.example. sub @ * 60 IN CH A AAAA SOA NS CNAME
    DNAME DYNA MX SRV TXT HTTPS DS RRSIG TYPE9 \\# 4 00ff 192.0.2.1 ::1 chat edge nope ( ) " "x" ;
    \\ \\9 \\999 \\0 a..b ü z.example.zone
"""
words = st.sampled_from([*WORDS.split(), "\0", "\v", "\u2028"])
gaps = st.sampled_from([" ", " ", " ", "\t", "\n", "\n", "\n ", "\r\n", "\r", ""])
shuffled = st.lists(st.tuples(words, gaps), max_size=60).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)
garbage = st.one_of(
    shuffled.map(str.encode),
    shuffled.map(lambda text: (HEAD + text).encode()),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=200),
)


@settings(max_examples=300, deadline=None)
@given(garbage)
def test_no_text_makes_the_loader_raise(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        zones, problems = load_text(Path(folder), content)
    errors = [problem for problem in problems if problem.severity == "error"]
    assert bool(zones) != bool(errors)
    lines = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for problem in problems:
        assert problem.line >= 1
        assert 1 <= problem.column <= len(problem.source) + 1
        assert (
            problem.id == "zone-encoding" or lines.split("\n")[problem.line - 1] == problem.source
        )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a A x", 'b TXT "', "c TXT x\\", "d XX d", "e MX 1", "..f A ::"])))
def test_each_bad_line_is_found_and_hides_no_other(bad: list[str]) -> None:
    lines = [row for n, text in enumerate(bad) for row in (text, f"n{n} TXT good")]
    with tempfile.TemporaryDirectory() as folder:
        zones, problems = load_text(Path(folder), HEAD + "\n".join(lines) + "\n")
    assert [p.line for p in problems] == [6 + 2 * n for n in range(len(bad))]
    assert bool(zones) == (not bad)


def implementation(code: dns.rdatatype.RdataType) -> Any:
    return dns.rdata.get_rdata_class(dns.rdataclass.IN, code)  # type: ignore[no-untyped-call]


def test_every_type_of_dnspython_can_be_written_here() -> None:
    missing = {
        code.name
        for code in dns.rdatatype.RdataType
        if not dns.rdatatype.is_metatype(code)
        and implementation(code) not in (None, dns.rdata.GenericRdata)
        and dns.rdatatype.to_text(code) not in EVERY_TYPE
    }
    # The head of every test's zone has an SOA.
    assert missing == {"SOA"}
    assert dns.rdatatype.to_text(DYNA) in EVERY_TYPE
