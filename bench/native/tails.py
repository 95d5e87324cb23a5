"""How late the latest answers are, beside gdnsd and the echo in the same run, by turns.

    python -m bench.native.tails [--threads 1 2] [--rounds 40] [--seconds 0.5]

Each server is asked at half of its own rate, by the clock. Latency is from when a query was sent
until the kernel had its answer, so that for how long the generator, a guest of two cores, was off
its own before it looked is charged to nobody (`bench/load/stamp.h` says what of it stays). Each
quantile is told as the generator saw it too: from when a query was due until it read the answer.

The native engine is asked quietly, then while a Steering is published each 100 ms, and then while
a zone of 100,000 names is reloaded again and again, from a moment of a reload that chance chooses:
at once, and a second after the last one ended. gdnsd is asked quietly in the same round, and while
it reloads the same zone in the same ways; and the echo, whose tail is the machine's. Quantiles are
those of all turns together, and so are the ratios that the bars are about; beside them stands where
nine in ten lie when rounds are drawn anew. The bars are about gdnsd's quiet tail, and, where the
engine reloads, about gdnsd's at the same too, which is like beside like.

A quantile of all turns together may be that of a few in which something else had the core: where
that is about 1 % of the time, it is p99, and chance decides. So each is also told of the middle
turn, the median of the turns' own: as late as half of the turns were.

A query that got no answer counts as the latest of all. gdnsd's receive buffer is the system's,
which holds less than 2 ms of queries: what a stall delays by more is lost, and would be missing
from its tail. So gdnsd is asked with the largest buffer that it takes as well, the bars are about
whichever of both is the earlier at a quantile, and the echo has the native engine's buffer.

A turn in which others, the hypervisor's other guests among them, kept more than `--others` of a
core busy is taken again, whichever server it is of, a few times at most.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from bench.load.build import build
from bench.native import histogram
from bench.native.histogram import Histogram
from bench.native.meanwhile import INTERVAL, Meanwhile, publishing, reloading, repeated
from bench.native.others import Others
from bench.native.run import DATABASE
from bench.native.sample import sample
from bench.native.start import Bench, opened, start_all
from bench.peers.echo import Echo
from bench.peers.gdnsd import MOST_RECEIVE_BUFFER, Gdnsd
from bench.peers.resolverd import Resolverd
from bench.peers.server import Mode, Running
from bench.peers.world import World
from bench.report import machine, show, write
from resolverd.engine.sockets import RECEIVE_BUFFER

BARS = {"p99": 1.0, "p99.9": 2.0}
"""The most that a quantile of ours may be, as a ratio to gdnsd's."""
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
_NAMES = 100_000
_RATE_TURNS = 5
# Times that a turn is taken at most: more would take a busy machine's whole day.
_TRIES = 3
# Seconds of a reload at most that pass before the load begins.
_INTO_A_RELOAD = 3.0
_NOW_AND_THEN, _SECOND = "reloading, a second apart", 1.0


@dataclass(slots=True)
class Turn:
    """One server with what it does meanwhile, and what was measured of it in each round.

    `seen` are latencies as the generator saw them, its own delays with them.
    """

    served: Running
    name: str
    what: Meanwhile | None
    pause: float = INTERVAL
    histograms: list[Histogram] = field(default_factory=list)
    seen: list[Histogram] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    stalled: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    def take(self, seconds: float, rate: float, others_most: float) -> None:
        """Measure a round."""
        for _ in range(_TRIES):
            with repeated(self.what, self.pause):
                if self.what and self.name != "publishing":
                    time.sleep(random.uniform(0, _INTO_A_RELOAD))
                with Others() as others:
                    got = sample(self.served, Mode.GEO, seconds, rate=rate, stamped=True)
            if others.cores <= others_most:
                break
        self.histograms.append(histogram.read(got.report["stamped_ns"], got.lost))
        self.seen.append(histogram.read(got.report["latency_ns"], got.lost))
        self.lost.append(got.lost / max(1, got.sent))
        self.stalled.append(got.report["stalled"])
        self.others.append(others.cores)

    def quantile_us(self, name: str) -> float:
        """One of `SHARES`, of all rounds together, in microseconds."""
        return _quantile_us(self.histograms, name)

    def middle_us(self, name: str) -> float:
        """The same of the middle turn."""
        return histogram.middle_us(self.histograms, SHARES[name])

    def row(self, rate: float) -> dict[str, Any]:
        """All rounds together; shares of lost queries and of stalls of the generator, and what
        others took, are means."""
        return {
            "server": self.served.server.name,
            "meanwhile": self.name,
            "rate": round(rate),
            **{name: round(self.quantile_us(name), 1) for name in SHARES},
            **{f"{name} seen": round(_quantile_us(self.seen, name), 1) for name in SHARES},
            **{f"{name} of the middle turn": round(self.middle_us(name), 1) for name in SHARES},
            "lost": round(statistics.mean(self.lost), 5),
            "generator stalled": round(statistics.mean(self.stalled), 4),
            "others' cores": round(statistics.mean(self.others), 3),
        }


