"""What one answer costs the native engine, without sockets and without Python.

    python -m bench.native.answer_path [--rounds 9]

Packets are asked over and over inside the library, over a map compiled from the city database
and a zone of 100,000 names: 64 of a case, which stay in the caches, and 65,536, whose names and
clients mostly do not; those also in batches of 32, which are prefetched for as those that a socket
received are. The fastest round counts, for a round that shares its core measures the neighbour too.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.load.packets import a_query
from bench.native.run import DATABASE
from bench.report import show, write
from resolverd.abi.tables import Asker, Packets, PlanTables, SnapshotTables
from resolverd.config.load import load_config
from resolverd.config.targets import probe_targets
from resolverd.dns.prefix import Prefix
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import plan_image, steering_image
from resolverd.geo.locator import Locator
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import State, Verdict
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.model import Plan, Steering
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer
from resolverd.zone.loader import load_zones

NAMES = 100_000
PACKETS = 65_536
FEW = 64
# So often over, or the two readings of the clock would be a fifth of what the shortest take.
_REPEATED = 64
BATCH = 32
SOURCE = bytes((198, 51, 100, 7))
BAR = 200.0
"""Nanoseconds that an answer by place and client subnet may take."""

_PLACES = {
    "us-east": (39.0, -77.5), "us-west": (37.4, -122.1), "us-south": (29.8, -95.4),
    "br": (-23.5, -46.6), "eu-west": (53.3, -6.3), "eu-central": (50.1, 8.7),
    "eu-north": (59.3, 18.1), "za": (-33.9, 18.4), "in": (19.1, 72.9),
    "sg": (1.35, 103.8), "jp": (35.7, 139.7), "au": (-33.9, 151.2),
}  # fmt: skip


def main() -> int:
    """Measure, print, write; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    if not DATABASE.exists():
        print("no city database: .ci/databases fetches it", file=sys.stderr)
        return 1
    plan, steering = served()
    slots = CounterSlots()
    begin = time.perf_counter()
    image = plan_image(plan, slots)
    made = time.perf_counter()
    tables = PlanTables(image.octets, image.maps)
    loaded = time.perf_counter()
    snapshot = SnapshotTables(tables, steering_image(steering, plan))
    asker = Asker()
    warm, cold, batched = {}, {}, {}
    for case, packets in CASES.items():
        asked = packets(random.Random(7))
        asked *= -(-PACKETS // len(asked))
        few, many = Packets(asked[:FEW] * _REPEATED), Packets(asked)
        short = range(rounds * PACKETS // few.count)
        warm[case] = min(asker.time(few, SOURCE, snapshot) for _ in short)
        cold[case] = min(asker.time(many, SOURCE, snapshot) for _ in range(rounds))
        batched[case] = min(asker.time(many, SOURCE, snapshot, BATCH) for _ in range(rounds))
    head = ("case", f"{FEW} packets", f"{PACKETS:,} packets", f"in batches of {BATCH}")
    lines = ((case, warm[case], cold[case], batched[case]) for case in CASES)
    show("nanoseconds an answer", [head, *lines])
    path = write(
        "native-answer-path",
        {
            "rounds": rounds,
            "names": NAMES,
            "plan_image_s": made - begin,
            "plan_load_s": loaded - made,
            "plan_octets": len(image.octets),
            "nanoseconds_warm": warm,
            "nanoseconds_cold": cold,
            "nanoseconds_batched": batched,
            "batch": BATCH,
            "bar": BAR,
        },
    )
    print(f"\nwritten: {path.relative_to(path.parents[2])}")
    return 0 if warm["nearest, client subnet"] <= BAR else 1


def served() -> tuple[Plan, Steering]:
    """Twelve regions, a service for each policy, pins, and a zone of many names."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "bench.example.zone").write_text(_zone())
        (here / "resolverd.toml").write_text(_config())
        config = load_config(here / "resolverd.toml").config
        services = {name: service.answer for name, service in config.service.items()}
        zones, _ = load_zones(["*.zone"], here, services=services)
    targets = probe_targets(config)
    plan = compile_plan(1, config, zones.values(), Locator.open([DATABASE]), targets, compiled=True)
    up = Verdict(State.UP, None, "bench", float("inf"), State.UP)
    world = World(dict.fromkeys(targets.by_id, up), Overrides(), lambda _: UNRESOLVED)
    return plan, steer(1, plan, world, 0.0)


def _zone() -> str:
    hosts = "".join(f"h{n} A 192.0.2.{n % 256}\n" for n in range(NAMES))
    return (
        "$ORIGIN bench.example.\n$TTL 3600\n@ SOA ns1 hostmaster 1 3600 900 604800 300\n@ NS ns1\n"
        "ns1 A 192.0.2.53\nnearest DYNA nearest\nweighted DYNA weighted\nanother DYNA another\n"
        f"alias CNAME h7\nsub NS ns.sub\nns.sub A 192.0.2.54\n{hosts}"
    )


def _config() -> str:
    regions = "".join(
        f"[region.{name}]\ncoordinates = [{north}, {east}]\n"
        f'endpoint = [{{ address = ["192.0.2.{n}"], url = "tcp://192.0.2.{n}:80" }}]\n'
        for n, (name, (north, east)) in enumerate(_PLACES.items(), 1)
    )
    names = ", ".join(f'"{name}"' for name in _PLACES)
    another = ", ".join(f'"{name}"' for name in [*_PLACES][::2])
    return (
        f'[server]\ncoordinates = [50.1, 8.7]\n[probe]\nkind = "tcp"\n{regions}'
        f"[service.nearest]\nregions = [{names}]\n"
        f'[service.weighted]\nregions = [{names}]\npolicy = "weighted"\n'
        f"[service.another]\nregions = [{another}]\n"
        '[pin.europe]\ncountries = ["DE", "FR"]\nregions = ["eu-west", "eu-central"]\n'
        '[pin.office]\nsubnets = ["203.0.113.0/24"]\nregions = ["us-east"]\n'
    )


def _query(name: str, chance: random.Random, *, edns: bool = True, subnet: bool = False) -> bytes:
    """An A query, as a resolver sends it."""
    client = Prefix(32, chance.randrange(1 << 16, 224 << 16) << 8, 24) if subnet else None
    return a_query(name, chance.randrange(65536), edns=edns, client=client)


def _hosts(chance: random.Random, *, edns: bool) -> list[bytes]:
    return [
        _query(f"h{chance.randrange(NAMES)}.bench.example", chance, edns=edns)
        for _ in range(PACKETS)
    ]


def _random_names(chance: random.Random) -> list[bytes]:
    return [_query(f"{chance.getrandbits(40):x}.bench.example", chance) for _ in range(PACKETS)]


def _steered(chance: random.Random, service: str, *, subnet: bool) -> list[bytes]:
    return [_query(f"{service}.bench.example", chance, subnet=subnet) for _ in range(PACKETS)]


def _by_turns(chance: random.Random, *services: str) -> list[bytes]:
    return [
        _query(f"{services[n % len(services)]}.bench.example", chance, subnet=True)
        for n in range(PACKETS)
    ]


CASES: dict[str, Callable[[random.Random], list[bytes]]] = {
    "one static name": lambda chance: [_query("h7.bench.example", chance, edns=False)],
    "static names": lambda chance: _hosts(chance, edns=False),
    "static names, EDNS": lambda chance: _hosts(chance, edns=True),
    "nearest, resolver's address": lambda chance: _steered(chance, "nearest", subnet=False),
    "nearest, client subnet": lambda chance: _steered(chance, "nearest", subnet=True),
    "weighted, client subnet": lambda chance: _steered(chance, "weighted", subnet=True),
    "two maps by turns, client subnet": lambda chance: _by_turns(chance, "nearest", "another"),
    "random names (NXDOMAIN)": _random_names,
    "alias": lambda chance: [_query("alias.bench.example", chance)],
    "referral": lambda chance: [_query("www.sub.bench.example", chance)],
    "outside every zone": lambda chance: [_query("www.elsewhere.test", chance)],
    "malformed": lambda chance: [_query("h7.bench.example", chance) + b"\0"],
}


if __name__ == "__main__":
    raise SystemExit(main())
