"""`resolverd state`: totals and troubles first, one region, only problems, and looking again."""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from cli.command import TIMEOUT, environment, resolverd
from cli.live import Live, live
from harness.config import REGIONS

from resolverd.cli import link
from resolverd.cli.overview import overview, problems, why_of
from resolverd.cli.troubles import KINDS, TROUBLES, any_trouble, host_troubles, kind_of
from resolverd.errors import Problem


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A daemon whose regions are all well."""
    place = tmp_path_factory.mktemp("state")
    write_place(place)
    with live(place, SERVICES, SERVER) as found:
        yield found


@contextlib.contextmanager
def overridden(served: Live, target: str, kind: str) -> Iterator[None]:
    """An override while it lasts."""
    resolverd("override", target, kind, "--why", "a test", "--force", cwd=served.place)
    try:
        yield
    finally:
        resolverd("clear", target, cwd=served.place)


def test_totals_come_first(served: Live) -> None:
    lines = resolverd("state", cwd=served.place).out.splitlines()
    assert lines[:2] == ["edge       ready", "regions    4: 4 up"]


def test_without_problems_it_says_so_with_status_0(served: Live) -> None:
    ran = resolverd("state", "--problems", cwd=served.place)
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "no problems")


def test_problems_alone_are_shown_with_status_1(served: Live) -> None:
    """They are shown first where all is shown."""
    state = resolverd("state", "--json", cwd=served.place).json()
    broken = _with_region(state, "eu-west", serves=False, state="down")
    assert any_trouble(broken)
    text = "\n".join(line for part in problems(broken) for line in part.lines(100))
    assert "us-east" not in text
    assert any(line.startswith("eu-west  down") for line in text.splitlines())
    whole = [line for part in overview(broken) for line in part.lines(100)]
    first = [line.split()[0] for line in whole if line.split()[:1] in [[r] for r in REGIONS]]
    assert first[0] == "eu-west", "troubles come before the rest"


def test_a_region_whose_endpoints_are_withdrawn_is_drained_and_only_a_pin_without_one_a_problem(
    served: Live,
) -> None:
    with overridden(served, "us-west-1", "drain"):
        ran = resolverd("state", "--problems", cwd=served.place)
        one = resolverd("state", "us-west", cwd=served.place).out
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "no problems")
    assert "regions    4: 3 up, 1 drained" in ran.out
    assert "down (drained)" in one
    with overridden(served, "eu-west-1", "down"):
        ran = resolverd("state", "--problems", cwd=served.place)
    assert ran.status == 1
    assert "regions    4: 3 up, 1 drained" in ran.out
    assert (
        "problem    chat (pin gdpr) has no region (eu-west: down by root)" in ran.out.splitlines()
    )


def test_what_failed_beside_an_endpoint_that_is_withdrawn_is_a_problem(served: Live) -> None:
    """The other one of the region is withdrawn, or well, or has failed."""
    state = resolverd("state", "--json", cwd=served.place).json()
    (endpoint,) = next(r for r in state["regions"] if r["name"] == "us-west")["endpoints"]
    drained = endpoint | {"serves": False, "state": "down", "override": {"kind": "drain"}}
    failed = endpoint | {"serves": False, "state": "down"}
    for endpoints, serves, kind in (
        ([endpoint, drained], True, "up"),
        ([drained, drained], False, "drained"),
        ([failed, endpoint], True, "degraded"),
        ([failed, drained], False, "down"),
    ):
        measured = "up" if serves else "down"
        changes = {"serves": serves, "state": measured, "withdrawn": kind == "drained"}
        made = _with_region(state, "us-west", **changes, endpoints=endpoints)
        (region,) = (r for r in made["regions"] if r["name"] == "us-west")
        assert kind_of(region) == kind
        assert any_trouble(made) == (kind in TROUBLES)


def test_a_refused_edit_is_one_line_that_says_how_many_problems_there_are_more(
    served: Live,
) -> None:
    state = resolverd("state", "--json", cwd=served.place).json()
    problem = Problem(
        "a.zone", 7, 1, "zone-bad-rdata", "it does not fit", "write it", source="x A 1"
    )
    for number, end in (
        (1, "it does not fit"),
        (3, "it does not fit; and 2 more: resolverd check"),
    ):
        reason = "\n".join(["refused: " + str(problem), *[str(problem)] * (number - 1)])
        found = [asdict(problem)] * number + [asdict(replace(problem, severity="warning"))]
        refused = state | {"reload": state["reload"] | {"reason": reason, "problems": found}}
        rows = dict(host_troubles(refused))
        assert rows["reload"] == f"refused: a.zone:7:1: zone-bad-rdata: {end}"


def _with_region(state: dict[str, Any], name: str, /, **changes: object) -> dict[str, Any]:
    """The state in which the region of that name is otherwise."""
    regions = [r | changes if r["name"] == name else r for r in state["regions"]]
    return state | {"regions": regions}


def test_a_drained_region_is_no_problem(served: Live) -> None:
    with overridden(served, "us-west", "drain"):
        ran = resolverd("state", "--problems", cwd=served.place)
    assert ran.status == 0
    assert "1 drained" in ran.out
    assert "problem " not in ran.out


def test_a_pin_without_a_region_is_a_problem_of_the_head_whoever_drained_it(served: Live) -> None:
    """In the words of the service's status and of /readyz."""
    with overridden(served, "eu-west", "drain"):
        ran = resolverd("state", "--problems", cwd=served.place)
        other = resolverd("state", "us-east", "--problems", cwd=served.place)
    assert ran.status == 1
    assert (
        "problem    chat (pin gdpr) has no region (eu-west: drain by root)" in ran.out.splitlines()
    )
    assert "no problems" not in ran.out
    assert (other.status, other.out.splitlines()[-1]) == (0, "no problems")


