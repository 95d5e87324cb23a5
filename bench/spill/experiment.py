"""What is tried: six policies over one trace, and what happens when the setting changes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.spill.queueing import Size, World
from bench.spill.simulate import ROUND_TRIP, Blocks, Served, requests, run
from bench.spill.steering import Counted, LeastLoaded, LeastLoadedAsRead, Nearest, Policy, Resolverd
from bench.spill.trace import HOMES, REGIONS, SUDDEN, Burst, generated, read
from resolverd.config.model import Service

OURS = "spill"
BY_COST = "ttft"
PRODUCT = (OURS, BY_COST)
# Name, and whether a resolver keeps its answers. Without that it is no DNS: a load balancer that
# knows everything and decides for each request.
POLICIES = {
    "nearest": True,
    "least-loaded": True,
    "least-loaded, as read": True,
    "least-loaded, per request": False,
    OURS: True,
    BY_COST: True,
}
TTL = 60.0
MINUTE = 60.0
BURST = HOMES[0].bursts[0]
FAR = max(ROUND_TRIP.values())
# What the daemon would reckon from coordinates, in ms.
BETWEEN = {
    home: {region: 1000 * ROUND_TRIP[home, region] for region in REGIONS} for home in REGIONS
}


class Scenario(NamedTuple):
    """What is varied. `load` multiplies the trace's rates; `sudden` lets bursts begin at once."""

    name: str = "the trace"
    ttl: float = TTL
    load: float = 1.0
    size: Size = Size()
    blocks: Blocks = Blocks()
    sudden: bool = False


BASE = Scenario()
VARIED = (
    *(Scenario(f"TTL {ttl} s", ttl=float(ttl)) for ttl in (10, 30, 120, 300)),
    *(Scenario(f"load × {load}", load=load) for load in (0.7, 0.8, 0.9, 1.1, 1.2, 1.3)),
    Scenario("bursts within 10 s", sudden=True),
    Scenario("the queue alone tells", size=Size(kv_full=0.5)),
    Scenario("50 large resolvers", blocks=Blocks(50, 1.0)),
    Scenario("regions of 16 replicas", size=Size(replicas=16)),
)


class Result(NamedTuple):
    """One run; times in seconds, shares from 0 to 1.

    `burst` is the p95 of what came during the first burst, `minutes` has that of each minute.
    `asked` is how many DNS queries came for a request.
    """

    p50: float
    p95: float
    p99: float
    most: float
    burst: float
    away: float
    farthest: float
    asked: float
    episodes: int
    minutes: tuple[float, ...]
    moved: tuple[float, ...]


def tried(
    scenario: Scenario, policy: str, seed: int, rates: Sequence[tuple[float, ...]] | None = None
) -> Result:
    """One run of one policy; over the trace, unless other `rates` are given."""
    if rates is None:
        rates = generated(SUDDEN) if scenario.sudden else read()
    asked = requests(rates, scenario.size, scenario.blocks, scenario.load, seed)
    world = World(REGIONS, scenario.size, len(asked))
    steering = _policy(policy, scenario, world)
    counted = Counted(steering)
    served = run(asked, world, counted, caches=POLICIES[policy])
    times = sorted(request.seconds for request in served)
    return Result(
        p50=quantile(times, 0.50),
        p95=quantile(times, 0.95),
        p99=quantile(times, 0.99),
        most=times[-1],
        burst=_during(BURST, served),
        away=statistics.fmean(request.region != request.home for request in served),
        farthest=statistics.fmean(
            ROUND_TRIP[request.home, request.region] == FAR for request in served
        ),
        asked=counted.answers / len(served),
        episodes=steering.episodes if isinstance(steering, Resolverd) else 0,
        minutes=tuple(_by_minute(served)),
        moved=tuple(_moved_by_minute(served)),
    )


def summary(results: Sequence[Result]) -> Mapping[str, Any]:
    """The runs of one policy in one setting: median, least and most of each figure."""
    return {
        name: _spread([getattr(result, name) for result in results])
        for name in ("p50", "p95", "p99", "most", "burst", "away", "farthest", "asked", "episodes")
    }


def _policy(name: str, scenario: Scenario, world: World) -> Policy:
    match name:
        case "nearest":
            return Nearest(scenario.ttl)
        case "least-loaded, as read":
            return LeastLoadedAsRead(scenario.ttl)
        case "least-loaded" | "least-loaded, per request":
            return LeastLoaded(scenario.ttl, world.outstanding)
        case "ttft":
            service = Service(regions=REGIONS, ttl=scenario.ttl, policy="ttft")
            return Resolverd(service, scenario.size.replicas, BETWEEN)
        case _:
            service = Service(regions=REGIONS, ttl=scenario.ttl)
            return Resolverd(service, scenario.size.replicas)


def quantile(ordered: Sequence[float], part: float) -> float:
    """The least value that at least this part of all does not exceed."""
    return ordered[max(0, -(-len(ordered) * round(part * 100) // 100) - 1)]


def _during(burst: Burst, served: Sequence[Served]) -> float:
    times = sorted(request.seconds for request in served if burst.at(request.at) > 0)
    return quantile(times, 0.95) if times else 0.0


def _by_minute(served: Sequence[Served]) -> list[float]:
    return [quantile(sorted(s.seconds for s in one), 0.95) for one in _minutes(served)]


def _moved_by_minute(served: Sequence[Served]) -> list[float]:
    """The share of the first home's requests that another region served."""
    return [
        statistics.fmean([s.region != s.home for s in one if s.home == REGIONS[0]])
        for one in _minutes(served)
    ]


def _minutes(served: Sequence[Served]) -> list[list[Served]]:
    """Requests by the minute of their arrival."""
    split: list[list[Served]] = [[] for _ in range(int(served[-1].at / MINUTE) + 1)]
    for request in served:
        split[int(request.at / MINUTE)].append(request)
    return split


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }
