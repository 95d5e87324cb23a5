"""What no message can carry is refused with its line; all that passes is served by both engines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from harness.config import config_text
from harness.messages import query
from harness.server import HEAD, server
from harness.trials import trials
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from zone_files import load_text

from resolverd.dns.names import to_text
from resolverd.dns.opt import encode_opt
from resolverd.dns.query import parse
from resolverd.dns.sizes import ENVELOPE
from resolverd.dns.writer import bare
from resolverd.errors import errors_among
from resolverd.policy.outcomes import Outcome
from resolverd.snapshot.model import extended_error

MAX_RDATA = 65_535
EARTH = "\U0001f30d" * 64
"""The longest server.nsid: each of its characters takes four octets."""
NSID = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
SUBNET = dns.edns.ECSOption("2001:db8::1", 128)


def txt(octets: int) -> str:
    """A TXT of that many octets of RDATA, at least 2."""
    full, rest = divmod(octets, 256)
    strings = ["y" * 255] * full + (["y" * (rest - 1)] if rest else [])
    return "TXT " + " ".join(f'"{string}"' for string in strings)


def generic(octets: int) -> str:
    """A record of an unknown type (RFC 3597 §5)."""
    return f"TYPE65300 \\# {octets}" + (" " + "ab" * octets if octets else "")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        pytest.param(
            [f"big {txt(MAX_RDATA + 1)}"], (6, "65,536 octets"), id="a TXT of an octet more"
        ),
        pytest.param([f"big {generic(MAX_RDATA + 1)}"], (6, "65,536 octets"), id="an unknown type"),
        pytest.param(
            [f"big {txt(MAX_RDATA)}"], (6, "an answer has room"), id="no room for a header"
        ),
        pytest.param(
            [f"big TXT {n:05} {'y' * 200}" for n in range(310)],
            (315, "an answer has room"),
            id="an RRset of many",
        ),
        pytest.param(
            [f"big A 10.0.{n // 256}.{n % 256}" for n in range(4200)],
            (4205, "an answer has room"),
            id="addresses",
        ),
        pytest.param(
            [
                f"cut NS n{n}.cut\nn{n}.cut A 10.1.{n // 256}.{n % 256}\nn{n}.cut AAAA ::{n:x}"
                for n in range(1200)
            ],
            (6, "the referral of cut"),
            id="a referral by its glue",
        ),
        pytest.param(
            [
                f"cut NS {'n' * 20}{n}.cut\n{'n' * 20}{n}.cut A 10.1.{n // 256}.{n % 256}"
                for n in range(1050)
            ],
            (6, "the referral of cut"),
            id="glue whose owners stand where no pointer reaches",
        ),
        pytest.param(
            [f"big {txt(MAX_RDATA - 715)}", "alias CNAME big"],
            (7, "alias.x.example. leads to big.x.example. TXT"),
            id="an alias before what fits alone",
        ),
        pytest.param(
            [f"big.w {txt(MAX_RDATA - 3000)}", "alias CNAME big.w", "d DNAME w"],
            (8, "d.x.example. leads to big.w.x.example. TXT"),
            id="a DNAME before what fits alone",
        ),
        pytest.param(
            ["cut NS n.cut\nn.cut AAAA ::1"]
            + [f"n.cut AAAA 2001:db8::{n:x}" for n in range(2305)]
            + ["* CNAME host.cut"],
            (2313, "leads to cut.x.example. referral"),
            id="a wildcard alias before a referral",
        ),
    ],
)
def test_what_no_message_can_carry_is_refused_with_its_line(
    tmp_path: Path, lines: list[str], found: tuple[int, str]
) -> None:
    text = "$ORIGIN x.example.\n" + HEAD + "".join(f"{line}\n" for line in lines)
    _, problems = load_text(tmp_path, text)
    (problem,) = errors_among(problems)
    line, said = found
    assert (problem.id, problem.line) == ("zone-too-large", line)
    assert said in problem.message


sizes = st.one_of(st.integers(2, 600), st.integers(MAX_RDATA - 700, MAX_RDATA + 300))
records = st.one_of(
    sizes.map(txt),
    sizes.map(generic),
    st.just("TYPE65301 \\# 0"),
    st.integers(0, 255).map(lambda n: f"A 192.0.2.{n}"),
    st.integers(0, 9).map(lambda n: f"MX {n} host"),
    st.sampled_from(["CNAME a", "CNAME b.c.d", "CNAME e.x", "CNAME x", "DNAME d", "DNAME c.d"]),
    st.sampled_from(['TXT ""', "NSEC a A TYPE65535", "HTTPS 1 . alpn=h2", 'CAA 0 issue ";"']),
)
owners = st.sampled_from(["@", "a", "*", "*.w", "b.c.d", "x" * 63])
zones = st.lists(st.tuples(owners, records), max_size=6)
counts = st.integers(3_990, 4_090)


@settings(
    max_examples=trials(20, 60),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(zones, counts, st.booleans())
def test_whatever_check_passes_is_served_whole_by_both_engines(
    lines: list[tuple[str, str]], addresses: int, many: bool
) -> None:
    """The oracle: over TCP each RRset is answered with all its records, and never truncated.

    Neither where it is asked for by an alias; with NSID, client subnet and all else that may stand
    beside, under the longest name that there is for it.
    """
    body = "host A 192.0.2.1\nchat DYNA chat\n" + "".join(f"{o} {r}\n" for o, r in lines)
    if many:
        body += f"$GENERATE 1-{addresses} many TYPE65302 \\# 4 ${{0,8,x}}\n"
    try:
        served = server(
            "$ORIGIN x.example.\n" + HEAD + body,
            config_text(server=f'nsid = "{EARTH}"'),
        )
    except AssertionError as refused:
        assert re.search("zone-[a-z-]+", str(refused))  # noqa: PT017 - what the harness raises
        return
    (zone,) = served.snapshot.plan.zones.values()
    types = {rtype for node in zone.nodes.values() for rtype in node.rrsets}
    for key, node in zone.nodes.items():
        name = to_text(key).replace("*", ".".join(["any" * 21] * 3 + ["any" * 14]))
        for rtype in types:
            qtype = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))
            # By dnspython alone: dnslib reads no record without data.
            packet = query(name, qtype, edns=0, options=[NSID, SUBNET])
            answer = dns.message.from_wire(served.send(packet, tcp=True))
            assert not answer.flags & dns.flags.TC
            if rtype in node.rrsets:
                assert answer.rcode() == dns.rcode.NOERROR
                own = [rr for rr in answer.answer if rr.name == answer.question[0].name]
                assert sum(len(rr) for rr in own) == len(node.rrsets[rtype].rdatas)


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_the_envelope_has_room_for_all_that_is_no_answer(outcome: Outcome) -> None:
    """Header, the longest question, and an OPT record with every option at its longest."""
    name = ".".join(["a" * 63] * 3 + ["a" * 61]) + "."
    parsed = parse(query(name, edns=0, options=[NSID, SUBNET]))
    assert parsed.edns is not None
    opt = encode_opt(parsed.edns, payload=4096, nsid=EARTH.encode(), error=extended_error(outcome))
    assert len(bare(parsed, 0, 0, opt)) <= ENVELOPE
