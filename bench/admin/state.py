"""What `/state` costs: building it in the event loop, and `resolverd state` as a whole.

``python -m bench.admin.state [REGIONS ...]``; without arguments 50, 100, 200 and 400 regions of
four endpoints each, and the verb against 2,000 of one. A real daemon probes one TCP server on
loopback for all of them. Building stops the loop, so it is the time in which nothing else is done;
the verb is timed with the start of its process and what it prints. Each figure is the best of
several runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import allow_files, show, write
from resolverd import log
from resolverd.admin.state import state_of
from resolverd.daemon import Daemon

SIZES, VERB_REGIONS = (50, 100, 200, 400), 2000
ENDPOINTS, VERB_ENDPOINTS, RUNS, VERB_RUNS = 4, 1, 15, 3
# Regions of one service: fewer than it may have at most.
SERVICE_REGIONS = 200
ZONE = """$ORIGIN inference.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 900 604800 300
  NS ns1
ns1 A 192.0.2.53
"""


def main(arguments: list[str]) -> int:
    """Measure, print and write."""
    sizes = [int(argument) for argument in arguments] or list(SIZES)
    allow_files(20_000)
    log.configure("text", logging.CRITICAL)
    built = {size: asyncio.run(_build_seconds(size)) for size in sizes}
    rows = [["regions", "endpoints", "build ms", "µs an endpoint", "with its JSON ms"]]
    for size, (seconds, whole) in built.items():
        count = size * ENDPOINTS
        figures = 1e3 * seconds, 1e6 * seconds / count, 1e3 * whole
        rows.append([str(size), str(count), *(f"{figure:.1f}" for figure in figures)])
    show("/state, built in the event loop", rows)
    verb = asyncio.run(_verb_seconds(VERB_REGIONS))
    show(
        f"resolverd state, {VERB_REGIONS} regions",
        [["output", "seconds"], *([name, seconds] for name, seconds in verb.items())],
    )
    write(
        "admin-state",
        {
            "endpoints_per_region": ENDPOINTS,
            "build_seconds": {str(size): seconds for size, (seconds, _) in built.items()},
            "verb_regions": VERB_REGIONS,
            "verb_seconds": verb,
        },
    )
    return 0


async def _build_seconds(regions: int) -> tuple[float, float]:
    """The least times in which a daemon of so many regions builds its state, and writes it too."""
    async with await _endpoint() as server:
        with tempfile.TemporaryDirectory() as folder:
            daemon = Daemon(
                _write(Path(folder), regions, ENDPOINTS, server.sockets[0].getsockname()[1])
            )
            await daemon.start()
            try:
                runs = [_timed(daemon) for _ in range(RUNS)]
                return min(built for built, _ in runs), min(whole for _, whole in runs)
            finally:
                await daemon.stop()


def _timed(daemon: Daemon) -> tuple[float, float]:
    """Seconds to build the state, and to build and write it as JSON."""
    began = time.perf_counter()
    state = state_of(daemon)
    built = time.perf_counter() - began
    json.dumps(state)
    return built, time.perf_counter() - began


async def _verb_seconds(regions: int) -> dict[str, float]:
    """The least time that each kind of output takes from the start of its process to the end."""
    async with await _endpoint() as server:
        with tempfile.TemporaryDirectory() as folder:
            path = _write(Path(folder), regions, VERB_ENDPOINTS, server.sockets[0].getsockname()[1])
            daemon = Daemon(path)
            await daemon.start()
            try:
                return {
                    name: min([await _run(path, *more) for _ in range(VERB_RUNS)])
                    for name, more in (("text", ()), ("--json", ("--json",)))
                }
            finally:
                await daemon.stop()


async def _run(path: Path, *more: str) -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "resolverd", "state", "--config", str(path), *more),
        stdout=subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return time.perf_counter() - began


async def _endpoint() -> asyncio.Server:
    """A TCP server that stands for every endpoint."""

    def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    return await asyncio.start_server(close, "127.0.0.1", 0, backlog=4096)


def _write(folder: Path, regions: int, endpoints: int, port: int) -> Path:
    names = [f"region-{number}" for number in range(regions)]
    rows = [
        '[server]\nlisten = ["127.0.0.1:0"]\nengine = "reference"\nzones = ["*.zone"]',
        'watch = false\nstate = ""\ncoordinates = [50.1, 8.7]',
        '[admin]\nsocket = "admin.sock"\nlisten = ""',
        '[probe]\nkind = "tcp"\ninterval = "60s"\nfast_interval = "1s"\ntimeout = "5s"',
    ]
    zone = ZONE
    for first in range(0, regions, SERVICE_REGIONS):
        service = f"chat-{first // SERVICE_REGIONS}"
        mine = names[first : first + SERVICE_REGIONS]
        rows.append(f"[service.{service}]\nregions = {json.dumps(mine)}")
        zone += f"{service} 60 DYNA {service}\n"
    for number, name in enumerate(names):
        rows.append(f"[region.{name}]\ncoordinates = [{number % 80}, {number % 170}]")
        for endpoint in range(endpoints):
            address = f"198.{18 + number // 250}.{number % 250}.{endpoint + 1}"
            rows += [
                f"[[region.{name}.endpoint]]",
                f'name = "{name}-{endpoint}"',
                f'address = ["{address}"]',
                f'url = "http://127.0.0.1:{port}"',
            ]
    (folder / "inference.zone").write_text(zone)
    path = folder / "resolverd.toml"
    path.write_text("\n".join(rows) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
