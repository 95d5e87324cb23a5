"""Does size cost? The same engine with more zones, more regions, or a coarser database.

Each size is loaded in turn with the base and the echo beside it, and shown as a ratio to both.
More regions are probed more, whatever is asked meanwhile, so the answering threads are told apart.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from bench.native.rounds import figures
from bench.native.sample import SERVER_CPU, Sample, sample
from bench.native.spread import ratios
from bench.native.start import Bench
from bench.peers.process import keep_on, resident_bytes
from bench.peers.roster import ECHO
from bench.peers.server import FailedError, Mode, Running, Server, running
from bench.peers.world import World

SIZES: dict[str, dict[str, Any]] = {
    "1 zone, 4 regions, cities": {},
    "1,000 zones": {"zones": 1000},
    "200 regions": {"regions": 200},
    "countries": {"database": None},
    "1,000 zones, 200 regions": {"zones": 1000, "regions": 200},
}


def measure(
    bench: Bench, server: Server, world: World, rounds: int, seconds: float
) -> list[dict[str, Any]]:
    """A row for each size, of steered answers on one thread."""
    with ExitStack() as stack:
        served: dict[str, Running] = {}
        for size, change in SIZES.items():
            bench.say(f"starting {server.name}: {size}")
            site = bench.site(f"{server.name} {size}", replace(world, **change))
            try:
                served[size] = stack.enter_context(running(server, site))
            except FailedError as error:
                bench.absent[f"{server.name}: {size}"] = str(error).strip()
                bench.say(f"it is left out: {error}")
                continue
            keep_on(served[size].pid, [SERVER_CPU])
        if not served:
            return []
        echo = stack.enter_context(running(ECHO, bench.site("echo", world)))
        keep_on(echo.pid, [SERVER_CPU])
        echoes: list[Sample] = []
        taken: dict[str, list[Sample]] = {size: [] for size in served}
        for number in range(rounds):
            bench.say(f"{server.name}: sizes, round {number + 1} of {rounds}")
            sample(echo, Mode.GEO, min(0.1, seconds / 4))
            echoes.append(sample(echo, Mode.GEO, seconds))
            for size, served_one in served.items():
                sample(served_one, Mode.GEO, min(0.1, seconds / 4))
                taken[size].append(sample(served_one, Mode.GEO, seconds))
        base = [s.cost for s in taken[next(iter(served))]]
        return [
            {
                "server": server.name,
                "size": size,
                "start_s": round(served[size].start_s, 3),
                "resident_mib": round(resident_bytes(served[size].pid) / 2**20, 1),
                **figures(samples),
                "cost_to_base": ratios([s.cost for s in samples], base),
                "answering_to_echo": ratios(
                    [s.answering for s in samples], [s.cost for s in echoes]
                ),
            }
            for size, samples in taken.items()
        ]
