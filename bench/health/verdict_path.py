"""What a verdict waits for, and what the daemon's loop did meanwhile.

    python -m bench.health.verdict_path [--endpoints 5000] [--deaths 50] [--worst 5]

Endpoints begin to fail as in `at_scale`, beside a daemon that is timed (`traced_daemon`). Shown are
the parts of the delay from the first failing answer to the other answer on the wire, in ms:

    2nd, 3rd  how late the second and the third failing probe began, by the one before
    probe     what the third took, to its verdict
    gather    from there until the daemon begins to make a Steering
    make      until it is handed to the engine
    thread    until a thread begins with it
    serve     until it is served
    seen      until an answer shows it

the longest pieces of work of the loop, and those that the worst delays met.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.health.crowd import crowd
from bench.health.deaths import deaths
from bench.health.scale_world import FALL, FAST, World, given, name, probed, write_resolverd
from bench.health.serving import serving
from bench.peers.server import free_port
from bench.report import allow_files, show

# The parts after the verdict, each with the mark that ends it.
_MARKS = {"gather": "steer", "make": "hands", "thread": "thread", "serve": "served"}
_WORK = 30  # pieces of work in the list
_SHORT = 0.003  # seconds from which a piece of work is shown beside a delay

Span = tuple[float, float, float, str]


class Death(NamedTuple):
    """One endpoint's: seconds by part, and from when to when a verdict was waited for."""

    delay: float
    parts: dict[str, float]
    began: float
    moved: float


def traced(world: World) -> tuple[dict[str, Any], dict[int, tuple[float, float]]]:
    """What the daemon wrote, and when each death was first answered and then seen."""
    with tempfile.TemporaryDirectory() as folder, crowd(world.kind) as endpoints:
        port, place = free_port(), Path(folder)
        command = write_resolverd(place, port, endpoints.port, world)
        at = command.index("resolverd")
        command[at : at + 1] = ["bench.health.traced_daemon", str(place / "trace")]
        command.remove("-P")  # it is started where `bench` lies
        with serving(command, port, place):
            time.sleep(6.0)
            found = deaths(endpoints, port, world.deaths, gap=FAST, name=name, address=given)
        failed = endpoints.first_failed
        seen = {n: (failed[probed(n)], at) for n, at in found.moved.items() if probed(n) in failed}
        trace: dict[str, Any] = json.loads((place / "trace").read_text())
        return trace, seen


def divided(trace: dict[str, Any], seen: dict[int, tuple[float, float]]) -> Iterator[Death]:
    """Each death by its parts; without those of which not all was traced."""
    failures = defaultdict(list)
    rest = []
    for at, what, url, began in trace["marks"]:
        if what == "failed":
            failures[url.partition("//")[2].partition(":")[0]].append((at, began))
        else:
            rest.append((at, what))
    for number, (failed, moved) in seen.items():
        probes = failures[probed(number)][:FALL]
        if len(probes) < FALL:
            continue
        starts = [began for _, began in probes]
        at = judged = probes[-1][0]
        parts = {"2nd": starts[1] - starts[0] - FAST, "3rd": starts[2] - starts[1] - FAST}
        parts["probe"] = judged - starts[2]
        for part, mark in _MARKS.items():
            reached = next((t for t, what in rest if what == mark and t >= at), moved)
            parts[part], at = reached - at, reached
        parts["seen"] = moved - at
        yield Death(moved - failed - (FALL - 1) * FAST, parts, starts[0], moved)


def show_work(spans: list[Span]) -> None:
    """The longest pieces of work, by name."""
    by_name = defaultdict(list)
    for _, took, used, what in spans:
        by_name[what].append((took, used))
    rows = [
        [1e3 * max(took for took, _ in all_of), len(all_of),
         1e3 * sum(took for took, _ in all_of), 1e3 * sum(used for _, used in all_of), what]
        for what, all_of in sorted(by_name.items(), key=lambda kv: -max(kv[1])[0])[:_WORK]
    ]  # fmt: skip
    show("the longest pieces of work of the loop", [["ms", "times", "ms in all", "CPU", ""], *rows])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--endpoints", type=int, default=5000)
    options.add_argument("--deaths", type=int, default=50)
    options.add_argument("--worst", type=int, default=5, help="deaths shown with what they met")
    chosen = options.parse_args()
    allow_files(65536)
    trace, seen = traced(World(chosen.endpoints, "http", 1.0, chosen.deaths))
    found = sorted(divided(trace, seen), key=lambda death: -death.delay)
    if not found:
        print("no death was seen")
        return 1
    rows: list[list[Any]] = [["", "median", "p90", "most"]]
    for part in ["delay", *found[0].parts]:
        values = sorted(1e3 * (d.delay if part == "delay" else d.parts[part]) for d in found)
        rows.append([part, statistics.median(values), values[len(values) * 9 // 10], values[-1]])
    show(f"{len(found)} deaths among {chosen.endpoints} endpoints, ms", rows)
    first = min(death.began for death in found)
    show_work([tuple(span) for span in trace["spans"] if span[0] >= first])
    for death in found[: chosen.worst]:
        parts = ", ".join(f"{part} {1e3 * took:.1f}" for part, took in death.parts.items())
        print(f"\n{1e3 * death.delay:.1f} ms: {parts}")
        for began, took, _, what in trace["spans"]:
            if took >= _SHORT and began < death.moved and began + took > death.moved - 0.1:
                print(f"  {1e3 * (began - death.moved):7.1f} {1e3 * took:6.1f} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
