"""A load that knows the one before gives what a load from nothing gives, and keeps what it may."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dns.name
import pytest
from harness.trials import trials
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from zone_files import HEAD, ORIGIN, SERVICES, load_text

from resolverd.dns.names import Key, key_from_text, key_of
from resolverd.errors import Problem
from resolverd.snapshot import recompile
from resolverd.snapshot.alike_nodes import AlikeNodes
from resolverd.snapshot.compile import compile_zone
from resolverd.snapshot.model import Node, ZonePlan
from resolverd.zone import again, loader, pieces, reader
from resolverd.zone.dyna import DYNA
from resolverd.zone.fast_path import read_directive, read_fast
from resolverd.zone.known_lines import KnownLines
from resolverd.zone.lexer import Lexer, LexicalError
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone
from resolverd.zone.record import EntryError, RecordFields, read_record
from resolverd.zone.sameness import distinct, likeness

LINES = [
    "a A 192.0.2.2",
    "A A 192.0.2.2",
    "a 60 A 192.0.2.3",
    "a A 999.0.2.3",
    "a TXT ( x",
    ") ; closes",
    'a TXT "never closed',
    "b CNAME a",
    "b CNAME c.z.example. ; remark",
    "*.w 5 AAAA 2001:db8::1",
    "d.e.f IN A 192.0.2.1",
    '60 TXT "an owner of digits"',
    "x MX 1 a",
    "sub NS ns.sub",
    "sub NS ns1",
    "ns.sub A 192.0.2.9",
    "y.x.sub TXT hidden",
    "dn DNAME a",
    "geo DYNA chat",
    "geo DYNA embed",
    "geo.A DYNA edge",
    "$TTL 7",
    "$ORIGIN q",
    "$ORIGIN Z.example.",
    "$GENERATE 1-2 h$ A 192.0.2.$",
    "h1 A 192.0.2.1",
    "; remark",
    "",
]
BLANK = [" A 192.0.2.4", "\t9 IN TXT x", " CNAME a", "  \t"]
texts = st.lists(st.sampled_from([*LINES, *BLANK]), max_size=12).map(
    lambda lines: HEAD + "\n".join(lines)
)


@settings(max_examples=trials(150, 400), deadline=None)
@given(st.lists(texts, min_size=2, max_size=4))
@example([HEAD, HEAD + "sub NS ns.sub\nns.sub A 192.0.2.9\n", HEAD + "ns.sub A 192.0.2.9\n"])
def test_a_load_after_others_gives_what_a_first_load_gives(history: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        previous: Mapping[dns.name.Name, Zone] = {}
        for text in history:
            after, problems = load_text(Path(folder), text, previous=previous)
            fresh, expected = load_text(Path(folder), text)
            assert without_serials(problems) == expected
            assert shown(after) == shown(fresh)
            for origin, zone in after.items():
                then = previous.get(origin)
                before = None if then is None else (then, compile_zone(then))
                assert compile_zone(zone, before) == compile_zone(fresh[origin])
            previous = after or previous


def test_owners_that_an_edit_leaves_alone_stay_the_same_objects(tmp_path: Path) -> None:
    body = "a A 192.0.2.2\n TXT x\nb 60 CNAME a\nc MX 1 a\nc MX 2 ns1\nx.sub A 192.0.2.7\n"
    before = load_text(tmp_path, HEAD + body)[0][ORIGIN]
    edited = "new A 192.0.2.8\n" + body.replace("b 60", "b 61") + "sub NS ns1\n"
    after = load_text(tmp_path, HEAD + edited, previous={ORIGIN: before})[0][ORIGIN]
    kept = {key for key, rrsets in after.rrsets.items() if before.rrsets.get(key) is rrsets}
    names = ("z.example", "ns1.z.example", "a.z.example", "c.z.example", "x.sub.z.example")
    assert kept == set(map(key_from_text, names))

    plan = compile_zone(before)
    nodes = compile_zone(after, (before, plan)).nodes
    same = {key for key, node in nodes.items() if plan.nodes.get(key) is node}
    assert same == kept - {key_from_text("x.sub.z.example")}, "which is below a cut now"


MORE = [
    "m%d A 192.0.2.%d",
    "m%d 60 A 192.0.2.%d",
    "m%d MX %d m1",
    "m%d CNAME m%d",
    "m%d SRV 1 2 %d m1.d2",
    "m%d MX %d @",
    "d%d NS @ ; %d",
    "@ A 192.0.2.%d ; %d",
    "@ DYNA chat ; %d %d",
    "@ DYNA embed ; %d %d",
    "*.m%d A 192.0.2.%d",
    "d%d NS ns.d%d",
    "ns.d%d A 192.0.2.%d",
    "x.d%d TXT %d",
    "m%d PTR m%d.example.com",
    "n%d DNAME m%d",
    "a.b.m%d A 192.0.2.%d",
    "m%d TXT ( %d\n  again ) ; two lines",
    "m%d DYNA chat ; %d",
    "_no-region A 192.0.2.1 ; %d %d",
    "out.example. A 192.0.2.1 ; %d %d",
]
more_lines = st.one_of(
    st.tuples(st.sampled_from(MORE), st.integers(1, 3), st.integers(1, 3)).map(
        lambda drawn: drawn[0] % drawn[1:]
    ),
    st.sampled_from([*LINES, *BLANK, "$INCLUDE other", "m1.d1.z.example.com.z.example. A ::1"]),
)
edits = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "replace", "move"]), st.integers(0, 99), more_lines
    ),
    min_size=1,
    max_size=3,
)


def edited(lines: list[str], edit: list[tuple[str, int, str]]) -> list[str]:
    lines = list(lines)
    for kind, place, line in edit:
        at = place % (len(lines) + 1)
        removed = lines.pop(at) if kind != "insert" and at < len(lines) else line
        if kind == "move":
            lines.insert((at * 7 + 3) % (len(lines) + 1), removed)
        elif kind != "delete":
            lines.insert(at, line)
    return lines


@pytest.fixture
def tiny_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of two or three records, of zones of any size, and no edit that is too large."""
    monkeypatch.setattr(pieces, "SIZE", 2)
    monkeypatch.setattr(pieces, "LEAST", 1)
    monkeypatch.setattr(pieces, "SMALL", 0)
    monkeypatch.setattr(loader, "LARGE", 0)
    monkeypatch.setattr(again, "PART", 0)
    monkeypatch.setattr(recompile, "PART", 0)


