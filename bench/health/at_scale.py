"""What thousands of probed endpoints cost the real daemon, and how soon it says what they show.

    python -m bench.health.at_scale [--only BAR] [--seconds 15] [--deaths 100] [--rounds 1] [--peer]
    python -m bench.health.at_scale --endpoints N [--kind http] [--interval 1] ...

Without `--endpoints` the bars are measured, each in a world of its own (`bars`), and the status is
1 where one is not met. The endpoints are another process, and answer over HTTP on addresses of
their own. What is measured, by turns where there are several rounds, of resolverd and with `--peer`
of gdnsd (its http_status asks the same endpoints):

    cores      CPU seconds for each second of the daemon's process, and those beside no probe
    per probe  those, by the requests that the endpoints have counted
    delay      from an endpoint's first failing answer to the other answer on the wire, less the
               (fall - 1) × fast_interval (gdnsd: interval) that have to lie between
    healthy_failed   endpoints that serve and were said to fail, by the log: there must be none
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.health.bars import BARS, Figures, held
from bench.health.crowd import crowd
from bench.health.deaths import deaths, quantiles
from bench.health.peer import GDNSD_INTERVAL, own_name, write_gdnsd
from bench.health.scale_world import FAST, World, given, name, probed, write_resolverd
from bench.health.serving import healthy_failed, serving
from bench.peers.process import cpu_ns
from bench.peers.server import free_port
from bench.report import allow_files, show, write


def measure(who: str, world: World, seconds: float) -> Figures:
    """One round of one server."""
    with tempfile.TemporaryDirectory() as folder, crowd(world.kind) as endpoints:
        port, place = free_port(), Path(folder)
        if who == "gdnsd":
            command = write_gdnsd(place, port, endpoints.port, world.endpoints, world.deaths)
        else:
            command = write_resolverd(place, port, endpoints.port, world)
        with serving(command, port, place) as pid:
            time.sleep(max(3.0, 2 * world.interval))
            used, asked, began = cpu_ns(pid), endpoints.requests(), time.monotonic()
            time.sleep(seconds)
            took = time.monotonic() - began
            used, asked = cpu_ns(pid) - used, endpoints.requests() - asked
            if who == "gdnsd":
                gap, names, of = GDNSD_INTERVAL, own_name, probed
            else:
                gap, names, of = min(FAST, world.interval), name, given
            found = deaths(endpoints, port, world.deaths, gap=gap, name=names, address=of)
        wrong = 0 if who == "gdnsd" else healthy_failed(place)
    return {
        "cores": used / 1e9 / took,
        "requests_per_second": asked / took,
        "microseconds_per_request": used / 1e3 / asked if asked else 0.0,
        "healthy_failed": wrong,
        **quantiles(found),
    }


def idle_cores(seconds: float) -> float:
    """What the daemon takes that probes two endpoints, each once in a minute."""
    world = World(2, "http", 60.0, 0)
    with tempfile.TemporaryDirectory() as folder, crowd("http") as endpoints:
        port, place = free_port(), Path(folder)
        with serving(write_resolverd(place, port, endpoints.port, world), port, place) as pid:
            time.sleep(3)
            used = cpu_ns(pid)
            time.sleep(seconds)
            return (cpu_ns(pid) - used) / 1e9 / seconds


def run(world: World, who: list[str], chosen: argparse.Namespace) -> dict[str, Figures]:
    """The medians of each server's rounds, shown and written."""
    load = os.getloadavg()[0]
    rounds = [
        (server, measure(server, world, chosen.seconds))
        for _ in range(chosen.rounds)
        for server in who
    ]
    rows = {
        server: {
            key: statistics.median(row.get(key, 0.0) for s, row in rounds if s == server)
            for key in rounds[who.index(server)][1]
        }
        for server in who
    }
    head = ["server", *rows["resolverd"]]
    show(
        f"{world.endpoints} endpoints, {world.kind}, every {world.interval:g} s",
        [
            head,
            *([server, *(row.get(key, "") for key in head[1:])] for server, row in rows.items()),
        ],
    )
    print(f"  load average at the start: {load:.1f}")
    if "gdnsd" in rows:
        ours, theirs = rows["resolverd"], rows["gdnsd"]
        ratio = ours["microseconds_per_request"] / theirs["microseconds_per_request"]
        print(
            f"  CPU for each probe: {ratio:.2f} × gdnsd's (at its interval of {GDNSD_INTERVAL:g} s)"
        )
    settings = {**world._asdict(), "seconds": chosen.seconds, "rounds": chosen.rounds}
    result: dict[str, Any] = {"settings": settings, "load_average": load, "servers": rows}
    path = write(f"health-at-scale-{world.kind}-{world.endpoints}", result)
    print(f"  written: {path.name}")
    return rows


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=[*BARS], action="append", help="of the bars")
    options.add_argument("--endpoints", type=int, help="measure these, and no bar")
    options.add_argument("--kind", choices=["http", "tcp", "vllm"], default="http")
    options.add_argument("--interval", type=float, default=1.0)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--deaths", type=int, default=100)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--peer", action="store_true", help="gdnsd beside it, of kind http")
    options.add_argument("--idle", action="store_true", help="also what a daemon takes at rest")
    chosen = options.parse_args()
    allow_files(65536)
    if chosen.idle:
        print(f"an idle daemon: {idle_cores(chosen.seconds):.4f} cores")
    if chosen.endpoints is not None:
        world = World(chosen.endpoints, chosen.kind, chosen.interval, chosen.deaths)
        run(world, _servers(world, chosen), chosen)
        return 0
    met = True
    for bar in (BARS[only] for only in chosen.only or BARS):
        world = bar.world(chosen.deaths)
        met &= held(bar, run(world, _servers(world, chosen), chosen)["resolverd"])
    return 0 if met else 1


def _servers(world: World, chosen: argparse.Namespace) -> list[str]:
    return ["resolverd", *(["gdnsd"] if chosen.peer and world.kind == "http" else [])]


if __name__ == "__main__":
    sys.exit(main())
