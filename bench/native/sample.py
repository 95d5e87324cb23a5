"""One short load on one server: what it answered and what that cost it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.load import generator
from bench.load.generator import Load
from bench.peers.process import cpu_ns
from bench.peers.server import Mode, Running

SERVER_CPU, GENERATOR_CPU = 0, 1
WINDOW = 128
# More source ports spread the load over a server's sockets; fewer are cheaper to serve.
_SOCKETS = {1: 4, 2: 16}
# What the native engine's threads are called.
_ANSWERING = "serve-"


@dataclass(frozen=True, slots=True)
class Sample:
    """`cost` is CPU microseconds of the server per answer, which is CPU seconds per million.

    `answering` is the part of it that is the answering threads' own, where they can be told apart:
    the rest probes endpoints, steers, and serves metrics, however many answers there are.
    """

    rate: float
    cost: float
    answering: float
    sent: int
    lost: int
    wrong_count: int
    busy: float
    report: dict[str, Any]


def sample(served: Running, mode: Mode, seconds: float, **more: Any) -> Sample:
    """Load `served` for `seconds`; `more` are fields of `Load`."""
    before, before_answering = cpu_ns(served.pid), cpu_ns(served.pid, _ANSWERING)
    report = generator.run(load_for(served, mode, seconds, **more), _generator_cpu(served))
    used = cpu_ns(served.pid) - before
    answering = cpu_ns(served.pid, _ANSWERING) - before_answering or used
    received = report["received"]
    return Sample(
        rate=report["answers_per_s"],
        cost=used / 1e3 / max(1, received),
        answering=answering / 1e3 / max(1, received),
        sent=report["sent"],
        lost=report["lost"],
        wrong_count=wrong_answers(served, mode, report),
        busy=report["busy"],
        report=report,
    )


def load_for(served: Running, mode: Mode, seconds: float, **more: Any) -> Load:
    """What `mode` means as a load."""
    label = "www" if mode is Mode.STATIC else "geo"
    return Load(
        port=served.site.port,
        qname=f"{label}.z####.example",
        mix="plain" if mode is Mode.STATIC else "ecs",
        seconds=seconds,
        names=served.site.world.zones,
        **{"sockets": _SOCKETS.get(served.site.threads, 16), "window": WINDOW, **more},
    )


def wrong_answers(served: Running, mode: Mode, report: dict[str, Any]) -> int:
    """What is no response, or has not an address that the world has for the name."""
    if served.server.name == "echo":
        return int(report["malformed"])
    right = served.site.world.addresses(mode is Mode.STATIC)
    told_addresses: dict[str, int] = report["addresses"]
    good = sum(count for address, count in told_addresses.items() if address in right)
    return int(report["received"]) - good + int(report["malformed"])


def _generator_cpu(served: Running) -> int | None:
    """Its own core beside a server on one thread; anywhere beside one on more."""
    return GENERATOR_CPU if served.site.threads == 1 else None
