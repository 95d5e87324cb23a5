"""What changes while it serves: an operator's override reaching the wire, and a reload.

Both under a load that leaves by the clock at half of what the server can do. The generator asks
for one client again and again among the others and notes when its answer changes, on the clock
that this process reads too.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.load.generator import command
from bench.native.sample import GENERATOR_CPU, SERVER_CPU, load_for, sample
from bench.native.spread import spread
from bench.native.start import Bench
from bench.peers.ask import address, ask
from bench.peers.process import keep_on
from bench.peers.resolverd import link
from bench.peers.server import FailedError, Mode, Running, Server, running
from bench.peers.world import Region, World
from resolverd.errors import ResolverdError

_CLIENT = "8.8.8.0"
_APART = 0.25
_OVERRIDES, _RELOADS = 6, 3
_RELOADS_LAST = 5.0
_LOAD_MOST = 600.0
_PATIENCE = 5.0


SIZES: dict[str, dict[str, Any]] = {
    "4 regions, 1 service": {},
    "50 regions, 100 services": {"regions": 50, "services": 100},
    "100,000 names": {"names": 100_000},
}


def measure(bench: Bench, server: Server, world: World, seconds: float) -> list[dict[str, Any]]:
    """A row for each size: `override` and `reload`, both while it serves on one thread."""
    rows = []
    for size, change in SIZES.items():
        bench.say(f"{server.name}: changes while serving, {size}")
        site = bench.site(f"{server.name} serving {size}", replace(world, **change))
        try:
            with running(server, site) as served:
                keep_on(served.pid, [SERVER_CPU])
                rate = sample(served, Mode.GEO, seconds).rate / 2
                rows.append(
                    {
                        "server": server.name,
                        "size": size,
                        "override": publish(served, rate, _OVERRIDES),
                        "reload": reload(served, rate, _RELOADS),
                    }
                )
        except ResolverdError as error:
            bench.absent[f"{server.name}, changes while serving: {size}"] = str(error).strip()
            bench.say(f"it is left out: {error}")
    return rows


def publish(served: Running, rate: float, times: int) -> dict[str, Any]:
    """Drain the client's region and clear it, `times` times; milliseconds to the first new answer.

    Raises FailedError when an answer never changed.
    """
    preferred = _region_of(served)
    admin = link(served.site)
    orders: list[tuple[float, float, bool]] = []  # sent, answered, whether it drains

    def order() -> None:
        for n in range(2 * times):
            time.sleep(_APART)
            sent = time.monotonic()
            if n % 2:
                admin.delete("/override", preferred.name, who="bench")
            else:
                body = {"target": preferred.name, "kind": "drain", "why": "bench", "who": "bench"}
                admin.post("/override", body)
            orders.append((sent, time.monotonic(), n % 2 == 0))

    report = _while_loaded(served, rate, order)
    changes = [(at, where) for at, where in report["changes"]]
    to_wire = [
        _first_change(changes, sent, preferred.address, drains) - sent for sent, _, drains in orders
    ]
    return {
        "rate": round(rate),
        "changes": len(orders),
        "to_wire_ms": spread([1e3 * seconds for seconds in to_wire]),
        "order_ms": spread([1e3 * (answered - sent) for sent, answered, _ in orders]),
        "sent": report["sent"],
        "lost": report["lost"],
    }


def reload(served: Running, rate: float, times: int) -> dict[str, Any]:
    """Edit every zone and reload, up to `times` times; how long it takes, and what is lost."""
    took: list[float] = []

    def order() -> None:
        while len(took) < times and sum(took) < _RELOADS_LAST:
            time.sleep(_APART)
            took.append(served.adopt())

    report = _while_loaded(served, rate, order)
    return {
        "rate": round(rate),
        "reloads": len(took),
        "seconds": spread(took),
        "sent": report["sent"],
        "lost": report["lost"],
        "p99_us": report["latency_us"]["p99"],
        "max_us": report["latency_us"]["max"],
    }


def _while_loaded(served: Running, rate: float, order: Callable[[], None]) -> dict[str, Any]:
    """What the generator tells of the time from before `order` until after it."""
    load = load_for(served, Mode.GEO, _LOAD_MOST, rate=rate, watch=_CLIENT)
    with subprocess.Popen(command(load, GENERATOR_CPU), stdout=subprocess.PIPE) as process:
        try:
            order()
            time.sleep(_APART)
        finally:
            process.terminate()
        output, _ = process.communicate()
    report: dict[str, Any] = json.loads(output)
    return report


def _region_of(served: Running) -> Region:
    origin = next(iter(served.site.world.origins()))
    report = address(ask(served.site.port, f"geo.{origin}", subnet=_CLIENT))
    return next(region for region in served.site.world.places() if region.address == report)


def _first_change(
    changes: list[tuple[float, str]], sent: float, preferred: str, drains: bool
) -> float:
    """When, after `sent`, the answer first was what the order makes it."""
    for at, where in changes:
        if sent <= at <= sent + _PATIENCE and (where != preferred) == drains:
            return at
    raise FailedError(f"no answer changed within {_PATIENCE} s of an override")
