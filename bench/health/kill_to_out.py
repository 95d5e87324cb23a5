"""How long a dead endpoint stays in: from the kill of a real process to its verdict down.

    python -m bench.health.kill_to_out [--kills 50] [--interval 0.2] [--timeout 0.5] [--fall 3]

Two deaths: SIGKILL (the port then refuses) and SIGSTOP (it accepts, and never answers).
The bound: fall × fast_interval + 100 ms, and for those that hang one timeout more.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from typing import Any

import uvloop

from bench.report import ENDPOINT, show, write
from resolverd import log
from resolverd.config.probe import Probe
from resolverd.health.monitor import Monitor, Target
from resolverd.health.verdict import State, Verdict

AT_ONCE = 5


class Deaths:
    """When each endpoint was killed and when it was found dead, on the monotonic clock."""

    def __init__(self) -> None:
        self.found: dict[str, asyncio.Future[float]] = {}

    def expect(self, target: str) -> asyncio.Future[float]:
        self.found[target] = asyncio.get_running_loop().create_future()
        return self.found[target]

    def changed(self, target: str, _before: Verdict, after: Verdict) -> None:
        if after.state is State.DOWN:
            self.found[target].set_result(time.monotonic())


async def kill_some(count: int, death: signal.Signals, settings: Probe) -> list[float]:
    """Start `count` endpoints, kill each at a random moment; seconds from kill to down."""
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, str(ENDPOINT), "1", stdout=PIPE)
        for _ in range(count)
    ]
    targets = []
    for process in processes:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        targets.append(Target(str(process.pid), "here", "e", f"http://127.0.0.1:{port}", settings))
    deaths = Deaths()
    monitor = Monitor(targets, on_change=deaths.changed)
    await monitor.start()
    await monitor.first_round()
    await asyncio.sleep(2 * settings.interval)

    async def kill(target: Target) -> float:
        await asyncio.sleep(random.random() * 2 * settings.interval)
        found, killed = deaths.expect(target.id), time.monotonic()
        os.kill(int(target.id), death)
        return await found - killed

    try:
        return list(await asyncio.gather(*map(kill, targets)))
    finally:
        await monitor.stop()
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def kill_all(kills: int, death: signal.Signals, settings: Probe) -> list[float]:
    took: list[float] = []
    while len(took) < kills:
        took += await kill_some(min(AT_ONCE, kills - len(took)), death, settings)
    return took


def summary(took: list[float], bound: float) -> dict[str, Any]:
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
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--interval", type=float, default=0.2, help="also the fast interval")
    options.add_argument("--timeout", type=float, default=0.5)
    options.add_argument("--fall", type=int, default=3)
    chosen = options.parse_args()
    log.configure(level=40)
    settings = Probe(
        interval=chosen.interval,
        fast_interval=chosen.interval,
        timeout=chosen.timeout,
        fall=chosen.fall,
    )
    refused = settings.fall * settings.fast_interval + 0.1
    results = {
        name: summary(uvloop.run(kill_all(chosen.kills, death, settings)), bound)
        for name, death, bound in [
            ("refused", signal.SIGKILL, refused),
            ("hanging", signal.SIGSTOP, refused + settings.timeout),
        ]
    }
    head = ["death", *next(iter(results.values()))]
    show("seconds from kill to down", [head, *([name, *r.values()] for name, r in results.items())])
    told = settings.model_dump(include={"interval", "fast_interval", "timeout", "fall"})
    print(f"written: {write('health-kill-to-out', {'settings': told, 'seconds': results}).name}")
    return 0 if all(r["held"] for r in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
