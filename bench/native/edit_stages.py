"""What the parts of a reload of one large zone cost: CPU s of each, a column for a kind of edit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from bench.native.edit_world import edits, first, with_serial
from resolverd.abi.tables import PlanTables
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import plan_image
from resolverd.snapshot.compile import compile_zone
from resolverd.snapshot.model import Plan
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone

T = TypeVar("T")


def stages(names: int) -> Mapping[str, list[float]]:
    """CPU seconds by part, for each kind of edit in order."""
    taken: dict[str, list[float]] = {}

    def timed(part: str, what: Callable[[], T]) -> T:
        start = time.thread_time()
        result = what()
        taken.setdefault(part, []).append(round(time.thread_time() - start, 3))
        return result

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "z.example.zone"
        text = first("z.example", names, "", includes=True)
        text.write(path)
        (zone,) = _loaded(path, None)
        plan = compile_zone(zone)
        slots = CounterSlots()
        image = plan_image(Plan(1, {plan.apex.lower(): plan}, {}, b"", 1232), slots)
        tables = PlanTables(image.octets, image.maps)
        for serial, edit in enumerate(edits(0, names).values(), 2):
            text = with_serial(edit(text), serial)
            text.write(path)
            before = zone
            (zone,) = timed("read and check", lambda: _loaded(path, before))  # noqa: B023
            timed("losses and differences", lambda: zone.changed_since(before))  # noqa: B023
            then = plan
            plan = timed("compile", lambda: compile_zone(zone, (before, then)))  # noqa: B023
            whole = Plan(serial, {plan.apex.lower(): plan}, {}, b"", 1232)
            kept, had = image.kept, tables
            image = timed("image", lambda: plan_image(whole, slots, kept))  # noqa: B023
            octets, maps = image.octets, image.maps
            tables = timed("engine loads it", lambda: PlanTables(octets, maps, had))  # noqa: B023
    return taken


def _loaded(path: Path, before: Zone | None) -> list[Zone]:
    previous = {} if before is None else {before.origin: before}
    zones, problems = load_zones([path.name], path.parent, services={}, previous=previous)
    assert all(problem.severity == "warning" for problem in problems), problems
    return list(zones.values())
