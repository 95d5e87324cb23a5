"""One event under load: what is asked before, meanwhile and after, and what that says.

An event is a function that makes it happen and returns once the fleet has come through; it calls
`Trial.happens` at the moment from which convergence counts. What it finds beside the accounting
goes into `notes`. After it everything is mended, so that the next begins with a sound fleet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from bench.fleet.accounting import Account, World, account, is_lost, last_when
from bench.fleet.asking.load import Load
from bench.fleet.asking.records import Record
from bench.fleet.lab.lab import Lab, until_all_up, until_one_fleet
from bench.fleet.lab.places import ASKING, REGIONS
from bench.fleet.lab.processes import until

QUIET_SECONDS = 2.0
"""For which the load runs before an event, and after the fleet has come through it."""

WORLD = World(
    {region.given4: region.name for region in REGIONS},
    tuple(frozenset(client.fence) for client in ASKING),
)


@dataclass
class Trial:
    """What an event works with."""

    lab: Lab
    load: Load
    folder: Path
    notes: dict[str, Any] = field(default_factory=dict)
    at: float = 0.0
    """The moment that counts, monotonic seconds."""
    gone: Callable[[Record], bool] | None = None
    """Of which records none may come any more: convergence is when the last of them left."""
    over: float = inf
    """The moment at which that was so, monotonic seconds; what comes later is another matter."""

    def happens(self) -> None:
        """It happens now."""
        self.at = time.monotonic()

    def answers_meanwhile(self, seconds: float) -> list[Record]:
        """What is answered in the next seconds."""
        began = time.monotonic()
        time.sleep(seconds)
        return [r for r in self.load.records() if r.sent >= began]

    def until_gone(self, within: float = 30.0) -> None:
        """Wait until for a second nothing came of what is to be gone. Raises NotSoError."""
        assert self.gone is not None
        self.until_gone_of(self.gone, within)
        self.over = time.monotonic()

    def until_gone_of(self, gone: Callable[[Record], bool], within: float = 30.0) -> None:
        """The same of any records."""
        until(lambda: not any(map(gone, self.load.last(1.0))), "what is to be gone", within)


@dataclass(frozen=True)
class Event:
    """One that can happen; `words` say what, for a table."""

    name: str
    words: str
    run: Callable[[Trial], None]
    planned: bool = False
    """Whether an operator means it: then nothing may be lost."""
    published: bool = False
    """Whether it is of edges whose configuration comes from the fleet."""
    quick: bool = False
    """Whether `make test` tries it."""


@dataclass(frozen=True)
class Outcome:
    """What came of one: the account from its moment on, and seconds until the fleet was through.

    `converged` None is where nothing was to change, or, with `failed`, where it did not.
    """

    event: Event
    account: Account
    converged: float | None
    seconds: float
    notes: dict[str, Any]
    failed: str = ""

    def problems(self) -> list[str]:
        """What may not be, in words."""
        found = [self.failed] if self.failed else []
        if self.account.wrong:
            found.append(f"{self.account.wrong} answers outside a fence")
        if self.account.empty:
            found.append(f"{self.account.empty} answers without an address")
        if self.event.planned and self.account.lost:
            found.append(f"{self.account.lost} queries lost in a planned event")
        return found


def tried(
    lab: Lab, event: Event, folder: Path, rate: float, quiet: float = QUIET_SECONDS
) -> Outcome:
    """Have it happen under a load of `rate` queries a second, `quiet` seconds before and after."""
    sound(lab)
    failed = ""
    with asking(lab, folder, rate) as load:
        time.sleep(quiet)
        trial = Trial(lab, load, folder)
        began = time.monotonic()
        try:
            event.run(trial)
            time.sleep(quiet)
        except (AssertionError, OSError) as error:
            failed = str(error) or repr(error)  # the next events are tried all the same
        records = load.stop()
    at = trial.at or began
    ended = time.monotonic()
    found = account(records, WORLD, began)
    return Outcome(
        event, found, _converged(trial, records, at, found), ended - began, trial.notes, failed
    )


def _converged(trial: Trial, records: list[Record], at: float, found: Account) -> float | None:
    """Seconds from the event until nothing was lost, nor came that was to be gone."""
    ends = [last_when(records, is_lost, at) if found.lost else None]
    if trial.gone is not None:
        gone = trial.gone
        meanwhile = [r for r in records if r.sent < trial.over and not is_lost(r)]
        ends.append(last_when(meanwhile, gone, at) or 0.0)
    known = [end for end in ends if end is not None]
    return max(known) if known else None


@contextmanager
def asking(lab: Lab, folder: Path, rate: float) -> Iterator[Load]:
    """The load, until the end of the block."""
    load = Load(lab.client_namespace, folder, rate)
    try:
        yield load
    finally:
        load.close()


def sound(lab: Lab) -> None:
    """Undo whatever an event has left: all nodes joined, all running, all announced, all up."""
    lab.mend()
    for region in lab.regions.values():
        if not region.process.running:
            region.start()
    for server in lab.nats.values():
        if server.disk.full:  # it has put JetStream out of service, until it is restarted
            server.kill()
            server.disk.empty()
        if not server.process.running:
            server.start()
    for name, edge in lab.edges.items():
        edge.clock.step(0)
        if edge.changed:
            lab.announce(lab.edges.keys() - {name})
        edge.restore()
    for edge in lab.edges.values():
        edge.until_ready()
    until_one_fleet(lab)
    until_all_up(lab)
    lab.announce()


def answered_by(name: str) -> Callable[[Record], bool]:
    """Of an edge's answers."""
    return lambda record: record.edge == name and not is_lost(record)


def answered_with(region: str) -> Callable[[Record], bool]:
    """Of answers that give a region to a client who may have another."""
    return lambda record: WORLD.region(record) == region and len(WORLD.fences[record.client]) > 1


def moved(record: Record) -> bool:
    """Whether an answer is another than while all is well."""
    return not is_lost(record) and WORLD.region(record) != ASKING[record.client].home