def test_clients_of_a_pin_without_a_region_are_a_problem(served: Live) -> None:
    with overridden(served, "eu-west", "drain"):
        ran = resolverd("state", "--problems", cwd=served.place)
    assert ran.status == 1
    assert "clients under pins without a region: 1" in ran.out
    assert any(line.startswith("chat under pin gdpr") for line in ran.out.splitlines())


def test_one_region_is_shown_with_all_that_is_known_of_it(served: Live) -> None:
    with overridden(served, "eu-west", "drain"):
        out = resolverd("state", "eu-west", cwd=served.place).out
    for fact in (
        "down (drained)",
        "1 of 1 serve, 1 needed",
        "probe of",
        "http://",
        "chat",
        "a test",
    ):
        assert fact in out
    assert "us-east" not in out
    document = resolverd("state", "eu-west", "--json", cwd=served.place).json()
    assert [region["name"] for region in document["regions"]] == ["eu-west"]


def test_an_unknown_region_gets_the_nearest_name(served: Live) -> None:
    ran = resolverd("state", "eu-wset", cwd=served.place)
    assert (ran.status, ran.out) == (2, "")
    assert "did you mean eu-west or us-west?" in ran.err


@pytest.mark.parametrize(
    "arguments", [("--watch", "--json"), ("--interval", "5s"), ("--watch", "--interval", "1ms")]
)
def test_what_makes_no_sense_is_refused(served: Live, arguments: tuple[str, ...]) -> None:
    assert resolverd("state", *arguments, cwd=served.place).status == 2


def test_many_regions_that_are_well_are_counted_and_not_listed(served: Live) -> None:
    state = resolverd("state", "--json", cwd=served.place).json()
    (region, *_) = state["regions"]
    many = state | {"regions": [region | {"name": f"r{n}"} for n in range(2000)]}
    many["regions"][1999] = many["regions"][1999] | {"serves": False, "state": "down"}
    text = "\n".join(line for part in overview(many) for line in part.lines(100))
    assert text.index("r1999") < text.index("\nr0 ")
    assert "and 1,959 regions more" in text
    assert len(text.splitlines()) < 150
    whole = "\n".join(line for part in overview(many, everything=True) for line in part.lines(100))
    assert "r1998" in whole


