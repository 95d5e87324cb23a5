"""Two services of 50 regions, by distance and by measured times, as a configuration gives them.

40 landmarks; each of a million prefixes was measured by two regions, at random times, which
re-orders more of them than a network would.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.geo.distance import Coordinates
from resolverd.geo.locator import Locator
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import State, Verdict
from resolverd.rtt.cables import geography
from resolverd.rtt.field import Field, Origin
from resolverd.rtt.fit import COUNTRY_VARIANCE, SCALES
from resolverd.rtt.latency import Measured
from resolverd.rtt.samples import PrefixColumns, Samples
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.model import Plan, Steering
from resolverd.snapshot.rankings import coordinates_of
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer
from resolverd.zone.loader import load_zones

REGIONS, PREFIXES, LANDMARKS = 50, 1_000_000, 40

NAMES = {"nearest": "nearest.bench.example", "latency": "latency.bench.example"}
"""By policy, the name that is answered by it; both are as long."""

_ZONE = """$ORIGIN bench.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 900 604800 300
@ NS ns1
ns1 A 192.0.2.53
nearest DYNA nearest
latency DYNA latency
"""

Spots = dict[str, Coordinates]


def served(locator: Locator, seed: int = 50) -> tuple[Plan, Steering]:
    """Both services over these databases, compiled, with every region up."""
    chance = random.Random(seed)
    points = [(chance.uniform(-55, 70), chance.uniform(-180, 180)) for _ in range(REGIONS)]
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "bench.example.zone").write_text(_ZONE)
        (here / "resolverd.toml").write_text(_config(points))
        config: Config = load_config(here / "resolverd.toml").config
        services = {name: service.answer for name, service in config.service.items()}
        zones, _ = load_zones(["*.zone"], here, services=services)
    targets = probe_targets(config)
    plan = compile_plan(
        1, config, zones.values(), locator, targets,
        compiled=True, measured=_measured(coordinates_of(config), chance),
    )  # fmt: skip
    up = Verdict(State.UP, None, "bench", float("inf"), State.UP)
    world = World(dict.fromkeys(targets.by_id, up), Overrides(), lambda _: UNRESOLVED)
    return plan, steer(1, plan, world, 0.0)


def map_of(plan: Plan, policy: str) -> CompiledClientMap:
    """The client map of a service."""
    clients = plan.services[policy].clients
    assert isinstance(clients, CompiledClientMap), "compile_plan was asked for these"
    return clients


def measured_networks(plan: Plan) -> list[int]:
    """The /24s that were measured, each as its first 24 bits."""
    assert plan.measured is not None, "one of its services is steered by what was"
    return [high >> 40 for high in plan.measured.samples.v4.high]


def _config(points: list[Coordinates]) -> str:
    names = [f"r{number:02}" for number in range(len(points))]
    regions = "".join(
        f"[region.{name}]\ncoordinates = [{north:.4f}, {east:.4f}]\n"
        f'endpoint = [{{ address = ["192.0.2.{n}"], url = "tcp://192.0.2.{n}:80" }}]\n'
        for n, (name, (north, east)) in enumerate(zip(names, points, strict=True), 1)
    )

    def listed(some: list[str]) -> str:
        return ", ".join(f'"{name}"' for name in some)

    return (
        f'[server]\ncoordinates = [50.1, 8.7]\n[probe]\nkind = "tcp"\n{regions}'
        f"[service.nearest]\nregions = [{listed(names)}]\n"
        f'[service.latency]\nregions = [{listed(names)}]\npolicy = "latency"\n'
        f'[pin.law]\ncountries = ["DE", "FR"]\nregions = [{listed(names[:5])}]\n'
        f'[pin.near]\ncontinents = ["AS"]\nregions = [{listed(names[5:20])}]\n'
        f'[pin.office]\nsubnets = ["198.51.100.0/24"]\nregions = [{listed(names[:5])}]\n'
    )


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
