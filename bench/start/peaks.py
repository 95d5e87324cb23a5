"""The most memory that loading and reloading take, beside the steady state, for both engines.

A first start, a later one, an edit of the zone, an edit of the TOML that needs another map, and
a database in place of another. What counts is what a control group would charge: the memory of the
processes and the sealed copies of databases, which are there whether or not a process maps them;
pages that are shared with other processes count whole at the peak and in part in the steady
state, so a ratio errs upwards. The processes' own peak stands beside it, which counts a copy only
while it is mapped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.native.start import Bench
from bench.peers.process import tree
from bench.peers.server import Running, Server, Site, running
from bench.peers.world import World
from bench.start.memory import held, reset_peaks, resident, resident_peak, steady

BAR = 1.5
_REGIONS_OF_THE_EDIT = 5
# Seconds between samples, and after an event until what it has freed is given back.
_INTERVAL, _SETTLED = 0.005, 4.0
_BUILD_EPOCH = b"build_epoch"


@dataclass(slots=True)
class Peak:
    """The most that was seen, in MiB: held in all, and resident in the processes."""

    held: float = 0.0
    resident: float = 0.0


def measure(
    bench: Bench, servers: list[Server], databases: dict[str, Path]
) -> list[dict[str, Any]]:
    """A row for each server, database and event."""
    return [
        row
        for name, path in databases.items()
        for server in servers
        for row in _rows(bench, server, name, path)
    ]


def _rows(bench: Bench, server: Server, name: str, database: Path) -> Iterator[dict[str, Any]]:
    bench.say(f"peaks: {server.name}, {name}")
    own = bench.place / f"peaks-{name}.mmdb"
    own.write_bytes(database.read_bytes())
    site = bench.site(f"peaks {server.name} {name}", World(own))
    seen = _Seen(server.name, name)
    for event in ("first start", "later start"):
        with _started(server, site) as (served, peak):
            yield seen.row(event, served, peak)
            if event == "first start":
                continue
            yield seen.row("zone edited", served, _event(served, lambda: None))
            yield seen.row("map changed", served, _event(served, lambda: _more_regions(served)))
            yield seen.row("new database", served, _event(served, lambda: _renew(own)))


@dataclass(slots=True)
class _Seen:
    """Rows of one server over one database; `before` is its steady state before an event."""

    server: str
    database: str
    before: float = field(default=float("inf"))

    def row(self, event: str, served: Running, peak: Peak) -> dict[str, Any]:
        """Beside the smaller of the steady states before and after the event."""
        after, shared = steady(served.pid)
        reference = min(self.before, after)
        self.before = float("inf") if event == "first start" else after
        return {
            "event": event,
            "database": self.database,
            "server": self.server,
            "steady_mib": round(reference, 1),
            "peak_mib": round(peak.held, 1),
            "pss_mib": round(shared, 1),
            "resident_peak_mib": round(peak.resident, 1),
            "ratio": round(peak.held / reference, 3),
            "bar": BAR,
            "met": "yes" if peak.held <= BAR * reference else "no",
        }


@contextmanager
def _started(server: Server, site: Site) -> Iterator[tuple[Running, Peak]]:
    """A server that has settled, and the peak of its start."""
    watched: list[int] = []
    with ExitStack() as stack:
        with _sampled(lambda: watched) as peak:
            served = stack.enter_context(running(server, site, watched.append))
            time.sleep(_SETTLED)
            peak.resident = max(peak.resident, resident_peak(served.pid))
        yield served, peak


def _event(served: Running, prepare: Callable[[], None]) -> Peak:
    """The peak while an edit is adopted and settles; `prepare` changes what is read."""
    reset_peaks(served.pid)
    with _sampled(lambda: [served.pid]) as peak:
        prepare()
        served.adopt()
        time.sleep(_SETTLED)
        peak.resident = max(peak.resident, resident_peak(served.pid))
    return peak


@contextmanager
def _sampled(roots: Callable[[], list[int]]) -> Iterator[Peak]:
    """Sample the processes below these roots meanwhile."""
    peak, over = Peak(), threading.Event()

    def sample() -> None:
        while not over.wait(_INTERVAL):
            pids = [pid for root in roots() for pid in tree(root)]
            peak.held = max(peak.held, held(pids))
            peak.resident = max(peak.resident, resident(pids))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        over.set()
        sampler.join()


def _more_regions(served: Running) -> None:
    world = replace(served.site.world, regions=_REGIONS_OF_THE_EDIT)
    served.site = replace(served.site, world=world)


def _renew(database: Path) -> None:
    """Other octets of the same size: built a second earlier."""
    content = bytearray(database.read_bytes())
    at = content.rindex(_BUILD_EPOCH) + len(_BUILD_EPOCH)
    size = content[at] & 0x1F  # an unsigned integer of 64 bits: size and extended type, then octets
    epoch = int.from_bytes(content[at + 2 : at + 2 + size])
    content[at + 2 : at + 2 + size] = (epoch - 1).to_bytes(size)
    fresh = database.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(database)
