"""How late the latest answers are, beside gdnsd in the same run, by turns.

    python -m bench.native.tails [--rounds 15] [--seconds 1]

Each server is asked at half of its own rate, by the clock; latency counts from when a query was
due. The native engine is asked quietly, then while a Steering is published each 100 ms, and then
while a zone of 100,000 names is reloaded again and again; gdnsd, which has neither, quietly in the
same round. Each bar is printed with its ratio and whether it is met.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from bench.load.build import build
from bench.native.run import DATABASE
from bench.native.sample import sample
from bench.native.start import Bench, opened, start_all
from bench.peers.gdnsd import Gdnsd
from bench.peers.resolverd import Resolverd, link
from bench.peers.server import Mode, Running
from bench.peers.world import World
from bench.report import machine, show, write

PUBLISH_INTERVAL = 0.1
BARS = {"p99": 1.0, "p99.9": 2.0}
"""The most that a quantile of ours may be, as a ratio to gdnsd's."""

Meanwhile = Callable[[], None]


def main() -> int:
    """Measure, print, write."""
    options = _options()
    build()
    with opened(lambda text: print(text, file=sys.stderr)) as bench:
        rows = [row for threads in (1, 2) for row in _rows(bench, threads, options)]
    shown = ["threads", "server", "meanwhile", "rate", *BARS]
    show("latency in µs (medians)", [shown, *([row[key] for key in shown] for row in rows)])
    bars = [bar for threads in (1, 2) for bar in _bars(rows, threads)]
    show("bars", [[*bars[0]], *([*bar.values()] for bar in bars)])
    measured = {"rounds": options.rounds, "seconds": options.seconds, "rows": rows, "bars": bars}
    print(f"written: {write('native-tails', {**machine(), **measured})}")
    return 0


def _rows(bench: Bench, threads: int, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    small = World(DATABASE)
    with ExitStack() as stack:
        (gdnsd, ours), _ = start_all(bench, stack, [Gdnsd(), Resolverd("native")], small, threads)
        (large,), _ = start_all(
            bench, stack, [Resolverd("native")], replace(small, names=100_000), threads
        )
        turns: list[tuple[Running, str, Meanwhile | None]] = [
            (gdnsd, "nothing", None),
            (ours, "nothing", None),
            (ours, "publishing", _publishing(ours)),
            (large, "reloading", lambda: void(large.adopt())),
        ]
        rates = {
            served.pid: statistics.median(
                sample(served, Mode.GEO, options.seconds).rate for _ in range(3)
            )
            / 2
            for served in (gdnsd, ours, large)
        }
        taken: dict[int, list[dict[str, float]]] = {number: [] for number in range(len(turns))}
        for number in range(options.rounds):
            bench.say(f"{threads} thread(s), round {number + 1} of {options.rounds}")
            for turn, (served, _, meanwhile) in enumerate(turns):
                with _repeating(meanwhile):
                    got = sample(served, Mode.GEO, options.seconds, rate=rates[served.pid])
                taken[turn].append(got.report["latency_us"])
    for turn, (served, meanwhile_name, _) in enumerate(turns):
        quantiles = {
            name: round(statistics.median(one[name] for one in taken[turn]), 1)
            for name in ("p50", *BARS)
        }
        yield {
            "threads": threads,
            "server": served.server.name,
            "meanwhile": meanwhile_name,
            "rate": round(rates[served.pid]),
            **quantiles,
            "all": {name: [one[name] for one in taken[turn]] for name in BARS},
        }


def void(_: object) -> None:
    """Nothing of it is wanted."""


def _publishing(served: Running) -> Meanwhile:
    """An order that changes what is answered, the next one back again."""
    admin, drains = link(served.site), itertools.cycle((True, False))
    region = next(iter(served.site.world.places())).name

    def publish() -> None:
        if next(drains):
            body = {"target": region, "kind": "drain", "why": "bench", "who": "bench"}
            admin.post("/override", body)
        else:
            admin.delete("/override", region, who="bench")

    return publish


@contextmanager
def _repeating(what: Meanwhile | None) -> Iterator[None]:
    """Do it again and again, each `PUBLISH_INTERVAL`, for as long as the context lasts."""
    if what is None:
        yield
        return
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(PUBLISH_INTERVAL):
            what()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _bars(rows: Sequence[dict[str, Any]], threads: int) -> Iterator[dict[str, Any]]:
    gdnsd, *ours = (row for row in rows if row["threads"] == threads)
    for row in ours:
        for name, bar in BARS.items():
            ratio = statistics.median(
                own / peer for own, peer in zip(row["all"][name], gdnsd["all"][name], strict=True)
            )
            yield {
                "threads": threads,
                "meanwhile": row["meanwhile"],
                "quantile": name,
                "ratio": round(ratio, 2),
                "bar": bar,
                "met": "yes" if ratio <= bar else "no",
            }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the latest answers, beside gdnsd")
    parser.add_argument("--rounds", type=int, default=15, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each load (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