@settings(
    max_examples=trials(200, 4000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(more_lines, min_size=3, max_size=25),
    st.lists(edits, min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n"]),
    st.lists(more_lines, max_size=5),
)
@pytest.mark.usefixtures("tiny_pieces")
def test_a_load_by_pieces_gives_what_a_first_load_gives_over_any_edits(
    lines: list[str],
    history: list[list[tuple[str, int, str]]],
    line_end: str,
    last: str,
    other: list[str],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        previous: Mapping[dns.name.Name, Zone] = {}
        plans: dict[dns.name.Name, ZonePlan] = {}
        for number, edit in enumerate([[], *history], 1):
            lines = edited(lines, edit)
            text = HEAD.replace("host 7", f"host {number}") + "\n".join(lines) + last
            others = {"other": "\n".join(edited(other, edit))}
            content = text.replace("\n", line_end).encode()
            after, problems = load_text(Path(folder), content, others=others, previous=previous)
            fresh, expected = load_text(Path(folder), content, others=others)
            assert list(map(str, without_serials(problems))) == list(map(str, expected))
            assert shown(after) == shown(fresh)
            for origin, zone in after.items():
                then = previous.get(origin)
                # What was carried from edit to edit, not made anew before each.
                before = None if then is None else (then, plans[origin])
                plan = plans[origin] = compile_zone(zone, before)
                assert plan == compile_zone(fresh[origin])
                by_names = replace(fresh[origin], reading=None), replace(plan, steered=None)
                assert steered(zone, plan) == steered(*by_names)
            previous = after or previous


@pytest.mark.usefixtures("tiny_pieces")
@pytest.mark.parametrize("address", ["@ A 192.0.2.9\n", "@ DYNA chat\n"])
def test_who_points_to_an_apex_that_loses_its_addresses_is_told_so(
    tmp_path: Path, address: str
) -> None:
    body = "".join(f"m{number} A 192.0.2.{number}\n" for number in range(1, 40))
    body += "mail MX 10 @\n_s._tcp SRV 1 1 1 @\nsub NS @\n"
    before, problems = load_text(tmp_path, HEAD + address + body)
    assert problems == []
    head = HEAD.replace("host 7", "host 8")
    _, problems = load_text(tmp_path, head + body, previous=before)
    assert [problem.id for problem in problems] == [
        "zone-missing-address",
        "zone-missing-address",
        "zone-missing-glue",
    ]


@pytest.mark.usefixtures("tiny_pieces")
def test_an_edit_that_leaves_all_names_where_they_are_looks_at_few_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "".join(f"m{number} A 192.0.2.{number}\n" for number in range(1, 40))
    body += "geo DYNA chat\n"
    before = load_text(tmp_path, HEAD + body)[0][ORIGIN]
    plan = compile_zone(before)
    assert plan.steered == (key_from_text("geo.z.example"),)
    monkeypatch.setattr(again, "owners_of", None)  # what gathers all of them
    edit = body.replace("m7 A 192.0.2.7", "m7 A 192.0.2.77").replace("geo DYNA", "geo 9 DYNA")
    after = load_text(tmp_path, HEAD + edit, previous={ORIGIN: before})[0][ORIGIN]
    edited = recompile.recompiled(after, before, plan)
    assert edited is not None
    assert edited.steered == plan.steered
    assert edited == compile_zone(load_text(tmp_path, HEAD + edit)[0][ORIGIN])


spelled = ["a", "A.b", "a.b.z.example.", "*", "@", "60", "a..b", "a" * 64, "\\a", ""]
addresses = ["192.0.2.1", "192.0.2.01", "192.0.2", "1.2.3.256", "::1", "2001:db8::1::", "::1.2.3.4"]
owners = st.sampled_from(spelled)
services = ["chat", "chat/core", "a/b", "-a", ".", "a" * 255, "a" * 256, "a" * 251 + "/core"]
soas = ["ns1 h 1 2 3 4 5", "ns1. h.x 4294967295 2 3 4 999999999", "n h 4294967296 2 3 4 5"]
soas += ["n h 1 2 3 4 1h", "n h 1 2 3 4", "n h 01 02 03 04 05"]
quads = ["192.0.2.0", "255.255.255.255", "256.0.0.1", "1.2.3.04", "1.2.3", "1.2.3.4.5", "1..2.3"]
datas = st.sampled_from(
    [
        *addresses,
        *quads,
        *services,
        *soas,
        "b",
        "b.z.",
        "@",
        ".",
        "x\\.y",
        "y" * 64,
        130 * "y." + "z",
    ]
)
fields_between = st.sampled_from(["", "60", "IN", "60 IN", "IN 60", "9999999999", "in", "CH", "1h"])
types = st.sampled_from(["A", "AAAA", "CNAME", "NS", "SOA", "DYNA", "a", "TXT"])
ends = st.sampled_from(["", " ", "\t ", " ; remark", " more"])


@settings(max_examples=trials(400, 1000), deadline=None)
@given(owners, fields_between, types, datas, ends)
def test_a_common_line_is_read_as_the_grammar_reads_it(
    owner: str, between: str, rdtype: str, data: str, end: str
) -> None:
    line = f"{owner} {between} {rdtype}\t{data}{end}\n"
    quick = read_fast(line, ORIGIN)
    assert quick is None or written(quick) == written(by_grammar(line))


def test_the_plainest_lines_are_common() -> None:
    zone = ("@ SOA ns1 hostmaster 1 3600 900 604800 300\n", "@ NS ns1\n", "geo 60 DYNA geo\n")
    for line in ("a A 192.0.2.1\n", " 60 IN AAAA ::1\n", "*.b\tIN\tCNAME c.\n", *zone):
        assert read_fast(line, ORIGIN) is not None
    assert read_directive("$TTL 60\n") == 60
    assert read_directive("$ORIGIN z.example.\n") == dns.name.from_text("z.example.")


@settings(max_examples=trials(200, 800), deadline=None)
@given(texts, st.sampled_from(["", "$ORIGIN z.example.\n", "$TTL 5\n", "$ORIGIN z\n$TTL 1h\n"]))
def test_common_lines_give_the_zones_and_findings_that_the_grammar_gives(
    text: str, above: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reader, "read_fast", lambda line, origin: None)
            patch.setattr(reader, "read_directive", lambda line: None)
            patch.setattr(KnownLines, "record", lambda *_: None)
            zones, problems = load_text(place, above + text)
        for small in (0, pieces.SMALL):  # of a large file, and remembered for others
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(pieces, "SMALL", small)
                quick_zones, quick_problems = load_text(place, above + text)
            assert quick_problems == problems
            assert shown(quick_zones) == shown(zones)


parents = st.sampled_from(["z.", "Y.z.", "other.", "x" * 63 + "."])


@settings(max_examples=trials(100, 400), deadline=None)
@given(st.lists(st.tuples(parents, texts), min_size=2, max_size=4))
def test_zones_that_are_loaded_together_are_as_each_is_by_itself(
    zones: list[tuple[str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for number, (parent, text) in enumerate(zones):
            own = text.replace("$ORIGIN z.example.", f"$ORIGIN {number}.{parent}", 1)
            (place / f"{number}.zone").write_text(own)
        together, _ = load_zones(["*.zone"], place, services=SERVICES)
        alike = AlikeNodes()
        for number in range(len(zones)):
            alone, _ = load_zones([f"{number}.zone"], place, services=SERVICES)
            assert shown({o: z for o, z in together.items() if o in alone}) == shown(alone)
            for origin, zone in alone.items():
                shared = compile_zone(together[origin], None, alike)
                assert shared == compile_zone(zone)
                assert list(shared.nodes) == list(compile_zone(zone).nodes)


def test_what_zones_have_alike_is_made_once(tmp_path: Path) -> None:
    for number in range(2):
        text = HEAD.replace("z.example", f"z{number}.example") + "geo DYNA chat\n"
        (tmp_path / f"{number}.zone").write_text(text)
    zones, _ = load_zones(["*.zone"], tmp_path, services=SERVICES)
    alike = AlikeNodes()
    one, other = [compile_zone(zone, None, alike).nodes for zone in zones.values()]
    for label in (b"\3ns1", b"\3geo", b"\x0a_no-region"):
        assert one[label + b"\2z0\7example\0"] is other[label + b"\2z1\7example\0"]


@given(types, datas, types, datas)
def test_records_are_alike_where_their_octets_are(one: str, a: str, other: str, b: str) -> None:
    first, second = by_grammar(f"x {one} {a}\n").rdata, by_grammar(f"x {other} {b}\n").rdata
    if first is not None and second is not None and first.rdtype == second.rdtype:
        assert (likeness(first) == likeness(second)) == (first == second)
        assert distinct([first, second]) == tuple(dict.fromkeys([first, second]))


def by_grammar(line: str) -> RecordFields:
    lexer, fields = Lexer(line), RecordFields()
    lexer.begin()
    try:
        read_record(lexer.get(want_leading=True), lexer, ORIGIN, fields)
    except (EntryError, LexicalError):
        return RecordFields()
    return fields


def written(fields: RecordFields) -> tuple[object, ...]:
    owner = None if fields.owner is None else (str(fields.owner), key_of(fields.owner))
    rdata = fields.rdata and (repr(fields.rdata), fields.rdata.to_wire(), type(fields.rdata))
    return fields.blank, owner, fields.key, fields.ttl, fields.rdtype, rdata


def without_serials(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if not problem.id.startswith("zone-serial")]


def steered(zone: Zone, plan: ZonePlan) -> tuple[set[Key], dict[Key, Node]]:
    """What a zone and its Plan say of which names have a DYNA."""
    owners = zone.rrsets if zone.reading is None else zone.reading.steered
    return {key for key in owners if DYNA in zone.rrsets.get(key, {})}, dict(plan.steered_nodes())


def shown(zones: Mapping[dns.name.Name, Zone]) -> object:
    """Everything of every zone, spelling and order included."""
    return {
        str(origin): [
            (key, str(rrset.owner), rdtype, rrset.ttl, [repr(rdata) for rdata in rrset.rdatas])
            for key, rrsets in zone.rrsets.items()
            for rdtype, rrset in rrsets.items()
        ]
        for origin, zone in zones.items()
    }
