"""What a step of a tenth moves where blocks are unequal: by draws alone, and weighed.

    python -m bench.spill.steps [--seeds 20]

One region's clients in blocks as unequal as Zipf says. It is full from a moment on, so its share
grows by a tenth a minute up to a half, by the daemon's own code: what is sampled of the queries is
counted, blocks are placed when the share moves, and what follows is decided by where their blocks
stand. A step is the part of all queries to come that then goes away, less what went away before.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from bench.report import show, write
from bench.spill.simulate import block_of
from resolverd.config.model import Service
from resolverd.engine.block_samples import BlockSample, BlockSamples
from resolverd.load.weighing import Weighing
from resolverd.policy.share import Share, draw_of_word, draw_word

SERVICE, HOME = "chat", "near"
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
BAR = 0.02
"""How far from a tenth of the load a weighed step may be."""
MINUTE = 60


class Setting(NamedTuple):
    """How many blocks, Zipf's exponent of what they ask, and queries a second of all of them.

    `minutes` are counted before the first step.
    """

    blocks: int
    exponent: float = 1.2
    queries: int = 500
    minutes: int = 10


SETTINGS = (
    Setting(200),
    Setting(1000),
    Setting(5000),
    Setting(20_000),
    Setting(1000, queries=100_000),
    Setting(1000, queries=20),
    Setting(1000, minutes=1),
    Setting(1000, exponent=0.6),
    Setting(1000, exponent=0.0),
)


def main() -> int:
    """Measure, print, write; 1 where a weighed step of Zipf 1.2 misses the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    rows: list[tuple[Any, ...]] = [
        (
            "blocks",
            "Zipf",
            "queries/s",
            "known",
            "by draws: least",
            "most",
            "weighed: least",
            "most",
        )
    ]
    results, missed = [], False
    for setting in SETTINGS:
        steps = {
            weighed: [step for seed in seeds for step in moved(setting, seed, weighed=weighed)]
            for weighed in (False, True)
        }
        told = {weighed: _spread(found) for weighed, found in steps.items()}
        limits = [limit for step in told.values() for limit in (step["min"], step["max"])]
        known = f"{setting.minutes} min"
        rows.append((*setting[:3], known, *(f"{limit:.1%}" for limit in limits)))
        results.append(setting._asdict() | {"by_draws": told[False], "weighed": told[True]})
        missed |= max(abs(step - SHARES[0]) for step in steps[True]) > BAR
    show("share of the load that a step of 10 % moves", rows)
    path = write("spill-steps", {"seeds": len(seeds), "settings": results, "bar": BAR})
    print(f"\nwritten: {path.relative_to(path.parents[2])}")
    return int(missed)


def moved(setting: Setting, seed: int, *, weighed: bool) -> Iterator[float]:
    """What each step moves of the queries that come after it."""
    chance = random.Random(f"{setting}/{seed}")
    numbers = chance.sample(range(2**16), setting.blocks)
    words = [draw_word(block_of(HOME, number)) for number in numbers]
    weights = [(rank + 1) ** -setting.exponent for rank in range(len(words))]
    asking = _Asking(words, weights, setting.queries, chance)
    asking.pass_by(setting.minutes * MINUTE if weighed else 0)
    away = [0.0]
    for share in SHARES:
        asking.weighing.place(SERVICE, {HOME: Share(share), "far": Share(0.0, share)})
        own = asking.weighing.over({})[SERVICE, HOME]
        position = draw_of_word if own.positions is None else own.positions.of
        gone = sum(w for word, w in zip(words, weights, strict=True) if position(word) < share)
        away.append(gone / sum(weights))
        asking.pass_by(MINUTE if weighed else 0)
    yield from (after - before for before, after in pairwise(away))


class _Asking:
    """Clients that ask, of whose queries those are counted that a daemon would sample."""

    def __init__(
        self, words: list[int], weights: list[float], queries: int, chance: random.Random
    ) -> None:
        service = Service(regions=(HOME, "far"), policy="ttft")
        self.weighing, self._now = Weighing(), 0.0
        self.weighing.adopt({SERVICE: service}, self._now)
        self._words, self._weights = words, list(accumulate(weights))
        self._queries, self._chance = queries, chance

    def pass_by(self, seconds: int) -> None:
        """So many seconds of queries."""
        for _ in range(seconds):
            sampled = self.weighing.over({})[SERVICE, HOME].sampled
            count, rest = divmod(self._queries, sampled)
            count += self._chance.random() < rest / sampled
            kept = self._chance.choices(self._words, cum_weights=self._weights, k=count)
            self._now += 1.0
            samples = [BlockSample(SERVICE, HOME, word, sampled) for word in kept]
            self.weighing.take(BlockSamples(samples), self._now)


def _spread(steps: Sequence[float]) -> Mapping[str, float]:
    return {
        "min": round(min(steps), 4),
        "median": round(statistics.median(steps), 4),
        "max": round(max(steps), 4),
    }


if __name__ == "__main__":
    raise SystemExit(main())
