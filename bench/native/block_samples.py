"""What it costs an answer of the native engine that its client's block is sampled.

    python -m bench.native.block_samples [--rounds 200]

The same packets, by turns: not sampled, and one of so many kept. Each turn asks 4,096 packets,
which is what a worker has room for, and takes the samples before the next; ratios are taken within
a round. A daemon keeps some 256 samples a second of a region, so of 100,000 queries a second one
in 512.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Mapping
from dataclasses import replace

from bench.native.answer_path import CASES, SOURCE, served
from bench.native.run import DATABASE
from bench.native.spread import ratios_of_many
from bench.report import show, write
from resolverd.abi.tables import Asker, Packets, PlanTables, SnapshotTables
from resolverd.engine.block_samples import CAPACITY
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import plan_image, steering_image
from resolverd.snapshot.model import Steering

SAMPLED = (1, 16, 512)
CASE = "nearest, client subnet"
BAR = 1.02
"""What an answer may cost to one that is not sampled, where one of the most is kept."""


def main() -> int:
    """Measure, print, write; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    if not DATABASE.exists():
        print("no city database: .ci/databases fetches it", file=sys.stderr)
        return 1
    taken = measured(rounds)
    to_none = {n: ratios_of_many(taken[n], taken[0]) for n in SAMPLED}
    head = ("one kept of", "nanoseconds an answer", "to none kept")
    rows = [("none", statistics.median(taken[0]), 1.0)]
    rows += [(f"{n:,}", statistics.median(taken[n]), to_none[n]["median"]) for n in SAMPLED]
    show("sampling blocks", [head, *rows])
    path = write(
        "native-block-samples",
        {
            "rounds": rounds,
            "packets": CAPACITY,
            "nanoseconds": {str(n): statistics.median(times) for n, times in taken.items()},
            "to_none": {str(n): each for n, each in to_none.items()},
            "bar": BAR,
        },
    )
    print(f"\nwritten: {path.relative_to(path.parents[2])}")
    return 0 if to_none[SAMPLED[-1]]["median"] <= BAR else 1


def measured(rounds: int) -> Mapping[int, list[float]]:
    """Nanoseconds an answer in each round, by how many queries one is kept of; 0 for none."""
    plan, steering = served()
    image = plan_image(plan, CounterSlots())
    tables = PlanTables(image.octets, image.maps)
    snapshots = {
        n: SnapshotTables(tables, steering_image(_sampling(steering, n), plan))
        for n in (0, *SAMPLED)
    }
    asker, packets = Asker(), Packets(CASES[CASE](random.Random(7))[:CAPACITY])
    taken: dict[int, list[float]] = {n: [] for n in snapshots}
    turns = [*snapshots.items()]
    for _ in range(rounds):
        for sampled, snapshot in turns:
            asker.time(packets, SOURCE, snapshot)  # so that all find the same in the caches
            asker.blocks(CAPACITY)
            taken[sampled].append(asker.time(packets, SOURCE, snapshot))
            asker.blocks(CAPACITY)
        turns.append(turns.pop(0))
    return taken


def _sampling(steering: Steering, sampled: int) -> Steering:
    statuses = {
        service: {region: replace(status, sampled=sampled) for region, status in regions.items()}
        for service, regions in steering.statuses.items()
    }
    return replace(steering, statuses=statuses)


if __name__ == "__main__":
    raise SystemExit(main())
