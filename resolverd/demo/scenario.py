"""The scenario without faults: a region dies, answers move, it returns, answers come home.

It verifies itself. Every city is asked over and over, by real queries, from before the kill
until all is as it was; a promise that was not kept raises BrokenPromiseError.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from resolverd.demo.ask import Answer
from resolverd.demo.cities import CITIES
from resolverd.demo.environment import NAME, Environment
from resolverd.demo.events import (
    Endpoint,
    Hints,
    Kept,
    Killed,
    Placements,
    Ready,
    Restarted,
    Row,
)
from resolverd.demo.watching import BrokenPromiseError, Emit, Watching, shown

# The region that this city gets is the one that is killed.
VICTIM_CITY = "Tokyo"
# How long the region stays away, so that a reader can follow.
AWAY_SECONDS = 3.0


async def show_placements(environment: Environment, began: float, emit: Emit) -> dict[str, Answer]:
    """Emit what runs and which region each city gets, and return the answers by city.

    `began` is a monotonic reading, in seconds. Raises NoAnswerError or NotSteeredError.
    """
    server = environment.server
    endpoints = tuple(
        Endpoint(p.spec.region, p.url, p.pid, p.control, environment.overlay.port_in_use_of(p.spec))
        for p in environment.regions.processes
    )
    emit(
        Ready(
            NAME,
            server.address,
            server.port,
            endpoints,
            round(time.monotonic() - began, 1),
            engine=environment.daemon.engine.name,
            why_not_native=environment.why_not_native,
            port_in_use=environment.overlay.port_in_use,
        )
    )
    pins, answers = environment.pins(), await environment.ask_all()
    rows = tuple(Row(c.name, str(c.client), answers[c.name], pins[c.name]) for c in CITIES)
    emit(Placements(rows, environment.overlay.embedded))
    client = next(city.client for city in CITIES if city.name == VICTIM_CITY)
    dig = f"dig @{server.address} -p {server.port} {NAME} +subnet={client}"
    emit(Hints(dig, tuple(map(str, environment.overlay.files))))
    return answers


async def kill_and_return(
    environment: Environment, baseline: dict[str, Answer], emit: Emit
) -> None:
    """Kill a region and bring it back. Raises BrokenPromiseError or NoAnswerError."""
    await _KillAndReturn(environment, baseline, emit).run()


class _KillAndReturn:
    """One kill and return."""

    def __init__(self, environment: Environment, baseline: dict[str, Answer], emit: Emit) -> None:
        self._environment, self._emit = environment, emit
        self._region = baseline[VICTIM_CITY].region
        self._affected = tuple(c for c, a in baseline.items() if a.region == self._region)
        self._steady = tuple(c for c in baseline if c not in self._affected)
        self._warned: dict[str, float] = {}
        self._away = False
        self._watch = Watching(environment, baseline, [self._region], emit, self._hold)

    async def run(self) -> None:
        overlay, watch = self._environment.overlay, self._watch
        victims = self._environment.regions.of(self._region)
        pids = tuple(process.pid for process in victims)
        watch.began = time.monotonic()
        await asyncio.gather(*(process.kill() for process in victims))
        self._emit(Killed(self._region, pids, self._affected))
        await self._until(
            self._all_moved, "the answers to move", overlay.seconds_to_fall(self._region)
        )
        moved_at, self._away = watch.at(), True
        await watch.keep_polling(AWAY_SECONDS, f"{self._region} to be started again")
        self._away = False
        await asyncio.gather(*(process.start() for process in victims))
        back = tuple(process.pid for process in victims)
        self._emit(Restarted(watch.at(), self._region, back))
        to_rise = overlay.seconds_to_rise(self._region)
        await self._until(self._all_home, "the answers to come home", to_rise)
        home_at = watch.at()
        ramp = float(max(answer.ttl for answer in watch.first.values()))
        await self._until(watch.restored, "the TTLs to reach their full value", ramp)
        pinned = tuple(city for city, pins in self._environment.pins().items() if pins)
        self._emit(
            Kept(
                at=watch.at(),
                region=self._region,
                moved=self._affected,
                steady=self._steady,
                pinned=tuple(city for city in pinned if city in self._steady),
                warned_at=min(self._warned.values(), default=None),
                moved_at=moved_at,
                home_at=home_at,
                answers=watch.answers,
            )
        )

    async def _until(self, done: Callable[[], bool], wait_for: str, seconds: float) -> None:
        await self._watch.until(done, wait_for, seconds, lambda: self._watch.given(self._affected))

    def _hold(self) -> None:
        for city in self._steady:
            self._hold_steady(city)
        for city in self._affected:
            self._hold_warned(city)
        if self._away and not self._all_moved():
            raise BrokenPromiseError(f"{self._region} is given out again, but it is dead")

    def _hold_steady(self, city: str) -> None:
        first, now = self._watch.first[city], self._watch.now[city]
        if (now.region, now.ttl) != (first.region, first.ttl):
            raise BrokenPromiseError(
                f"{city} has nothing to do with {self._region}, but its answer went from "
                f"{shown(first)} to {shown(now)}"
            )

    def _hold_warned(self, city: str) -> None:
        first, now = self._watch.first[city], self._watch.now[city]
        if now.ttl < first.ttl:
            if now.region == first.region:
                self._warned.setdefault(city, self._watch.at())
            elif city not in self._warned and self._environment.overlay.warns_before_fall(
                self._region
            ):
                raise BrokenPromiseError(
                    f"{city} was moved to {now.region} without a warning: no answer with a "
                    f"TTL below {first.ttl} s came before"
                )
        elif now.region != first.region:
            raise BrokenPromiseError(
                f"{city} was moved to {now.region} with the full TTL of {now.ttl} s: it could "
                "not come home sooner than that"
            )

    def _all_moved(self) -> bool:
        return all(self._watch.now[city].region != self._region for city in self._affected)

    def _all_home(self) -> bool:
        return all(self._watch.now[city].region == self._region for city in self._affected)
