"""Which files are loaded, what they include, and what changed since the last load."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import dns.name
import pytest
from zone_files import HEAD, ORIGIN, SERVICES, load_text, places, records_of

from resolverd.errors import Problem
from resolverd.zone import loader
from resolverd.zone.catalogue import CHECKS
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Services
from resolverd.zone.tree import Tree

EXAMPLES = Path(__file__).parents[2] / "zones"
BODY = HEAD.removeprefix("$ORIGIN z.example.\n")


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.zone").write_text(text)


def test_the_shipped_example_has_no_problem() -> None:
    services: Services = {"chat": "address", "embed": "address"}
    zones, problems = load_zones(["zones/*.zone"], EXAMPLES.parent, services=services, ttl_floor=5)
    assert list(map(str, problems)) == []
    example = zones[dns.name.from_text("inference.example.")]
    texts = {(owner, rdtype): text for owner, rdtype, _, text in records_of(example)}
    assert texts["chat.inference.example.", "DYNA"] == "chat"
    assert texts["canary10.inference.example.", "DYNA"] == "chat"
    assert texts["gpu15.lab.inference.example.", "A"] == "203.0.113.31"


def test_patterns_are_sorted_and_a_file_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, b=BODY, a=BODY, c=BODY)
    patterns = ["b.zone", "*.zone", str(tmp_path / "a.zone"), "../*/c.zone"]
    zones, problems = load_zones(patterns, tmp_path, services=SERVICES)
    assert problems == []
    assert [str(origin) for origin in zones] == ["b.", "a.", "c."]


@pytest.mark.parametrize("pattern", ["none.zone", "*.none", "", "**a", "/nonexistent/*", "a\0b"])
def test_a_pattern_without_files_is_a_problem(tmp_path: Path, pattern: str) -> None:
    zones, [problem] = load_zones([pattern], tmp_path, services=SERVICES)
    assert (zones, problem.id, problem.line) == ({}, "zone-no-file", 0)


def test_files_that_editors_leave_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, a=BODY)
    (tmp_path / ".#a.zone").symlink_to("nobody@nowhere")
    (tmp_path / ".a.zone").write_text("half a save")
    zones, problems = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert (len(zones), problems) == (1, [])


def test_what_is_no_readable_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "folder.zone").mkdir()
    os.mkfifo(tmp_path / "pipe.zone")
    (tmp_path / "loop.zone").symlink_to("loop.zone")
    (tmp_path / "gone.zone").symlink_to("nowhere")
    zones, problems = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert zones == {}
    assert {p.id for p in problems} == {"zone-unreadable"}
    assert sorted(Path(p.file).name for p in problems) == [
        "folder.zone",
        "gone.zone",
        "loop.zone",
        "pipe.zone",
    ]


def test_a_directory_is_told_what_names_its_files(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    _, [problem] = load_zones(["zones"], tmp_path, services=SERVICES)
    assert problem.hint == 'it is a directory: name the files in it, as in "zones/*.zone"'


def test_a_byte_that_is_not_utf_8_is_found(tmp_path: Path) -> None:
    _, [problem] = load_text(tmp_path, HEAD.encode() + b"a TXT \xc3\xbc\xfc\n")
    assert places([problem]) == ["6:8: zone-encoding"]
    assert problem.source == "a TXT ü\N{REPLACEMENT CHARACTER}"


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    zones, problems = load_text(tmp_path, b"\xef\xbb\xbf" + HEAD.encode())
    assert (set(zones), problems) == ({ORIGIN}, [])


def test_the_origin_comes_from_origin_or_the_file_s_name(tmp_path: Path) -> None:
    write(tmp_path, **{"other": HEAD, "y.example": BODY, "x.example": BODY + "$ORIGIN a\n"})
    zones, problems = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert problems == []
    assert {str(origin) for origin in zones} == {"x.example.", "y.example.", "z.example."}


def test_a_relative_first_origin_is_an_error_and_taken_as_absolute(tmp_path: Path) -> None:
    zones, problems = load_text(tmp_path, "$ORIGIN z.example\n" + BODY + "z.example. A no\n")
    assert places(problems) == ["1:9: zone-bad-origin", "6:14: zone-bad-rdata"]
    assert zones == {}


def test_a_file_name_that_is_no_domain_name_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, **{"a..b": BODY + "x A no\n"})
    zones, problems = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert places(problems) == ["a..b.zone:2:1: zone-bad-origin", "a..b.zone:5:5: zone-bad-rdata"]
    assert zones == {}


def test_one_zone_in_two_files_is_served_from_neither(tmp_path: Path) -> None:
    write(tmp_path, a=HEAD, b=HEAD.replace("z.", "Z."), c=BODY)
    zones, [problem] = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert places([problem]) == ["b.zone:1:1: zone-duplicate-origin"]
    assert {str(origin) for origin in zones} == {"c."}


def test_one_bad_zone_does_not_keep_the_others_away(tmp_path: Path) -> None:
    write(tmp_path, a=BODY + "x A no\n", b=BODY)
    zones, problems = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert places(problems) == ["a.zone:5:5: zone-bad-rdata"]
    assert {str(origin) for origin in zones} == {"b."}


def test_an_included_file_has_its_own_origin_and_place(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/deep").write_text("x TXT deep\n$INCLUDE ../last\n")
    zones, problems = load_text(
        tmp_path,
        HEAD + '$INCLUDE "parts/deep" sub ; here\nx TXT top\n$INCLUDE parts/deep\n TXT top\n',
        others={"last": "$ORIGIN q.z.example.\n$TTL 9\n\nx TXT last\ny TXT last\n"},
    )
    assert [p.id for p in problems] == ["zone-duplicate-record"] * 3
    zone = zones[ORIGIN]
    assert {r for r in records_of(zone) if r[1] == "TXT"} == {
        ("x.z.example.", "TXT", 9, '"top"'),
        ("x.z.example.", "TXT", 9, '"deep"'),
        ("x.sub.z.example.", "TXT", 3600, '"deep"'),
        ("x.q.z.example.", "TXT", 9, '"last"'),
        ("y.q.z.example.", "TXT", 9, '"last"'),
    }
    assert [path.name for path in zone.files] == ["z.example.zone", "deep", "last"]


@pytest.mark.parametrize(
    ("master", "said"),
    [
        (BODY + '\n$include "parts/../part.zone" ; hosts\n', "z.example.zone:6"),
        (BODY + "$INCLUDE between.inc\n", "between.inc:2"),
        (BODY + "a A nonsense\n$INCLUDE part.zone\n", "z.example.zone:6"),
    ],
)
def test_a_part_of_a_zone_that_matches_the_pattern_says_what_includes_it(
    tmp_path: Path, master: str, said: str
) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "between.inc").write_text("; hosts\n$INCLUDE part.zone\n")
    (tmp_path / "part.zone").write_text("q A 192.0.2.9\n")
    (tmp_path / "z.example.zone").write_text(master)
    previous = None
    for _ in range(2):  # read, and taken as it was
        zones, problems = load_zones(["*.zone"], tmp_path, services=SERVICES, previous=previous)
        [problem] = [problem for problem in problems if problem.file.endswith("part.zone")]
        assert (problem.id, problem.line) == ("zone-included", 0)
        assert f"{said} includes it" in problem.message
        assert "name it part.inc, also in the $INCLUDE, and write" in problem.hint
        previous = zones
    assert set(zones) == (set() if "nonsense" in master else {ORIGIN})


def test_a_part_that_has_another_ending_is_not_told_to_take_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "part.inc").write_text("q A 192.0.2.9\n")
    (tmp_path / "z.example.zone").write_text(BODY + "$INCLUDE part.inc\n")
    _, problems = load_zones(["*"], tmp_path, services=SERVICES)
    (hint,) = (problem.hint for problem in problems if problem.id == "zone-included")
    assert hint == 'keep it out of server.zones: write a pattern such as "zones/*.zone" there'


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("new.zone", "keep the file out of server.zones"),
        ("new", "keep the file out of server.zones"),
        ("new.example.zone", "write new.example. SOA ns1 "),
    ],
)
def test_a_file_whose_name_alone_would_make_it_a_top_level_domain_is_told_what_it_may_be(
    tmp_path: Path, name: str, hint: str
) -> None:
    (tmp_path / name).write_text("")
    _, problems = load_zones(["new*"], tmp_path, services=SERVICES)
    assert [problem.id for problem in problems] == ["zone-missing-ns", "zone-missing-soa"]
    assert hint in problems[1].hint
    assert "write new. " not in "".join(problem.hint for problem in problems)


def test_problems_of_included_files_say_which(tmp_path: Path) -> None:
    _, problems = load_text(
        tmp_path,
        HEAD + "$INCLUDE part\nx A no\n",
        others={"part": "a A no\nb CNAME c\nb TXT x\nelsewhere. TXT x\n"},
    )
    assert places(problems) == [
        "7:5: zone-bad-rdata",
        "part:1:5: zone-bad-rdata",
        "part:2:3: zone-cname-and-other",
        "part:4:1: zone-out-of-zone",
    ]


@pytest.mark.parametrize(
    ("body", "others", "expected"),
    [
        ("$INCLUDE z.example.zone\n", {}, ["6:10: zone-include-cycle"]),
        (
            "$INCLUDE a\n",
            {"a": "$INCLUDE ./b\n", "b": "\n$INCLUDE a\n"},
            ["b:2:10: zone-include-cycle"],
        ),
        ("$INCLUDE none sub\n", {}, ["6:10: zone-unreadable"]),
        ("$INCLUDE /\n", {}, ["6:10: zone-unreadable"]),
        (r"$INCLUDE a\000b" + "\n", {}, ["6:10: zone-syntax"]),
        ("$INCLUDE\n", {}, ["6:9: zone-syntax"]),
        ("$INCLUDE a b c\n", {"a": ""}, ["6:14: zone-syntax"]),
    ],
)
def test_a_bad_include_is_refused(
    tmp_path: Path, body: str, others: dict[str, str], expected: list[str]
) -> None:
    zones, problems = load_text(tmp_path, HEAD + body, others=others)
    assert places(problems) == expected
    assert zones == {}


def test_includes_are_limited_in_depth(tmp_path: Path) -> None:
    others = {f"f{n}": f"$INCLUDE f{n + 1}\n" for n in range(40)}
    _, [problem] = load_text(tmp_path, HEAD + "$INCLUDE f0\n", others=others)
    assert places([problem]) == ["f15:1:10: zone-include-depth"]


def test_an_include_that_is_not_utf_8_is_a_problem_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"\n\xff")
    _, problems = load_text(tmp_path, HEAD + "$INCLUDE part\n@ NS glueless\n")
    # The address may be in what could not be read.
    assert places(problems) == ["part:2:1: zone-encoding"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("7", "7", []),
        ("7", "8", []),
        ("7", "6", ["3:16: zone-serial-backward"]),
        ("4294967295", "0", []),
        ("0", "4294967295", ["3:16: zone-serial-backward"]),
        ("0", "2147483647", []),
        ("0", "2147483648", ["3:16: zone-serial-backward"]),
    ],
)
def test_a_serial_moves_forward(
    tmp_path: Path, before: str, after: str, expected: list[str]
) -> None:
    previous, _ = load_text(tmp_path, HEAD.replace("host 7", f"host {before}"))
    zones, problems = load_text(
        tmp_path, HEAD.replace("host 7", f"host {after}"), previous=previous
    )
    assert places(problems) == expected
    assert set(zones) == {ORIGIN}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a TXT x\n TXT y\n", "; comment\n\nA 3600 TXT y\n\n TXT x\n", []),
        ("a TXT x\n", "a TXT y\n", ["3:16: zone-serial-unchanged"]),
        ("a TXT x\n", "a TXT x\n TXT y\n", ["3:16: zone-serial-unchanged"]),
        ("a TXT x\n", "a 5 TXT x\n", ["3:16: zone-serial-unchanged"]),
        ("a TXT x\n", "b TXT x\n", ["3:16: zone-serial-unchanged"]),
        ("a TXT x\n", "a SPF x\n", ["3:16: zone-serial-unchanged"]),
        ("a TXT x\n", "", ["3:16: zone-serial-unchanged"]),
    ],
)
def test_a_change_needs_a_new_serial(
    tmp_path: Path, before: str, after: str, expected: list[str]
) -> None:
    previous, _ = load_text(tmp_path, HEAD + before)
    _, problems = load_text(tmp_path, HEAD + after, previous=previous)
    assert places(problems) == expected


def test_a_changed_soa_needs_a_new_serial(tmp_path: Path) -> None:
    previous, _ = load_text(tmp_path, HEAD)
    _, problems = load_text(tmp_path, HEAD.replace("900", "901"), previous=previous)
    assert places(problems) == ["3:16: zone-serial-unchanged"]


@pytest.mark.parametrize(("floor", "expected"), [(30, []), (31, ["6:3: zone-dyna-ttl"])])
def test_a_dyna_s_ttl_is_held_to_the_floor(tmp_path: Path, floor: int, expected: list[str]) -> None:
    _, problems = load_text(tmp_path, HEAD + "a 30 DYNA chat\nb 5 TXT x\n", ttl_floor=floor)
    assert places(problems) == expected


def test_every_check_says_what_it_looks_for() -> None:
    assert all(id_.startswith("zone-") and check.doc.endswith(".") for id_, check in CHECKS.items())


def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path) -> None:
    load_text(tmp_path, HEAD)
    assert gc.isenabled()
    gc.disable()
    try:
        load_text(tmp_path, HEAD)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_defect_costs_the_zone_that_meets_it_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tree: Tree, *rules: Any) -> list[Problem]:
        if tree.zone == ORIGIN:
            raise ZeroDivisionError("by nothing")
        return []

    write(
        tmp_path,
        **{"z.example": HEAD + "a TXT x\n", "y.example": HEAD.replace("z.example", "y.example")},
    )
    monkeypatch.setattr(loader, "check_tree", broken)
    zones, [problem] = load_zones(["*.zone"], tmp_path, services={})
    assert list(zones) == [dns.name.from_text("y.example.")]
    assert (problem.id, problem.severity, problem.line) == ("zone-defect", "error", 0)
    assert problem.file == str(tmp_path / "z.example.zone")
    assert "ZeroDivisionError('by nothing') in broken" in problem.message
