"""A real Prometheus is woken by what goes wrong with an edge's routes.

The edge, its BIRD, its daemon, its NATS and `resolverd anycast` are real, in a network namespace
with a router in another one (anycast.lab), for only there may a test have service addresses.
Prometheus runs beside them. The rules are the shipped ones, hurried: see clients.alert_rules.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from anycast.lab import V4, V6, EdgePlace, Lab, end, example, lab, needs_bird, until
from clients.alert_watch import until_fired, until_found, watched
from clients.prometheus_server import Prometheus
from harness.nats import nats, toml_urls

pytestmark = needs_bird

BIRD = "# /etc/bird/bird.conf: one router, 198.51.100.1 and 2001:db8:1::1"
ANYCAST = f"""[anycast]
addresses = ["{V4}", "{V6}"]
[anycast.bird]
socket = "/run/bird/bird.ctl"
protocols = ["anycast_v4", "anycast_v6"]
timeout = "500ms"
"""
PAGE = "127.0.0.1:9154"
TIMES = {"listen": f'"{PAGE}"', "fit_for": '"0s"', "failures": "1", "timeout": '"500ms"'}
ALL = {"AnycastDown", "AnycastWithdrawn", "AnycastHeld", "AnycastUnproved", "AnycastFlaps"}
_CLONE_NEWNET = 0x40000000


def test_what_is_wrong_with_the_routes_of_an_edge_is_heard(tmp_path: Path) -> None:
    with lab(tmp_path) as made, _inside(made.edges[1]) as thread:
        thread.submit(asyncio.run, _troubles(made, tmp_path)).result()


@contextmanager
def _inside(edge: EdgePlace) -> Iterator[ThreadPoolExecutor]:
    """A thread in the namespace of an edge, as is all that is started from there."""

    def enter() -> None:
        with Path("/run/netns", edge.name).open("rb") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    with ThreadPoolExecutor(1, initializer=enter) as thread:
        yield thread


async def _troubles(made: Lab, folder: Path) -> None:
    edge = made.edges[1]
    # Prometheus first: it takes five seconds until it scrapes.
    async with (
        watched(folder, PAGE, over="60s", job="resolverd-anycast") as watching,
        nats(folder / "nats") as server,
    ):
        edge.configure(f'{ANYCAST}[fleet]\nurls = {toml_urls([server.url])}\nedge = "fra1"\n')
        edge.bird(edge.adapted(example(BIRD)))
        daemon = edge.serve()
        announcing = _announces(made, min_edges="0")
        await _until_quiet(watching)
        await _flaps(made, watching, daemon)
        for family in (4, 6):
            made.router.birdc("disable", f"edge1_v{family}")
        await until_fired(watching, {("AnycastUnproved", "")}, over={"AnycastWithdrawn"})
        end(announcing, signal.SIGKILL)
        await until_fired(watching, {("AnycastDown", "")})
        for family in (4, 6):
            made.router.birdc("enable", f"edge1_v{family}")
        _announces(made, min_edges="1")
        with _stopped(daemon):
            seen = await until_fired(watching, {("AnycastHeld", "")}, over={"AnycastDown"})
        assert "AnycastWithdrawn" not in {name for name, _ in seen}
        await until_fired(watching, set(), over={"AnycastHeld"})


def _announces(made: Lab, *, min_edges: str) -> subprocess.Popen[bytes]:
    """`resolverd anycast`, once the router has both routes."""
    process = made.edges[1].announce(**TIMES, min_edges=min_edges)
    until(lambda: made.has(V4) and made.has(V6), "the router has both routes")
    until(lambda: set(made.edges[1].states().values()) == {"announced"}, "it says so")
    return process


async def _until_quiet(watching: Prometheus) -> None:
    """Wait until both are seen to be announced, and none of these alerts fires."""
    await until_found(watching, 'sum(resolverd_anycast_state{state="announced"}) == 2')
    await until_fired(watching, set(), over=ALL)


async def _flaps(made: Lab, watching: Prometheus, daemon: subprocess.Popen[bytes]) -> None:
    """The daemon answers and does not, three times."""
    edge = made.edges[1]
    for turn in range(3):
        with _stopped(daemon):
            until(lambda: set(edge.states().values()) == {"withdrawn"}, "it is withdrawn")
            if not turn:
                await until_fired(watching, {("AnycastWithdrawn", "")})
        until(lambda: set(edge.states().values()) == {"announced"}, "it is announced again")
    await until_fired(watching, {("AnycastFlaps", "")}, over={"AnycastWithdrawn"})


@contextmanager
def _stopped(daemon: subprocess.Popen[bytes]) -> Iterator[None]:
    """Meanwhile the daemon answers nobody (SIGSTOP)."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
