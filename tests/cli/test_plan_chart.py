"""`resolverd plan --chart`: what a terminal and a pipe are shown; the SVG's elements."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli.command import ROOT, TIMEOUT, environment, process, resolverd
from cli.plan_place import write_place
from rich.cells import cell_len

COLOUR = re.compile("\x1b\\[[0-9;]*m")
SVG = "{http://www.w3.org/2000/svg}"
TRAFFIC = "where,share,name\nUS,50\nDE,20\nJP,10\nZA,20,Kaapstad\n"
CANDIDATES = (
    "name,latitude,longitude\n東京データセンター株式会社第一,-30,26\nSa\u0303o Tome\u0301,-27,20\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The shipped configuration with its zones, and files for a plan."""
    write_place(tmp_path)
    (tmp_path / "traffic.csv").write_text(TRAFFIC)
    (tmp_path / "candidates.csv").write_text(CANDIDATES)
    return tmp_path


CHART = ("plan", "--traffic", "traffic.csv", "--chart", "--at", "2026-11-29T12:00Z")


def _at_terminal(place: Path, columns: int, *options: str, **more: str) -> str:
    """What a terminal of so many columns is shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = environment(**{"TERM": "xterm-256color", **more})
    env.pop("NO_COLOR", None) if "NO_COLOR" not in more else None
    command = [sys.executable, "-m", "resolverd", *CHART, *options]
    with subprocess.Popen(
        command, cwd=place, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as child:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the child has closed its end
            pass
        assert child.wait(TIMEOUT) == 0, shown
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_the_picture_says_who_is_served_how_fast_for_what_money(place: Path) -> None:
    shown = resolverd(*CHART, cwd=place).out.splitlines()
    assert shown[0] == "chat at 2026-11-29T12:00Z: 10 GPUs, 17,928 USD a month (720 h)"
    (us,) = (line for line in shown if re.match("  us-(east|west) +█", line))
    assert us.endswith(" 7,171") or us.endswith(" 3,586")
    assert re.search(r"█+ +50\.0%  █", us)
    eu = next(line for line in shown if line.startswith("  eu-west "))
    assert re.search("█+░+ +40.0%", eu), "South Africa is beyond 150 ms of Ireland"
    assert any("users without chat (150 ms): 20.0%" in line for line in shown)
    assert any(re.match(r"  Kaapstad  ░+ +20\.0% +\d+ ms$", line) for line in shown)


def test_the_picture_of_the_page_is_what_is_drawn(place: Path) -> None:
    page = (ROOT / "docs" / "planning.md").read_text()
    (drawn,) = re.findall(r"```\n(chat at .*?)```", page, re.DOTALL)
    assert resolverd(*CHART, cwd=place).out.startswith(drawn)


def test_the_change_is_drawn_beside_what_is_now_on_one_scale(place: Path) -> None:
    shown = resolverd(*CHART, "--without", "eu-west", "--add", "ZA=4", cwd=place).out
    assert "without eu-west and with ZA (4 GPUs): 12 GPUs, 21,514 USD" in shown
    now, then = shown.split("with the change")
    assert "eu-west" in now
    assert not re.search("^  eu-west ", then, re.MULTILINE)
    assert re.search(r"^  no region +░+ +20\.0%", then, re.MULTILINE), "Germany is pinned"
    assert re.search(r"^  ZA +█+ +20\.0%", then, re.MULTILINE)
    assert re.search(r"150 ms: chat +█+▌? +80\.0%\n    then +▓+ +80\.0%\n", then)


def test_candidates_are_drawn_by_what_they_give_for_money(place: Path) -> None:
    shown = resolverd(*CHART, "--candidates", "candidates.csv", cwd=place).out
    _, below = shown.split("add next: ms less in the mean for 1,000 USD a month; ")
    rows = below.splitlines()[1:]
    assert rows[0].split("█")[0].rstrip() == "  東京データセンター株式会…"
    assert "Sa\u0303o Tome\u0301" in rows[1]
    ends = {cell_len(row) for row in rows}
    assert len(ends) == 1, "wide and combining letters leave the columns where they are"


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_a_terminal_has_it_in_colour_and_no_wider_than_it_is(place: Path, columns: int) -> None:
    shown = _at_terminal(place, columns, "--candidates", "candidates.csv", "--add", "ZA")
    assert "\x1b[36m█" in shown
    assert "\x1b[31m█" in shown, "what is beyond every budget is not the palest"
    plain = COLOUR.sub("", shown)
    assert "\x1b" not in plain, "no bar of progress where nothing takes long"
    bars = [line for line in plain.splitlines() if "█" in line or "▓" in line]
    assert max(map(cell_len, bars)) <= min(columns, 100)


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colour_has_the_bands_by_their_characters(
    place: Path, more: dict[str, str]
) -> None:
    shown = _at_terminal(place, 80, **more)
    assert "\x1b" not in shown
    assert "░" in shown


def test_an_encoding_without_blocks_has_ascii_and_names_escaped(place: Path) -> None:
    ran = process(*CHART, "--candidates", "candidates.csv", cwd=place, PYTHONIOENCODING="ascii")
    assert ran.status == 0
    assert ran.out.isascii()
    assert re.search(r"^  eu-west +#+\.+ +40\.0%", ran.out, re.MULTILINE)
    assert "\\u6771" in ran.out


def test_an_application_without_a_limit_loses_users_only_to_no_region(place: Path) -> None:
    shown = resolverd(*CHART, "--budget", "batch", cwd=place).out
    assert "users who lose batch if a region dies" in shown
    assert "users without batch" not in shown


def test_the_fewest_regions_are_named_with_their_method(place: Path) -> None:
    shown = resolverd(*CHART, "--keep", "80", cwd=place).out
    assert "fewest regions for 80.0% of users with chat (150 ms)\n" in shown
    assert shown.endswith(": 80.0%, every set of 4 looked at: exact\n")
    assert "no set of regions keeps 100.0%" in resolverd(*CHART, "--keep", "100", cwd=place).out


def test_beyond_twenty_regions_the_bound_is_said(place: Path) -> None:
    rows = "".join(f"c{n},{n},{n * 7}\n" for n in range(20))
    (place / "candidates.csv").write_text(f"name,latitude,longitude\n{rows}")
    options = ("--candidates", "candidates.csv", "--keep", "90")
    said = "greedy, of 24; no set of fewer than"
    assert said in resolverd(*CHART, *options, cwd=place).out
    tables = resolverd("plan", "--traffic", "traffic.csv", *options, cwd=place).out
    assert said in tables


def test_json_and_a_chart_exclude_one_another(place: Path) -> None:
    ran = resolverd(*CHART, "--json", cwd=place)
    assert ran.status == 2
    assert "give --json or --chart, not both" in ran.err


def test_the_svg_has_both_curves_and_each_regions_bar(place: Path) -> None:
    assert resolverd(*CHART, "--svg", "plan.svg", "--add", "ZA", cwd=place).status == 0
    root = ElementTree.fromstring((place / "plan.svg").read_text())
    assert len([*root.iter(f"{SVG}polyline")]) == 2
    texts = [node.text for node in root.iter(f"{SVG}text")]
    assert "with ZA (2 GPUs)" in texts
    assert texts.count("eu-west") == 2
    assert root.findtext(f"{SVG}title", "").startswith("chat at 2026-11-29T12:00Z")
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    for node in root.iter():
        assert 0 <= float(node.get("x", "0").removesuffix("%")) <= width
        assert 0 <= float(node.get("y", "0")) <= height


def test_names_in_the_svg_are_escaped(place: Path) -> None:
    (place / "candidates.csv").write_text('name,latitude,longitude\n<&">\x07,-30,26\n')
    options = ("--candidates", "candidates.csv", "--add", '<&">\x07', "--svg", "plan.svg")
    assert resolverd(*CHART, *options, cwd=place).status == 0
    root = ElementTree.fromstring((place / "plan.svg").read_text())
    assert '<&">\\x07' in [node.text for node in root.iter(f"{SVG}text")]
