"""The story: who gets what, a region dies, answers move, it returns, answers come home.

It verifies itself. Every city is asked over and over, by real queries, from before the kill
until all is as it was; a promise that was not kept raises BrokenPromiseError.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

from resolverd.demo.ask import Answer
from resolverd.demo.cities import CITIES
from resolverd.demo.events import (
    Change,
    Endpoint,
    Event,
    Health,
    Hints,
    Kept,
    Killed,
    Placements,
    Ready,
    Restarted,
    Row,
    Waiting,
)
from resolverd.demo.stage import NAME, Stage
from resolverd.errors import ExitCode, ResolverdError

Tell = Callable[[Event], None]

# The region that this city gets is the one that is killed.
VICTIM_CITY = "Tokyo"
POLL_SECONDS = 0.1
# How long the region stays away, so that a reader can follow.
AWAY_SECONDS = 3.0
# Beyond what the probe settings allow: for a machine that is busy with something else.
GRACE_SECONDS = 10.0
# A TTL on its way up is told in so many steps.
RAMP_STEPS = 4


class BrokenPromiseError(ResolverdError):
    """What was seen is not what resolverd promises."""

    exit_code = ExitCode.PROBLEMS


async def open_scene(stage: Stage, began: float, tell: Tell) -> dict[str, Answer]:
    """Tell what runs and which region each city gets; `began` is a monotonic reading."""
    server = stage.server
    endpoints = tuple(Endpoint(p.post.region, p.url, p.pid) for p in stage.fleet.processes)
    seconds = time.monotonic() - began
    tell(Ready(NAME, server.address, server.port, endpoints, round(seconds, 1)))
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
    """One kill and return; `_now` holds the last answers, `_shown` those last told."""

    def __init__(self, stage: Stage, at_first: dict[str, Answer], tell: Tell) -> None:
        self._stage, self._tell = stage, tell
        self._first, self._now, self._shown = at_first, at_first, at_first
        self._region = at_first[VICTIM_CITY].region
        self._affected = tuple(c for c, a in at_first.items() if a.region == self._region)
        self._steady = tuple(c for c in at_first if c not in self._affected)
        self._warned: dict[str, float] = {}
        self._state = ""
        self._answers = 0
        self._killed_at = 0.0

    async def play(self) -> None:
        setting, victims = self._stage.setting, self._stage.fleet.of(self._region)
        pids = tuple(process.pid for process in victims)
        self._state = self._verdict()[0]
        self._killed_at = time.monotonic()
        await asyncio.gather(*(process.kill() for process in victims))
        self._tell(Killed(self._region, pids, self._affected))
        await self._until(
            self._all_moved, "the answers to move", setting.seconds_to_fall(self._region)
        )
        moved_at = self._at()
        await self._stay_away(AWAY_SECONDS)
        await asyncio.gather(*(process.start() for process in victims))
        back = tuple(process.pid for process in victims)
        self._tell(Restarted(self._at(), self._region, back))
        to_rise = setting.seconds_to_rise(self._region)
        await self._until(self._all_home, "the answers to come home", to_rise)
        home_at = self._at()
        ramp = float(max(answer.ttl for answer in self._first.values()))
        await self._until(self._all_restored, "the TTLs to reach their full value", ramp)
        pinned = tuple(city for city, pins in self._stage.pins().items() if pins)
        self._tell(
            Kept(
                at=self._at(),
                region=self._region,
                moved=self._affected,
                steady=self._steady,
                pinned=tuple(city for city in pinned if city in self._steady),
                warned_at=min(self._warned.values(), default=None),
                moved_at=moved_at,
                home_at=home_at,
                answers=self._answers,
            )
        )

    async def _until(self, done: Callable[[], bool], wait_for: str, seconds: float) -> None:
        limit = time.monotonic() + seconds + GRACE_SECONDS
        while True:
            await self._look()
            if done():
                return
            if time.monotonic() > limit:
                raise BrokenPromiseError(
                    f"waited {seconds + GRACE_SECONDS:.0f} s in vain for {wait_for}: "
                    + "; ".join(f"{c} is given {_told(self._now[c])}" for c in self._affected)
                )
            self._tell(Waiting(self._at(), wait_for))
            await asyncio.sleep(POLL_SECONDS)

    async def _stay_away(self, seconds: float) -> None:
        """Nobody is given the dead region."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tell(Waiting(self._at(), f"{self._region} to be started again"))
            await asyncio.sleep(POLL_SECONDS)
            await self._look()
            if not self._all_moved():
                raise BrokenPromiseError(f"{self._region} is given out again, but it is dead")

    async def _look(self) -> None:
        """Ask every city once, tell what has changed, and hold it against the promises."""
        self._now = await self._stage.ask_all()
        self._answers += len(self._now)
        state, reason = self._verdict()
        if state != self._state:
            self._state = state
            self._tell(Health(self._at(), self._region, state, reason))
        self._tell_changes()
        for city in self._steady:
            self._hold_steady(city)
        for city in self._affected:
            self._hold_warned(city)

    def _hold_steady(self, city: str) -> None:
        first, now = self._first[city], self._now[city]
        if (now.region, now.ttl) != (first.region, first.ttl):
            raise BrokenPromiseError(
                f"{city} has nothing to do with {self._region}, but its answer went from "
                f"{_told(first)} to {_told(now)}"
            )

    def _hold_warned(self, city: str) -> None:
        first, now = self._first[city], self._now[city]
        if now.ttl < first.ttl:
            if now.region == first.region:
                self._warned.setdefault(city, self._at())
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
        return all(self._now[city].region != self._region for city in self._affected)

    def _all_home(self) -> bool:
        return all(self._now[city].region == self._region for city in self._affected)

    def _all_restored(self) -> bool:
        return all(
            (self._now[city].region, self._now[city].ttl) == (first.region, first.ttl)
            for city, first in self._first.items()
        )

    def _tell_changes(self) -> None:
        """One `Change` for all cities whose answers changed alike."""
        alike: defaultdict[tuple[str, str, int, int], list[str]] = defaultdict(list)
        for city, now in self._now.items():
            shown = self._shown[city]
            if self._worth_telling(shown, now, self._first[city].ttl):
                alike[(shown.region, now.region, shown.ttl, now.ttl)].append(city)
        for (before, after, ttl_before, ttl_after), cities in alike.items():
            self._tell(Change(self._at(), tuple(cities), before, after, ttl_before, ttl_after))
            self._shown = self._shown | {city: self._now[city] for city in cities}

    @staticmethod
    def _worth_telling(shown: Answer, now: Answer, full: int) -> bool:
        if now.region != shown.region or now.ttl < shown.ttl:
            return True
        return now.ttl > shown.ttl and (now.ttl >= full or now.ttl - shown.ttl >= full / RAMP_STEPS)

    def _verdict(self) -> tuple[str, str]:
        """State and reason of the region's first endpoint, as the daemon's probes see it."""
        target = self._stage.setting.targets_of(self._region)[0]
        verdict = self._stage.daemon.verdicts[target]
        return verdict.state.value, verdict.reason

    def _at(self) -> float:
        return round(time.monotonic() - self._killed_at, 1)


def _told(answer: Answer) -> str:
    note = f" ({answer.note})" if answer.note else ""
    return f"{answer.region} for {answer.ttl} s{note}"
