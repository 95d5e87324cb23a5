"""What `latency` costs beside `nearest`: one database, 50 regions, a million measured prefixes.

``python -m bench.map.latency [DATABASE]``. Maps of both policies are compiled in turn, and asked
for the same clients; the ratios are what counts on a machine that does other things too, and CPU
seconds beside those of the clock. 40 landmarks; each prefix was measured by two regions, at random
times, which re-orders more of them than a network would.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bench.map.compile import CITY, REGIONS, RUNS, lookups
from bench.report import show, write
from resolverd.dns.prefix import parse_prefix
from resolverd.geo.locator import Locator
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule
from resolverd.rtt.cables import geography
from resolverd.rtt.field import Field, Origin
from resolverd.rtt.fit import COUNTRY_VARIANCE, SCALES
from resolverd.rtt.latency import Measured
from resolverd.rtt.samples import PrefixColumns, Samples
from resolverd.snapshot.clientmap import Ranking
from resolverd.snapshot.compiledmap import CompiledClientMap

PREFIXES, LANDMARKS = 1_000_000, 40

Spots = dict[str, tuple[float, float]]


class _Compiled(NamedTuple):
    """One map, and the seconds that it took, by the clock and of CPU."""

    clients: CompiledClientMap
    seconds: float
    cpu_seconds: float


def main(arguments: list[str]) -> int:
    """Measure, print and write."""
    locator = Locator.open([Path(arguments[0]) if arguments else CITY])
    chance = random.Random(50)
    spots = {
        f"r{number}": (chance.uniform(-55, 70), chance.uniform(-180, 180))
        for number in range(REGIONS)
    }
    latency = _ranking(spots, "latency", _measured(spots, chance))
    nearest = _ranking(spots, "nearest", None)
    best: dict[str, _Compiled] = {}
    for _ in range(RUNS):
        before = None
        for name, ranked in (("nearest", nearest), ("latency", latency), ("again", latency)):
            made = _compile(locator, ranked, before if name == "again" else None)
            before = made.clients
            if name not in best or made.seconds < best[name].seconds:
                best[name] = made
    answers = {name: lookups(made.clients) for name, made in best.items()}
    measured: dict[str, object] = {"regions": REGIONS, "prefixes": PREFIXES, "runs": RUNS}
    for name, made in best.items():
        measured |= {
            f"{name}_seconds": made.seconds,
            f"{name}_cpu_seconds": made.cpu_seconds,
            f"{name}_networks": made.clients.size.leaves,
            f"{name}_lists": made.clients.size.lists,
            f"{name}_bytes": made.clients.size.octets,
        } | {f"{name}_lookup_{family}_ns": ns for family, ns in answers[name].items()}
    sizes = [best[name].clients.size.octets for name in ("latency", "nearest")]
    measured["memory_ratio"] = sizes[0] / sizes[1]
    for family, ns in answers["nearest"].items():
        measured[f"lookup_{family}_ratio"] = answers["latency"][family] / ns
    show("latency beside nearest", [("what", "measured"), *measured.items()])
    write("map-latency", measured)
    return 0


def _measured(spots: Spots, chance: random.Random) -> Measured:
    names, columns = tuple(spots), PrefixColumns()
    for network in sorted(chance.sample(range(1 << 24), PREFIXES)):
        columns.high.append(network << 40)
        columns.low.append(0)
        columns.lengths.append(24)
        for region in chance.sample(range(len(names)), 2):
            columns.regions.append(region)
            columns.ms.append(chance.uniform(5, 300))
            columns.confidence.append(chance.uniform(0.1, 0.9))
        columns.starts.append(len(columns.regions))
    return Measured(Samples(names, v4=columns), spots, _field(spots, chance))


def _field(spots: Spots, chance: random.Random) -> Field:
    origins = tuple(
        Origin(
            (chance.uniform(-55, 70), chance.uniform(-180, 180)),
            "",
            tuple(chance.gauss(0, 0.05) for _ in spots),
        )
        for _ in range(LANDMARKS)
    )
    prior = geography(tuple(spots.values()))
    return prior._replace(scales=SCALES, country_variance=COUNTRY_VARIANCE, origins=origins)


def _ranking(spots: Spots, policy: str, measured: Measured | None) -> Ranking:
    names = tuple(spots)
    return Ranking(
        "latency" if policy == "latency" else "nearest",
        names,
        spots,
        dict.fromkeys(names, 1),
        24,
        48,
        latency=measured.latency(names) if measured else None,
    )


def _compile(locator: Locator, ranked: Ranking, before: CompiledClientMap | None) -> _Compiled:
    law = PinRule("law", frozenset(ranked.regions[:5]))
    near = PinRule("near", frozenset(ranked.regions[5:20]))
    pins = GeoPins({"DE": law, "FR": law}, {"AS": near})
    subnets = [(parse_prefix("198.51.100.0/24"), law)]
    edge = Place(50.1, 8.7, None, None, "edge")
    began, cpu = time.perf_counter(), time.process_time()
    clients = CompiledClientMap(ranked, subnets, pins, locator, edge, earlier=before)
    return _Compiled(clients, time.perf_counter() - began, time.process_time() - cpu)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
