"""What it costs the native engine that blocks keep their regions (`sticky`), an answer and a tick.

    python -m bench.native.kept_regions [--rounds 15]

The same clients ask the same questions inside the library, by turns, over one compiled map of the
city database: of a service without `sticky`, and of one with it while nothing has changed, while
regions other than the client's came and went, after the client's own returned, and after a reload
that moved the map. Histories are as long as they get: 64 segments. The fastest round of each
counts. A tick is what a Steering costs that is made while epochs end, in Python and the library.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.native.answer_path import FEW, SOURCE, _config, _query, _zone
from bench.native.run import DATABASE
from bench.native.spread import SpreadOfMany, ratios_of_many
from bench.report import show, write
from resolverd.abi.tables import Asker, Packets, PlanTables, SnapshotTables
from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import plan_image, steering_image
from resolverd.geo.locator import Locator
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import State, Verdict
from resolverd.policy.sticky import SEGMENTS
from resolverd.snapshot.compile import Earlier, compile_plan
from resolverd.snapshot.held import History
from resolverd.snapshot.model import Plan, Steering
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer
from resolverd.zone.loader import load_zones

PACKETS = 16_384
UNIX = 1_764_000_000.0
STICKY = 1800.0
_UP = Verdict(State.UP, None, "bench", float("inf"), State.UP)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    if not DATABASE.exists():
        print("no city database: .ci/databases fetches it", file=sys.stderr)
        return 1
    plan, moved = _plans()
    regions = [*plan.services["nearest"].regions]
    calm = _told(plan, [set()])
    others = _told(plan, [{regions[-1]} if n % 2 else set() for n in range(SEGMENTS)])
    returned = _told(plan, [set(regions[:6]) if n % 2 else set() for n in range(SEGMENTS - 1)])
    reloaded = _told(moved, [set()], calm.histories)
    snapshots, ticks = {}, {}
    for name, of, steering in (
        ("not sticky", _without(plan), replace(calm, epochs={}, histories={})),
        ("nothing changed", plan, calm),
        ("others came and went", plan, others),
        ("the client's own returned", plan, returned),
        ("the map moved", moved, reloaded),
    ):
        image = plan_image(of, CounterSlots())
        tables = PlanTables(image.octets, image.maps)
        octets = steering_image(steering, of)
        snapshots[name] = SnapshotTables(tables, octets)
        ticks[name] = _tick(of, steering, tables) | {"octets": len(octets)}
    warm, cold = _answers(snapshots, rounds)
    few, many = ({name: min(times) for name, times in of.items()} for of in (warm, cold))
    head = ("what was before", f"{FEW} packets, ns", f"{PACKETS:,} packets, ns", "tick, CPU ms")
    rows = [(n, few[n], many[n], sum(ticks[n][k] for k in _PARTS) * 1e3) for n in snapshots]
    show("an answer, and a Steering", [head, *rows])
    path = write(
        "native-kept-regions",
        {
            "rounds": rounds,
            "nanoseconds_warm": few,
            "nanoseconds_cold": many,
            "to_not_sticky_warm": _to_first(warm),
            "to_not_sticky_cold": _to_first(cold),
            "ticks": ticks,
        },
    )
    print(f"\nwritten: {path.relative_to(path.parents[2])}")
    return 0


def _answers(
    snapshots: Mapping[str, SnapshotTables], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Nanoseconds an answer in each round, by turns: of few packets and of many."""
    chance = random.Random(7)
    asked = [_query("nearest.bench.example", chance, subnet=True) for _ in range(PACKETS)]
    few, many = Packets(asked[:FEW]), Packets(asked)
    askers = {name: Asker() for name in snapshots}
    warm: dict[str, list[float]] = {name: [] for name in snapshots}
    cold: dict[str, list[float]] = {name: [] for name in snapshots}
    for number in range(rounds * PACKETS // FEW):
        whole = number % (PACKETS // FEW) == 0
        for taken, packets in ((warm, few), *([(cold, many)] if whole else [])):
            for name, snapshot in snapshots.items():
                taken[name].append(askers[name].time(packets, SOURCE, snapshot))
    return warm, cold


def _to_first(taken: Mapping[str, list[float]]) -> dict[str, SpreadOfMany]:
    """The ratios of each round to the first."""
    first, *others = taken
    return {name: ratios_of_many(taken[name], taken[first]) for name in others}


_PARTS = ("steer_s", "image_s", "load_s")


def _tick(plan: Plan, steering: Steering, tables: PlanTables, times: int = 50) -> dict[str, float]:
    """CPU-seconds of one more Steering: made, written as octets, loaded."""
    world, spent = _world(plan, set()), dict.fromkeys(_PARTS, 0.0)
    for _ in range(times):
        begun = time.process_time()
        made = steer(1, plan, world, 0.0, steering.histories, UNIX)
        written = time.process_time()
        octets = steering_image(made, plan)
        given = time.process_time()
        SnapshotTables(tables, octets)
        ended = time.process_time()
        parts = (written - begun, given - written, ended - given)
        spent = {k: spent[k] + part / times for k, part in zip(_PARTS, parts, strict=True)}
    return spent


def _told(
    plan: Plan, drained: list[set[str]], histories: Mapping[str, History] | None = None
) -> Steering:
    """The Steering once these regions were drained, one set after another, ten seconds apart."""
    known = histories or {}
    for number, regions in enumerate(drained):
        at = UNIX - 10.0 * (len(drained) - 1 - number)
        steering = steer(1, plan, _world(plan, regions), 0.0, known, at)
        known = steering.histories
    return steering


def _world(plan: Plan, drained: set[str]) -> World:
    overrides = Overrides()
    for region in drained:
        overrides.set(region, Override(OverrideKind.DRAIN, "bench", "bench", -9999.0))
    targets = [e.target for site in plan.sites.values() for e in site.planned.endpoints]
    return World(dict.fromkeys(targets, _UP), overrides, lambda _: UNRESOLVED)


def _without(plan: Plan) -> Plan:
    return replace(plan, services={n: replace(s, sticky=0.0) for n, s in plan.services.items()})


def _plans() -> tuple[Plan, Plan]:
    """A Plan whose services are sticky, and one that follows it with another client map."""
    sticky = f'sticky = "{STICKY:g}s"\n'
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "bench.example.zone").write_text(_zone())
        (here / "resolverd.toml").write_text(
            _config().replace("[service.nearest]\n", f"[service.nearest]\n{sticky}")
        )
        config = load_config(here / "resolverd.toml").config
        services = {name: service.answer for name, service in config.service.items()}
        zones, _ = load_zones(["*.zone"], here, services=services)
    locator = Locator.open([DATABASE])
    before: Plan | None = None
    plans: list[Plan] = []
    for number, known in enumerate((config, _moved(config)), 1):
        earlier = Earlier(before, zones) if before else None
        targets = probe_targets(known)
        before = compile_plan(
            number, known, zones.values(), locator, targets, compiled=True, previous=earlier
        )
        plans.append(before)
    return plans[0], plans[1]


def _moved(config: Config) -> Config:
    """The same with one region taken to be somewhat farther."""
    away = config.region["za"]
    north, east = away.coordinates
    moved = away.model_copy(update={"coordinates": (north + 0.5, east)})
    return config.model_copy(update={"region": config.region | {"za": moved}})


if __name__ == "__main__":
    sys.exit(main())
