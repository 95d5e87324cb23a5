"""Starting the servers of a run: where each lives, how long that took, and what cannot run."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.native.rounds import Say
from bench.native.sample import SERVER_CPU
from bench.peers.process import keep_on
from bench.peers.server import FailedError, Running, Server, Site, free_port, running
from bench.peers.world import World
from bench.report import ENDPOINT, ROOT

_ENDPOINTS = 16
_RELOADS = 3


@dataclass(slots=True)
class Bench:
    """What all stages of a run share."""

    place: Path
    health: tuple[int, ...]
    say: Say
    absent: dict[str, str] = field(default_factory=dict)
    """Why a server is not among the results."""
    _count: int = 0

    def site(self, name: str, world: World, threads: int = 1) -> Site:
        """A directory and a port that nobody else has."""
        self._count += 1
        place = self.place / f"{self._count:03}-{name.replace(' ', '-').replace(',', '')}"
        return Site(place, free_port(), threads, world, health=self.health)


@contextmanager
def opened(say: Say) -> Iterator[Bench]:
    """A directory that goes away at the end, and endpoints that are healthy until then."""
    words = [*ENDPOINT, str(_ENDPOINTS)]
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as place,
        subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as endpoints,
    ):
        try:
            assert endpoints.stdout is not None
            health = tuple(int(port) for port in endpoints.stdout.readline().split())
            yield Bench(Path(place), health, say)
        finally:
            endpoints.terminate()


def start_all(
    bench: Bench, stack: ExitStack, servers: Sequence[Server], world: World, threads: int
) -> tuple[list[Running], dict[str, dict[str, Any]]]:
    """Those that start, pinned to one core when they have one thread; and what starting took."""
    started: list[Running] = []
    versions: dict[str, dict[str, Any]] = {}
    for server in servers:
        bench.say(f"starting {server.name}, {threads} thread(s)")
        try:
            version = server.version()
            served = stack.enter_context(running(server, bench.site(server.name, world, threads)))
            reloads = [served.adopt() for _ in range(_RELOADS)] if server.name != "echo" else []
        except FailedError as error:
            bench.absent[server.name] = str(error).strip()
            bench.say(f"{server.name} is left out: {error}")
            continue
        if threads == 1:
            keep_on(served.pid, [SERVER_CPU])
        started.append(served)
        versions[server.name] = {
            "version": version,
            "start_s": round(served.start_s, 3),
            "reload_s": round(statistics.median(reloads), 4) if reloads else None,
        }
    return started, versions
