"""One run: requests of a trace arrive, ask for a region or know one already, and wait their turn.

Clients come in blocks, each behind a cache of its own that keeps an answer for its TTL, as
resolvers do that send client subnets. Some blocks are larger than others (Zipf). Everything
random is drawn before the run from a seed, so that each policy meets the same requests.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

from bench.spill.queueing import Size, Waiting, World
from bench.spill.steering import PROBE, Answer, Policy, Seen
from bench.spill.trace import REGIONS, STEP
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.policy.ranking import PreferenceList

# Round trips in seconds, from the clients of one region to another.
ROUND_TRIP = {
    ("near", "near"): 0.037, ("near", "middle"): 0.279, ("near", "far"): 0.456,
    ("middle", "near"): 0.279, ("middle", "middle"): 0.037, ("middle", "far"): 0.456,
    ("far", "near"): 0.456, ("far", "middle"): 0.279, ("far", "far"): 0.037,
}  # fmt: skip
# Seconds between two looks at a region's metrics.
INTERVAL = PROBE.interval
# Answers differ in length: log-normal, with this sigma.
SPREAD = 0.8


class Blocks(NamedTuple):
    """The clients of each home: how many blocks, and Zipf's exponent of their sizes."""

    number: int = 1000
    exponent: float = 0.6


class Request(NamedTuple):
    """When, from where, and how long its answer takes, in seconds."""

    at: float
    home: str
    block: int
    seconds: float


class Served(NamedTuple):
    """What became of one request: its network and queueing time in seconds, and where it went."""

    at: float
    home: str
    region: str
    seconds: float


def preference(home: str) -> PreferenceList:
    """The regions by distance."""
    return tuple(sorted(REGIONS, key=lambda region: ROUND_TRIP[(home, region)]))


def block_of(home: str, number: int) -> Prefix:
    """The /24 of a block."""
    return parse_prefix(f"{10 + REGIONS.index(home)}.{number >> 8}.{number & 255}.0/24")


def requests(
    rates: Sequence[tuple[float, ...]], size: Size, blocks: Blocks, load: float, seed: int
) -> list[Request]:
    """All requests in the order of their arrival; `load` multiplies the trace's rates."""
    dice = random.Random(seed)
    mean = math.log(size.seconds) - SPREAD**2 / 2
    weights = list(accumulate((n + 1) ** -blocks.exponent for n in range(blocks.number)))
    streams = []
    for place, home in enumerate(REGIONS):
        times = list(_arrivals([row[place] * size.capacity * load for row in rates], dice))
        chosen = dice.choices(range(blocks.number), cum_weights=weights, k=len(times))
        streams.append(
            [
                Request(at, home, block, dice.lognormvariate(mean, SPREAD))
                for at, block in zip(times, chosen, strict=True)
            ]
        )
    return list(heapq.merge(*streams))


def _arrivals(rates: Sequence[float], dice: random.Random) -> Iterator[float]:
    """A Poisson process whose rate changes from step to step."""
    for step, rate in enumerate(rates):
        at = step * STEP
        while rate and (at := at + dice.expovariate(rate)) < (step + 1) * STEP:
            yield at


def run(asked: Sequence[Request], world: World, policy: Policy, *, caches: bool) -> list[Served]:
    """Simulate all requests; those that still wait at the end wait until it is their turn.

    Without `caches` the policy decides anew for each request.
    """
    lists = {home: preference(home) for home in REGIONS}
    cached: dict[tuple[str, int], tuple[float, str]] = {}
    placed: list[str] = []
    scrapes = _scrapes(asked[-1].at)
    scrape_at, scraped = next(scrapes)
    for number, request in enumerate(asked):
        while scrape_at <= request.at:
            world.until(scrape_at)
            policy.scraped(scraped, _seen(world, scraped), scrape_at)
            scrape_at, scraped = next(scrapes)
        world.until(request.at)
        key = (request.home, request.block)
        until, region = cached.get(key, (0.0, ""))
        if until <= request.at or not caches:
            answer = _asked(policy, key, lists[request.home], request.at)
            region = answer.region
            cached[key] = (request.at + answer.ttl, region)
        world.arrive(region, request.at, Waiting(request.at, request.seconds, number))
        placed.append(region)
    world.until(math.inf)
    return [
        Served(r.at, r.home, region, ROUND_TRIP[(r.home, region)] + (waited or 0.0))
        for r, region, waited in zip(asked, placed, world.waited, strict=True)
    ]


def _asked(policy: Policy, key: tuple[str, int], listed: PreferenceList, now: float) -> Answer:
    return policy.answer(block_of(*key), listed, now)


def _scrapes(last: float) -> Iterator[tuple[float, str]]:
    """When which region is read: each every `INTERVAL`, and not all at once."""
    offsets = [INTERVAL * (n + 1) / len(REGIONS) for n in range(len(REGIONS))]
    rounds = int(last / INTERVAL) + 2
    for count in range(rounds):
        for offset, region in zip(offsets, REGIONS, strict=True):
            yield count * INTERVAL + offset, region
    yield math.inf, ""


def _seen(world: World, region: str) -> list[Seen]:
    size = world.size
    return [
        Seen(r.running, len(r.queue), size.kv_full * r.running / size.places, r.completed)
        for r in islice(world.replicas[region], size.replicas)
    ]
