"""The story: who gets what, a region dies, answers move, it returns, answers come home.

It verifies itself. Every city is asked over and over, by real queries, from before the kill
until all is as it was; a promise that was not kept raises BrokenPromiseError.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from resolverd.demo.ask import Answer
from resolverd.demo.cities import CITIES
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
from resolverd.demo.stage import NAME, Stage
from resolverd.demo.watching import BrokenPromiseError, Tell, Watching, shown

# The region that this city gets is the one that is killed.
VICTIM_CITY = "Tokyo"
# How long the region stays away, so that a reader can follow.
AWAY_SECONDS = 3.0


async def open_scene(stage: Stage, began: float, tell: Tell) -> dict[str, Answer]:
    """Tell what runs and which region each city gets; `began` is a monotonic reading."""
    server = stage.server
    endpoints = tuple(
        Endpoint(p.post.region, p.url, p.pid, p.control, stage.setting.taken_of(p.post))
        for p in stage.fleet.processes
    )
    tell(
        Ready(
            NAME,
            server.address,
            server.port,
            endpoints,
            round(time.monotonic() - began, 1),
            engine=stage.daemon.engine.name,
            why_not_native=stage.why_not_native,
            taken=stage.setting.taken,
        )
    )
    pins, answers = stage.pins(), await stage.ask_all()
    rows = tuple(Row(c.name, str(c.client), answers[c.name], pins[c.name]) for c in CITIES)
    tell(Placements(rows, stage.setting.countries_only))
    client = next(city.client for city in CITIES if city.name == VICTIM_CITY)
    dig = f"dig @{server.address} -p {server.port} {NAME} +subnet={client}"
    tell(Hints(dig, tuple(map(str, stage.setting.files))))
    return answers


async def kill_and_return(stage: Stage, at_first: dict[str, Answer], tell: Tell) -> None:
    """Kill a region and bring it back. Raises BrokenPromiseError or NoAnswerError."""
    await _Drama(stage, at_first, tell).play()


class _Drama:
    """One kill and return."""

    def __init__(self, stage: Stage, at_first: dict[str, Answer], tell: Tell) -> None:
        self._stage, self._tell = stage, tell
        self._region = at_first[VICTIM_CITY].region
        self._affected = tuple(c for c, a in at_first.items() if a.region == self._region)
        self._steady = tuple(c for c in at_first if c not in self._affected)
        self._warned: dict[str, float] = {}
        self._away = False
        self._watch = Watching(stage, at_first, [self._region], tell, self._hold)

    async def play(self) -> None:
        setting, watch = self._stage.setting, self._watch
        victims = self._stage.fleet.of(self._region)
        pids = tuple(process.pid for process in victims)
        watch.began = time.monotonic()
        await asyncio.gather(*(process.kill() for process in victims))
        self._tell(Killed(self._region, pids, self._affected))
        await self._until(
            self._all_moved, "the answers to move", setting.seconds_to_fall(self._region)
        )
        moved_at, self._away = watch.at(), True
        await watch.keep_looking(AWAY_SECONDS, f"{self._region} to be started again")
        self._away = False
        await asyncio.gather(*(process.start() for process in victims))
        back = tuple(process.pid for process in victims)
        self._tell(Restarted(watch.at(), self._region, back))
        to_rise = setting.seconds_to_rise(self._region)
        await self._until(self._all_home, "the answers to come home", to_rise)
        home_at = watch.at()
        ramp = float(max(answer.ttl for answer in watch.first.values()))
        await self._until(watch.restored, "the TTLs to reach their full value", ramp)
        pinned = tuple(city for city, pins in self._stage.pins().items() if pins)
        self._tell(
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
            elif city not in self._warned and self._stage.setting.warns_before_fall(self._region):
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