def main() -> int:
    """Measure, print, write."""
    options = _options()
    build()
    rows: list[dict[str, Any]] = []
    bars: list[dict[str, Any]] = []
    with opened(lambda text: print(text, file=sys.stderr)) as bench:
        for threads in options.threads:
            turns, rates = _measured(bench, threads, options)
            rows += ({"threads": threads, **turn.row(rates[turn.served.pid])} for turn in turns)
            bars += ({"threads": threads, **bar} for bar in _bars(turns))
    for title, table in (("latency in µs", rows), ("bars", bars)):
        show(title, [[*table[0]], *([*row.values()] for row in table)])
    measured = {"rounds": options.rounds, "seconds": options.seconds, "rows": rows, "bars": bars}
    print(f"written: {write('native-tails', {**machine(), **measured})}")
    return 0


def _measured(
    bench: Bench, threads: int, options: argparse.Namespace
) -> tuple[list[Turn], dict[int, float]]:
    """The turns, gdnsd's first, then those that none is compared with; each server's rate."""
    small = World(DATABASE)
    with ExitStack() as stack:
        peers = [Gdnsd(), Gdnsd(MOST_RECEIVE_BUFFER), Echo(RECEIVE_BUFFER)]
        servers = [*peers, Resolverd("native")]
        (gdnsd, roomy, echo, ours), _ = start_all(bench, stack, servers, small, threads)
        named = replace(small, names=_NAMES)
        reloaded = [Gdnsd(MOST_RECEIVE_BUFFER), Resolverd("native")]
        (gdnsd_named, ours_named), _ = start_all(bench, stack, reloaded, named, threads)
        turns = [
            Turn(gdnsd, "nothing", None),
            Turn(roomy, "nothing", None),
            Turn(echo, "nothing", None),
            Turn(gdnsd_named, "reloading", reloading(gdnsd_named)),
            Turn(gdnsd_named, _NOW_AND_THEN, reloading(gdnsd_named), _SECOND),
            Turn(ours, "nothing", None),
            Turn(ours, "publishing", publishing(ours)),
            Turn(ours_named, "reloading", reloading(ours_named)),
            Turn(ours_named, _NOW_AND_THEN, reloading(ours_named), _SECOND),
        ]
        asked = [gdnsd, roomy, echo, gdnsd_named, ours, ours_named]
        rates = _half_rates(asked, options.seconds)
        for number in range(options.rounds):
            bench.say(f"{threads} thread(s), round {number + 1} of {options.rounds}")
            for turn in random.sample(turns, len(turns)):
                turn.take(options.seconds, rates[turn.served.pid], options.others)
    return turns, rates


def _half_rates(servers: Sequence[Running], seconds: float) -> dict[int, float]:
    """Half of what each answers when asked for all it can, by its process; taken by turns."""
    turns = [[sample(one, Mode.GEO, seconds).rate for one in servers] for _ in range(_RATE_TURNS)]
    medians = (statistics.median(rates) for rates in zip(*turns, strict=True))
    return {one.pid: rate / 2 for one, rate in zip(servers, medians, strict=True)}


def _bars(turns: list[Turn]) -> Iterator[dict[str, Any]]:
    """Ours beside gdnsd's quiet turn, and beside the turn in which gdnsd does the same."""
    gdnsd, roomy, _echo, *others = turns
    of_ours = [turn for turn in others if isinstance(turn.served.server, Resolverd)]
    alike = {turn.name: turn for turn in others if turn not in of_ours}
    for turn in of_ours:
        for name in BARS:
            yield _bar(turn, [gdnsd, roomy], name)
        if turn.name in alike:
            yield from (_bar(turn, [alike[turn.name]], name) for name in BARS)


def _bar(turn: Turn, peers: Sequence[Turn], name: str) -> dict[str, Any]:
    """Ours beside whichever of these is the earlier."""
    peer = min(peers, key=lambda one: one.quantile_us(name))
    asked = turn.histograms, peer.histograms, SHARES[name]
    ratio, bar = histogram.ratio(*asked), BARS[name]
    low, high = histogram.interval(*asked)
    seen = histogram.ratio(turn.seen, peer.seen, SHARES[name])
    return {
        "meanwhile": turn.name,
        "gdnsd meanwhile": peer.name,
        "quantile": name,
        "ratio": round(ratio, 2),
        "by chance": f"{low:.2f}–{high:.2f}",
        "seen": round(seen, 2),
        "middle turn": round(turn.middle_us(name) / min(one.middle_us(name) for one in peers), 2),
        "bar": bar,
        "met": "yes" if max(ratio, seen) <= bar else "no",
    }


def _quantile_us(histograms: Sequence[Histogram], name: str) -> float:
    return histogram.quantile_us(histogram.pooled(histograms), SHARES[name])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the latest answers, beside gdnsd")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(1 2)")
    parser.add_argument("--rounds", type=int, default=40, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each load (%(default)s)")
    parser.add_argument(
        "--others", type=float, default=0.1, help="cores that others may take (%(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
