"""How long a dead endpoint stays in the answers: from the kill of a real process to DNS moving.

    python -m bench.health.kill_to_out [--kills 50] [--interval 0.2] [--timeout 0.5] [--fall 3]

Two deaths: SIGKILL (the port then refuses) and SIGSTOP (it accepts, and never answers). The
whole daemon runs, and every doomed endpoint's name is asked over UDP until the answer is
another. The bound: fall × fast_interval + 100 ms, and for those that hang one timeout more.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import asyncio_dgram
import dnslib

from bench.report import ENDPOINT, ROOT, show, write
from resolverd import log
from resolverd.config.probe import Probe
from resolverd.daemon import Daemon
from resolverd.health.kinds.http import HttpProbe
from resolverd.loop import run_loop

AT_ONCE = 5
# Seconds between two questions for one name: the resolution of the measurement.
PACE = 0.002

HEAD = """\
[server]
listen = ["127.0.0.1:0"]
coordinates = [50.1, 8.7]
zones = ["bench.example.zone"]
[probe]
interval = {0.interval}
fast_interval = {0.fast_interval}
timeout = {0.timeout}
fall = {0.fall}
"""
REGION = """\
[region.r{n}]
coordinates = [0, {n}]
endpoint = [{{ address = ["192.0.2.{n}"], url = "http://127.0.0.1:{port}" }}]
"""
SERVICE = """\
[service.s{n}]
regions = ["r{n}", "r0"]
policy = "failover"
"""
ZONE = """\
$ORIGIN bench.example.
@ 60 SOA ns1 hostmaster 1 3600 900 604800 300
@ 60 NS ns1
ns1 60 A 192.0.2.53
"""


async def kill_some(count: int, death: signal.Signals, settings: Probe) -> list[float]:
    """Serve `count` endpoints, kill each at a random moment; seconds from kill to moved answer."""
    processes = [await _endpoint() for _ in range(count + 1)]  # the first is never killed
    with tempfile.TemporaryDirectory() as place:
        path = await _write(Path(place), [port for _, port in processes], settings)
        daemon = Daemon(path)
        await daemon.start()
        await asyncio.sleep(2 * settings.interval)
        try:
            doomed = [process for process, _ in processes[1:]]
            measured = [_kill(daemon, n, p, death, settings) for n, p in enumerate(doomed, 1)]
            return list(await asyncio.gather(*measured))
        finally:
            await daemon.stop()
            for process, _ in processes:
                if process.returncode is None:
                    process.kill()
                await process.wait()


async def _kill(
    daemon: Daemon, number: int, process: Process, death: signal.Signals, settings: Probe
) -> float:
    listener = daemon.bound[0]
    stream = await asyncio_dgram.connect((listener.address, listener.port))
    question = bytes(dnslib.DNSRecord.question(f"s{number}.bench.example").pack())
    try:
        await asyncio.sleep(random.random() * 2 * settings.interval)
        killed = time.monotonic()
        os.kill(process.pid, death)
        while True:
            await stream.send(question)
            response, _ = await stream.recv()
            answered = time.monotonic()
            if str(dnslib.DNSRecord.parse(response).rr[0].rdata) == "192.0.2.0":
                return answered - killed
            await asyncio.sleep(PACE)
    finally:
        stream.close()


async def _endpoint() -> tuple[Process, int]:
    process = await asyncio.create_subprocess_exec(*ENDPOINT, "1", stdout=PIPE, cwd=ROOT)
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


async def _write(place: Path, ports: list[int], settings: Probe) -> Path:
    doomed = range(1, len(ports))
    regions = "".join(REGION.format(n=n, port=port) for n, port in enumerate(ports))
    config = HEAD.format(settings) + regions + "".join(SERVICE.format(n=n) for n in doomed)
    zone = ZONE + "".join(f"s{n} 60 DYNA s{n}\n" for n in doomed)
    await asyncio.to_thread((place / "resolverd.toml").write_text, config)
    await asyncio.to_thread((place / "bench.example.zone").write_text, zone)
    return place / "resolverd.toml"


async def kill_all(kills: int, death: signal.Signals, settings: Probe) -> list[float]:
    """`kills` of them, a few at once."""
    took: list[float] = []
    while len(took) < kills:
        took += await kill_some(min(AT_ONCE, kills - len(took)), death, settings)
    return took


def summary(took: list[float], bound: float) -> dict[str, Any]:
    """The distribution, in seconds, and whether the bound held."""
    ordered = sorted(took)
    return {
        "kills": len(took),
        "min": ordered[0],
        "median": statistics.median(ordered),
        "p95": ordered[max(0, -(-len(ordered) * 95 // 100) - 1)],
        "max": ordered[-1],
        "bound": bound,
        "held": ordered[-1] <= bound,
    }


def main() -> int:
    """Measure, print the table, write the result; 1 when a bound was broken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--interval", type=float, default=0.2, help="also the fast interval")
    options.add_argument("--timeout", type=float, default=0.5)
    options.add_argument("--fall", type=int, default=3)
    chosen = options.parse_args()
    log.configure(level=logging.ERROR)
    settings = HttpProbe(
        interval=chosen.interval,
        fast_interval=chosen.interval,
        timeout=chosen.timeout,
        fall=chosen.fall,
    )
    refused = settings.fall * settings.fast_interval + 0.1
    results = {
        name: summary(run_loop(kill_all(chosen.kills, death, settings)), bound)
        for name, death, bound in [
            ("refused", signal.SIGKILL, refused),
            ("hanging", signal.SIGSTOP, refused + settings.timeout),
        ]
    }
    head = ["death", *next(iter(results.values()))]
    show(
        "seconds from kill to moved answer",
        [head, *([name, *row.values()] for name, row in results.items())],
    )
    used = settings.model_dump(include={"interval", "fast_interval", "timeout", "fall"})
    print(f"written: {write('health-kill-to-out', {'settings': used, 'seconds': results}).name}")
    return 0 if all(row["held"] for row in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
