"""What `latency` costs beside `nearest`: one set of databases, 50 regions, a million prefixes.

``python -m bench.map.latency [--turns 21] [DATABASE …]``. Maps of both policies are compiled in
turn, looked up in for the same clients, and answered from by turns (`answers`); the ratios are what
counts on a machine that does other things too, and CPU seconds beside those of the clock. Networks
are those that the databases have; a map has fewer prefixes, for equal neighbours are merged in it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.map.answers import Row, as_mapping, measure
from bench.map.compile import CITY, RUNS, lookups
from bench.map.two_services import NAMES, PREFIXES, REGIONS, map_of, measured_networks, served
from bench.report import show, write
from resolverd.abi.tables import PlanTables, SnapshotTables
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import plan_image, steering_image
from resolverd.geo.locator import Locator
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.model import Plan


class _Compiled(NamedTuple):
    """One map, and the seconds that it took, by the clock and of CPU."""

    clients: CompiledClientMap
    seconds: float
    cpu_seconds: float


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.map.latency")
    parser.add_argument("databases", nargs="*", type=Path, default=[CITY])
    parser.add_argument("--turns", type=int, default=21)
    asked = parser.parse_args(arguments)
    locator = Locator.open(asked.databases)
    plan, steering = served(locator)
    measured: dict[str, object] = {
        "databases": [path.name for path in asked.databases],
        "networks": [one["networks"] for one in locator.describe()],
        "regions": REGIONS,
        "prefixes": PREFIXES,
        "runs": RUNS,
        **_compiled(plan),
    }
    slots = CounterSlots()
    image = plan_image(plan, slots)
    tables = PlanTables(image.octets, image.maps)
    snapshot = SnapshotTables(tables, steering_image(steering, plan))
    show("latency beside nearest", [("what", "measured"), *measured.items()])
    rows = measure(snapshot, measured_networks(plan), asked.turns)
    show("a whole answer, ns", [_HEAD, *map(_cells, rows)])
    write("map-latency", {**measured, "turns": asked.turns, "answers": list(map(as_mapping, rows))})
    return 0


def _compiled(plan: Plan) -> dict[str, object]:
    """Both maps compiled again by turns, and latency's again over an earlier one of its own."""
    best: dict[str, _Compiled] = {}
    for _ in range(RUNS):
        before = None
        for name in (*NAMES, "again"):
            policy = "latency" if name == "again" else name
            made = _compile(map_of(plan, policy), before if name == "again" else None)
            before = made.clients
            if name not in best or made.seconds < best[name].seconds:
                best[name] = made
    answers = {name: lookups(made.clients) for name, made in best.items()}
    measured: dict[str, object] = {}
    for name, made in best.items():
        measured |= {
            f"{name}_seconds": made.seconds,
            f"{name}_cpu_seconds": made.cpu_seconds,
            f"{name}_map_prefixes": made.clients.size.leaves,
            f"{name}_lists": made.clients.size.lists,
            f"{name}_bytes": made.clients.size.octets,
        } | {f"{name}_lookup_{family}_ns": ns for family, ns in answers[name].items()}
    sizes = [best[name].clients.size.octets for name in ("latency", "nearest")]
    measured["memory_ratio"] = sizes[0] / sizes[1]
    for family, ns in answers["nearest"].items():
        measured[f"lookup_{family}_ratio"] = answers["latency"][family] / ns
    return measured


def _compile(like: CompiledClientMap, before: CompiledClientMap | None) -> _Compiled:
    began, cpu = time.perf_counter(), time.process_time()
    clients = CompiledClientMap(*like.source, earlier=before)
    return _Compiled(clients, time.perf_counter() - began, time.process_time() - cpu)


_HEAD = ("clients", "how", "nearest", "latency", "ratio", "middle half", "least–most")


def _cells(row: Row) -> tuple[object, ...]:
    low, high = row.middle_half
    return (
        *(row.clients, row.how),
        *(row.nanoseconds[policy]["median"] for policy in NAMES),
        row.ratio["median"],
        f"{low:.3f}–{high:.3f}",
        f"{row.ratio['min']:.3f}–{row.ratio['max']:.3f}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