@pytest.mark.parametrize(
    ("region", "kind"),
    [
        ({}, "up"),
        ({"serves": False, "state": "down"}, "down"),
        ({"serves": False, "state": "recovering"}, "down"),
        ({"serves": False, "state": "unknown"}, "unknown"),
        ({"serves": False, "state": "down", "override": {"kind": "drain"}}, "drained"),
        ({"serves": False, "state": "down", "withdrawn": True}, "drained"),
        (
            {
                "serves": False,
                "state": "down",
                "hours": {"open": False, "withdraw": True},
                "override": {"kind": "drain", "who": "schedule"},
            },
            "closed",
        ),
        (
            {
                "serves": False,
                "state": "down",
                "hours": {"open": False, "withdraw": False},
                "override": {"kind": "drain", "who": "op"},
            },
            "drained",
        ),
        ({"state": "suspect"}, "degraded"),
        ({"alerts": {"ttft_p99": True}}, "degraded"),
        ({"override": {"kind": "up"}}, "up"),
    ],
)
def test_each_region_is_of_one_kind(region: dict[str, object], kind: str) -> None:
    well = {"serves": True, "state": "up", "override": None, "hours": None}
    assert kind_of(well | {"alerts": {}, "endpoints": []} | region) == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (
            {"held_until": "13:00"},
            "held down; HTTP 200; held until 13:00 (resolverd clear ends it)",
        ),
        ({"held_until": None}, "held down; HTTP 200"),
        ({}, "held down; HTTP 200"),  # an older daemon's
    ],
)
def test_a_family_that_is_withheld_has_the_reason_and_what_ends_it(
    held: dict[str, str | None], why: str
) -> None:
    families = {
        "ipv4": {"ok": True, "reason": "HTTP 200", "withheld": False, "held_until": None},
        "ipv6": {"ok": True, "reason": "held down; HTTP 200", "withheld": True, **held},
    }
    endpoint = {"reason": "HTTP 200", "override": None, "families": families}
    assert why_of(endpoint) == f"HTTP 200; IPv6 withheld: {why}"


def test_watching_in_a_pipe_repeats_plain_blocks_and_ends_well(served: Live) -> None:
    process = subprocess.Popen(
        _command("--watch", "--interval", "500ms", "--problems"),
        cwd=served.place,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    blocks = 0
    for line in process.stdout:
        assert "\x1b" not in line
        blocks += line.startswith("regions ")
        if blocks == 2:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, "")


def test_watching_at_a_terminal_stays_in_place(served: Live) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        _command("--watch", "--interval", "500ms"),
        cwd=served.place,
        env=environment(TERM="xterm", COLUMNS="60", LINES="20"),
        stdout=follower,
        stderr=follower,
        stdin=subprocess.DEVNULL,
    )
    os.close(follower)
    text = ""
    ends = time.monotonic() + TIMEOUT
    while text.count("\x1b[H2") < 2:
        assert time.monotonic() < ends
        text += os.read(leader, 65536).decode()
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # how Linux says that the other end was closed
        while chunk := os.read(leader, 65536):
            text += chunk.decode()
    assert process.wait(TIMEOUT) == 0
    os.close(leader)
    block = text.split("\x1b[H")[2]
    assert "lines more than the terminal is high" in block
    assert block.count("\n") <= 20
    assert "\x1b[32m" in block


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "resolverd", "state", *arguments]


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("[admin\n", "auto"),
        ("", "auto"),
        ('[admin]\nsocket = "a.sock"\n', "a.sock"),
        ('\ufeff[admin]\nsocket = ""\n', ""),
    ],
)
def test_the_socket_is_found_whatever_else_the_file_says(
    tmp_path: Path, text: str, setting: str
) -> None:
    (tmp_path / "resolverd.toml").write_text(text, encoding="utf-8")
    asked = argparse.Namespace(config=tmp_path / "resolverd.toml", overrides=[])
    assert link._setting(asked) == setting
