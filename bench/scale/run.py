"""What many zones and regions cost, beside the smallest set-up and beside gdnsd, in one run.

    python -m bench.scale.run [--rounds 5] [--seconds 0.5] [--small] [--sizes "200 regions"]
                              [--before DIRECTORY]

Each server starts twice over each size, first with nothing kept, then again; the second goes on,
and answers on one core by turns with the smallest of its kind. A service has at most 255 regions
(254 in gdnsd), so that 1,000 are those of a hundred services in four sets, each with a client map
of its own. Memory is the proportional set five seconds after the first answer. `--small` is over
the embedded table. Each bar is printed with its ratio and whether it is met.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.load.build import build
from bench.native.sample import SERVER_CPU, Sample, sample
from bench.native.start import Bench, opened
from bench.peers.gdnsd import Gdnsd
from bench.peers.process import keep_on
from bench.peers.resolverd import Resolverd
from bench.peers.server import FailedError, Mode, Running, Server, running
from bench.peers.world import World
from bench.report import machine, show, write
from bench.start.memory import proportional, resident_peaks
from bench.start.run import DATABASE, SETTLED, Before
from resolverd.geo import embedded

SMALLEST, REGIONS = "1 zone, 4 regions", "200 regions"
ZONES, ALL = "10,000 zones", "10,000 zones, 1,000 regions, 100 services"
SIZES: dict[str, dict[str, Any]] = {
    SMALLEST: {},
    REGIONS: {"regions": 200},
    ZONES: {"zones": 10_000},
    ALL: {"zones": 10_000, "regions": 1000, "services": 100},
}
# What is compared, with what it is divided by (None where it is in seconds), and the bar.
BARS = (
    ("memory ÷ smallest", REGIONS, "pss_mib", SMALLEST, 1.2),
    ("first start, s", ALL, "first_s", None, 5.0),
    ("start, s", ALL, "again_s", None, 5.0),
    ("answer ÷ smallest", ALL, "to_smallest", None, 1.10),
)


def main() -> int:
    """Measure, print, write."""
    options = _options()
    build()
    servers: list[Server] = [Gdnsd()]
    servers += [Resolverd(engine, own_state=True) for engine in ("native", "reference")]
    servers += [Before(e, root) for root in options.before for e in ("native", "reference")]
    sizes = {size: SIZES[size] for size in SIZES if size in (SMALLEST, *options.sizes)}
    rows: list[dict[str, Any]] = []
    with opened(lambda text: print(text, file=sys.stderr, flush=True)) as bench:
        database = DATABASE
        if options.small:
            database = bench.place / "small.mmdb"
            database.write_bytes(embedded.content())
        for server in servers:
            if options.only in server.name:
                rows += _rows(bench, server, World(database), sizes, options)
        absent = bench.absent
    bars = [bar for server in servers for bar in _bars(rows, server)]
    if rows:
        show("sizes", [[*rows[0]], *([*row.values()] for row in rows)])
    if bars:
        show("bars", [[*bars[0]], *([*bar.values()] for bar in bars)])
    for name, why in absent.items():
        print(f"left out: {name}: {why}")
    load = os.getloadavg()[0]
    measured = {"database": database.name, "load": load, "rows": rows, "bars": bars}
    print(f"written: {write('scale', {**machine(), **measured, 'absent': absent})}")
    return 0


def _rows(
    bench: Bench,
    server: Server,
    world: World,
    sizes: dict[str, dict[str, Any]],
    options: argparse.Namespace,
) -> Iterator[dict[str, Any]]:
    """A row for each size of one server."""
    with ExitStack() as stack:
        rows, served = {}, {}
        for size, change in sizes.items():
            site = bench.site(f"{server.name} {size}", replace(world, **change))
            bench.say(f"starting {server.name}: {size}")
            try:
                with running(server, site) as first:
                    first_s = first.start_s
                    time.sleep(2.0)  # until what is to be kept is written
                again = served[size] = stack.enter_context(running(server, site))
            except FailedError as error:
                bench.absent[f"{server.name}: {size}"] = str(error).strip()
                bench.say(f"it is left out: {error}")
                continue
            time.sleep(SETTLED)
            pss, peak = proportional(again.pid), resident_peaks(again.pid)
            rows[size] = {
                "server": server.name,
                "size": size,
                "first_s": round(first_s, 2),
                "again_s": round(again.start_s, 2),
                "pss_mib": round(pss, 1),
                "peak_mib": round(peak, 1),
            }
        for size, ratio in _costs(bench, served, options).items():
            yield {**rows[size], "to_smallest": round(ratio, 3)}


def _costs(
    bench: Bench, served: dict[str, Running], options: argparse.Namespace
) -> dict[str, float]:
    """What an answer costs the threads that answer, by size, to the smallest: medians of rounds."""
    taken: dict[str, list[Sample]] = {size: [] for size in served}
    for one in served.values():
        keep_on(one.pid, [SERVER_CPU])
    for number in range(options.rounds):
        bench.say(f"answers, round {number + 1} of {options.rounds}")
        for size, one in served.items():
            sample(one, Mode.GEO, min(0.1, options.seconds / 4))
            taken[size].append(sample(one, Mode.GEO, options.seconds))
    return {
        size: statistics.median(
            mine.answering / base.answering
            for mine, base in zip(samples, taken[SMALLEST], strict=True)
        )
        for size, samples in taken.items()
        if samples
    }


def _bars(rows: Sequence[dict[str, Any]], server: Server) -> Iterator[dict[str, Any]]:
    of = {row["size"]: row for row in rows if row["server"] == server.name}
    for what, size, key, base, bar in BARS:
        if size in of and (base is None or base in of):
            ratio = of[size][key] / (of[base][key] if base else 1)
            yield {
                "server": server.name,
                "what": what,
                "size": size,
                "ratio": round(ratio, 3),
                "bar": bar,
                "met": "yes" if ratio <= bar else "no",
            }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="many zones and regions, beside gdnsd")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each load (%(default)s)")
    parser.add_argument("--small", action="store_true", help="over the embedded city table")
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="SIZE", help="(all)")
    parser.add_argument("--only", default="", metavar="NAME", help="servers with it in their names")
    parser.add_argument("--before", type=Path, action="append", default=[], metavar="DIRECTORY")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
