"""What probing costs: CPU seconds per second of a process that probes 1,000 endpoints.

    python -m bench.health.probe_cost [--endpoints 1000] [--seconds 15] [--kind http]

The endpoints are in another process, one port each. Only the prober's CPU counts, user and
system, from a second after the first round on. The bar: under 0.5. Of kind vllm, which reads a
page of 57 KB with each look, the bar is for the default interval of 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time

import uvloop

from bench.report import ENDPOINT, ROOT, allow_files, show, write
from resolverd import log
from resolverd.config.probe import Probe
from resolverd.config.probe_layers import complete_probe
from resolverd.health.monitor import Monitor, Target
from resolverd.health.verdict import Verdict

BAR = 0.5


async def measure(ports: list[int], seconds: float, settings: Probe) -> dict[str, float]:
    """Probe every port for `seconds`; totals and rates."""
    flips = 0

    def changed(_target: str, _before: Verdict, _after: Verdict) -> None:
        nonlocal flips
        flips += 1

    monitor = Monitor(
        [Target(str(p), "here", str(p), f"http://127.0.0.1:{p}", settings) for p in ports],
        on_change=changed,
    )
    began = time.monotonic()
    await monitor.start()
    await monitor.first_round()
    first_round = time.monotonic() - began
    await asyncio.sleep(settings.interval)
    flips = 0
    probes = sum(counters.probes for counters in monitor.counters().values())
    wall, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    counters = monitor.counters().values()
    measured = {
        "seconds": wall,
        "first_round_seconds": first_round,
        "probes_per_second": (sum(c.probes for c in counters) - probes) / wall,
        "failures": sum(c.failures for c in counters),
        "verdict_changes": flips,
        "cpu_per_second": cpu / wall,
        "cpu_microseconds_per_probe": 1e6 * cpu / (sum(c.probes for c in counters) - probes),
        "median_latency_ms": 1e3 * sorted(c.latency for c in counters)[len(ports) // 2],
    }
    await monitor.stop()
    return measured


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--endpoints", type=int, default=1000)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--kind", choices=["http", "tcp", "vllm"], default="http")
    chosen = options.parse_args()
    allow_files(8192)
    log.configure(level=30)
    command = [*ENDPOINT, str(chosen.endpoints), chosen.kind]
    interval = 5.0 if chosen.kind == "vllm" else 1.0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as endpoints:
        assert endpoints.stdout is not None
        try:
            ports = [int(port) for port in endpoints.stdout.readline().split()]
            schedule = {"interval": interval, "timeout": 2.0}
            settings = complete_probe({"kind": chosen.kind, "model": "bench/model", **schedule})
            measured = uvloop.run(measure(ports, chosen.seconds, settings))
        finally:
            endpoints.kill()
    show(
        f"{len(ports)} endpoints, {chosen.kind}, every {interval:g} s",
        [["measure", "value"], *measured.items()],
    )
    within = measured["cpu_per_second"] < BAR
    print(f"\nbar: under {BAR} CPU seconds per second: {'held' if within else 'BROKEN'}")
    settled = {
        "endpoints": len(ports),
        "kind": chosen.kind,
        "interval": interval,
        "bar": BAR,
        "held": within,
    }
    print(f"written: {write(f'health-probe-cost-{chosen.kind}', settled | measured).name}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
