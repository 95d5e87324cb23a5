"""ExaBGP 4.2 and 5.0, as docs/anycast.md sets them up: what they announce, keep, and inherit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from anycast.lab import PAGE, ROOT, V4, V6, EdgePlace, Lab, end, example, lab, lacking, until

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
FIVE = Path(os.environ.get("EXABGP_5", ROOT / ".cache" / "exabgp" / "bin" / "exabgp"))
SETTINGS = {
    "exabgp.daemon.user": "root",
    "exabgp.daemon.drop": "false",
    "exabgp.api.cli": "false",
    "exabgp.log.destination": "stderr",
    "exabgp.tcp.delay": "0",
}


class Version(NamedTuple):
    """One ExaBGP: its program, and the words before its configuration."""

    number: str
    program: str
    verb: tuple[str, ...]


def versions() -> Iterator[object]:
    """Those that are here; the others as tests that say what they leave out."""
    debian = shutil.which("exabgp", path=PATH) or ""
    for version, there in (
        (Version("4.2", debian, ()), bool(debian)),
        (Version("5.0", str(FIVE), ("server",)), FIVE.exists()),
    ):
        missing = lacking("bird", "dig") or (
            "" if there else f"EXABGP {version.number} WAS NOT TRIED: .ci/packages and .ci/exabgp"
        )
        yield pytest.param(
            version, id=version.number, marks=pytest.mark.skipif(bool(missing), reason=missing)
        )


def table(begin: str) -> str:
    """The example of resolverd.toml that begins so."""
    text = PAGE.read_text()
    at = text.index(begin)
    return text[at : text.index("```", at)]


TWO = '[anycast]\naddresses = ["192.0.2.53", "2001:db8::53"]\nvia = "exabgp"\n'
LOCAL = '[anycast]\naddresses = ["192.0.2.53"]\nvia = "exabgp"\n'


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as made:
        made.edges[1].configure(table(TWO))
        made.edges[1].serve()
        yield made


@pytest.fixture
def edge(one: Lab) -> Iterator[EdgePlace]:
    """The edge with a daemon that answers, and without an ExaBGP; put back afterwards."""
    edge = one.edges[1]
    before = len(edge.processes)
    (edge.folder / "anycast.log").write_bytes(b"")
    yield edge
    for process in reversed(edge.processes[before:]):
        if process.poll() is None:
            process.kill()
        process.wait()
    del edge.processes[before:]
    until(lambda: not one.has(V4) and not one.has(V6), "the router has no route left")


def begin(
    edge: EdgePlace,
    version: Version,
    first_line: str = "# /etc/exabgp/exabgp.conf",
    changed: dict[str, str] | None = None,
    more: str = "",
    **settings: str,
) -> subprocess.Popen[bytes]:
    """ExaBGP with the page's configuration, and `more` of each neighbour, runs the verb."""
    command = edge.command("--log=json", **{"state": f'"{edge.folder}"', **settings})
    run = edge.folder / "run"
    words = " ".join(f"'{word}'" for word in command)
    run.write_text(
        f"#!/bin/sh\necho $$ >> {edge.folder}/pids\nexec {words} 2>> {edge.folder}/anycast.log\n"
    )
    run.chmod(0o755)
    text = edge.adapted(example(first_line))
    head, _, rest = text.partition("    run ")
    config = f"{head}    run {run};\n{rest.partition(chr(10))[2]}"
    config = config.replace("    hold-time 9;\n", f"    hold-time 9;\n    {more}\n")
    (edge.folder / "exabgp.conf").write_text(config)
    (edge.folder / "pids").write_bytes(b"")
    return edge.start(
        "exabgp.log",
        version.program,
        *version.verb,
        str(edge.folder / "exabgp.conf"),
        **SETTINGS,
        **(changed or {}),
    )


def helper(edge: EdgePlace) -> int:
    """The process of ExaBGP's that was begun last."""
    return int((edge.folder / "pids").read_text().split()[-1])


def announced(one: Lab) -> bool:
    return one.has(V4) and one.has(V6)


def gone(one: Lab) -> bool:
    return not one.has(V4) and not one.has(V6)


each = pytest.mark.parametrize("version", list(versions()))


@each
def test_it_is_announced_with_its_attributes_once_it_answers(
    one: Lab, edge: EdgePlace, version: Version
) -> None:
    begin(edge, version)
    until(lambda: announced(one), "the router has both routes")
    assert "BGP.med: 100\n" in one.router.routes(V4)
    assert "BGP.med: 100\n" in one.router.routes(V6)
    assert one.router.asked(V4)
    assert one.router.asked(V6)


@each
def test_a_raised_metric_is_seen_by_the_router(one: Lab, edge: EdgePlace, version: Version) -> None:
    begin(edge, version, mode='"metric"', raised_for='"1h"', max_plan_behind='"100ms"')
    until(lambda: announced(one), "the router has both routes")
    zone = edge.folder / "example.zone"
    sound = zone.read_text()
    zone.write_text(sound + "broken record here\n")
    try:
        until(lambda: "BGP.med: 1000\n" in one.router.routes(V4), "its metric is raised")
    finally:
        zone.write_text(sound)
    until(lambda: "BGP.med: 100\n" in one.router.routes(V4), "its metric is as before")


@each
def test_its_stop_withdraws_and_waits_for_the_ebb(
    one: Lab, edge: EdgePlace, version: Version
) -> None:
    exabgp = begin(edge, version)
    until(lambda: announced(one), "the router has both routes")
    assert edge.told("--stop")["withdrawn"] == [V4, V6]
    until(lambda: gone(one), "the routes are withdrawn")
    assert edge.events("anycast.ebbed")
    end(exabgp)


@each
def test_a_process_that_is_killed_is_begun_again_and_withdraws_first(
    one: Lab, edge: EdgePlace, version: Version
) -> None:
    """The trap: between the two the route stays, and nobody looks after it."""
    begin(edge, version, fit_for='"2s"')
    until(lambda: announced(one), "the router has both routes")
    killed = helper(edge)
    os.kill(killed, signal.SIGKILL)
    until(lambda: helper(edge) != killed, "it is begun again")
    until(lambda: gone(one), "what it inherits is withdrawn")
    until(lambda: announced(one), "it announces again once it is fit")


@each
def test_without_respawning_the_route_of_a_dead_process_stays(
    one: Lab, edge: EdgePlace, version: Version
) -> None:
    """The trap that the page warns of: nothing mends it, so never set it."""
    begin(edge, version, changed={"exabgp.api.respawn": "false"})
    until(lambda: announced(one), "the router has both routes")
    os.kill(helper(edge), signal.SIGKILL)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert announced(one)
        time.sleep(0.05)


@each
def test_the_daemons_death_withdraws(one: Lab, edge: EdgePlace, version: Version) -> None:
    begin(edge, version)
    until(lambda: announced(one), "the router has both routes")
    daemon = edge.processes[1]
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        until(lambda: gone(one), "the routes are withdrawn")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    until(lambda: announced(one), "it announces again once it is fit")


@each
def test_its_own_sigterm_takes_the_routes_along(
    one: Lab, edge: EdgePlace, version: Version
) -> None:
    exabgp = begin(edge, version)
    until(lambda: announced(one), "the router has both routes")
    pid = helper(edge)
    end(exabgp)
    until(lambda: gone(one), "the routes are gone")
    until(lambda: not Path(f"/proc/{pid}").exists(), "its process has ended")


@pytest.mark.parametrize("stopped_first", [False, True])
@each
def test_graceful_restart_keeps_what_was_not_withdrawn_before_a_planned_end(
    one: Lab, edge: EdgePlace, version: Version, stopped_first: bool
) -> None:
    """The trap: BIRD agrees to it by default, and keeps the routes of an edge that is gone."""
    exabgp = begin(edge, version, more="capability { graceful-restart 3600; }")
    until(lambda: announced(one), "the router has both routes")
    if stopped_first:
        edge.told("--stop")
    end(exabgp)
    sessions = ("edge1_v4", "edge1_v6")
    try:
        for session in sessions:
            until(lambda s=session: not _established(one, s), "the session is over")  # type: ignore[misc]
        assert gone(one) if stopped_first else announced(one)
    finally:
        for session in sessions:
            one.router.birdc("restart", session)


def _established(one: Lab, session: str) -> bool:
    return "Established" in one.router.birdc("show", "protocols", session)


@each
def test_a_sixth_death_in_a_minute_ends_it_with_status_0(
    one: Lab, edge: EdgePlace, version: Version
) -> None:
    """Why the unit says Restart=always; minutes are those of the clock, so two may be needed."""
    exabgp = begin(edge, version)
    until(lambda: announced(one), "the router has both routes")
    killed = {0}
    for _ in range(14):
        until(lambda: exabgp.poll() is not None or helper(edge) not in killed, "it begins again")
        if exabgp.poll() is not None:
            break
        killed.add(helper(edge))
        os.kill(helper(edge), signal.SIGKILL)
    assert exabgp.wait(30) == 0


@each
def test_with_bird_on_the_same_host_the_route_is_proved_there(
    one: Lab, edge: EdgePlace, version: Version
) -> None:
    edge.configure(table(LOCAL))
    try:
        edge.bird(edge.adapted(example("# /etc/bird/bird.conf, between ExaBGP and a router")))
        begin(edge, version, "# /etc/exabgp/exabgp.conf, with BIRD on the same host")
        until(lambda: one.has(V4), "the router has the route")
        until(lambda: edge.states() == {V4: "announced"}, "it is proved")
        edge.birdc("disable", "exabgp")
        until(lambda: edge.events("anycast.unproved"), "the proof is missed")
        edge.birdc("enable", "exabgp")
        until(lambda: one.has(V4), "the router has the route again")
        edge.told("--stop")
        assert not one.has(V4)
    finally:
        edge.configure(table(TWO))
