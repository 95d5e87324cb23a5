"""Every city asked over and over: changes are emitted, and promises are waited for or broken."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from resolverd.demo.ask import Answer
from resolverd.demo.environment import Environment
from resolverd.demo.events import Change, Event, Health, Shares, Waiting
from resolverd.errors import ExitCode, ResolverdError
from resolverd.health.verdict import Verdict

Emit = Callable[[Event], None]

# Seconds between two queries for all cities: more misses short-lived answers.
POLL_SECONDS = 0.1
# Beyond what the probe settings allow: for a machine that is busy with something else.
GRACE_SECONDS = 10.0
# A rising TTL is shown in so many steps; more of them print more lines.
RAMP_STEPS = 4


class BrokenPromiseError(ResolverdError):
    """What was seen is not what resolverd promises."""

    exit_code = ExitCode.PROBLEMS


class Watching:
    """The cities from `began` on (a monotonic reading), and what probes say of some regions.

    `now` holds the last answers, `first` those before anything happened, `answers` counts them
    all. `shares` are what each region sends on and takes now, where that is anything. `hold` is
    called after each poll, and raises BrokenPromiseError.
    """

    def __init__(
        self,
        environment: Environment,
        baseline: dict[str, Answer],
        regions: Iterable[str],
        emit: Emit,
        hold: Callable[[], None],
    ) -> None:
        self.began = time.monotonic()
        self.first, self.now, self.answers = baseline, baseline, 0
        self.regions = tuple(regions)
        self._environment, self._emit, self._hold = environment, emit, hold
        self._shown = baseline
        self._states = {region: self._short(region) for region in self.regions}
        self._service = environment.service
        self.shares: dict[str, tuple[float, float]] = {}

    def at(self) -> float:
        """Seconds since it began, rounded to a tenth."""
        return round(time.monotonic() - self.began, 1)

    async def until(
        self,
        done: Callable[[], bool],
        wait_for: str,
        seconds: float,
        missing: Callable[[], str],
    ) -> None:
        """Look until `done`. Raises BrokenPromiseError after `seconds` and some grace."""
        limit = time.monotonic() + seconds + GRACE_SECONDS
        while True:
            await self._poll()
            if done():
                return
            if time.monotonic() > limit:
                raise BrokenPromiseError(
                    f"waited {seconds + GRACE_SECONDS:.0f} s in vain for {wait_for}: {missing()}"
                )
            self._emit(Waiting(self.at(), wait_for))
            await asyncio.sleep(POLL_SECONDS)

    async def keep_polling(self, seconds: float, wait_for: str) -> None:
        """Poll for `seconds`. Raises BrokenPromiseError."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._emit(Waiting(self.at(), wait_for))
            await asyncio.sleep(POLL_SECONDS)
            await self._poll()

    def restored(self) -> bool:
        """Whether every city has the answer and the TTL that it had at first."""
        return all(
            (self.now[city].region, self.now[city].ttl) == (first.region, first.ttl)
            for city, first in self.first.items()
        )

    def given(self, cities: Iterable[str]) -> str:
        """What `cities` are answered now, for an error message."""
        return "; ".join(f"{city} is given {shown(self.now[city])}" for city in cities)

    def verdict(self, region: str) -> Verdict:
        """What probes say of the region's first endpoint."""
        return self._environment.daemon.verdicts[self._environment.overlay.targets_of(region)[0]]

    async def _poll(self) -> None:
        """Ask every city once, emit what has changed, and check the promises."""
        self.now = await self._environment.ask_all()
        self.answers += len(self.now)
        for region in self.regions:
            self._emit_health(region)
        self._emit_shares()
        self._emit_changes()
        self._hold()

    def _short(self, region: str) -> tuple[str, str]:
        verdict = self.verdict(region)
        return verdict.state.value, verdict.condition.value

    def _emit_health(self, region: str) -> None:
        short = self._short(region)
        if short != self._states[region]:
            self._states[region] = short
            self._emit(Health(self.at(), region, *short, self.verdict(region).reason))

    def _emit_shares(self) -> None:
        load, service = self._environment.daemon.load, self._service
        now = {
            region: (round(share.spill_ratio, 3), round(share.accept_ratio, 3))
            for (name, region), share in load.shares().items()
            if name == service and (share.spill_ratio or share.accept_ratio)
        }
        known = load.saturations()
        for region in sorted(now.keys() | self.shares.keys()):
            (spill_ratio, accept_ratio), old = (
                now.get(region, (0.0, 0.0)),
                self.shares.get(region, (0.0, 0.0)),
            )
            # How much is taken follows from what is sent on; that it is taken is the news.
            if (spill_ratio, accept_ratio > 0) != (old[0], old[1] > 0):
                saturation = known.get((service, region))
                full = None if saturation is None else round(saturation, 2)
                self._emit(Shares(self.at(), region, spill_ratio, accept_ratio, full))
        self.shares = now

    def _emit_changes(self) -> None:
        """One `Change` for all cities whose answers changed alike."""
        alike: defaultdict[tuple[str, str, int, int], list[str]] = defaultdict(list)
        for city, now in self.now.items():
            shown = self._shown[city]
            if _worth_emitting(shown, now, self.first[city].ttl):
                alike[(shown.region, now.region, shown.ttl, now.ttl)].append(city)
        for (before, after, ttl_before, ttl_after), cities in alike.items():
            self._emit(Change(self.at(), tuple(cities), before, after, ttl_before, ttl_after))
            self._shown = self._shown | {city: self.now[city] for city in cities}


def shown(answer: Answer) -> str:
    """An answer in the words of a message: its region, TTL and extended error."""
    note = f" ({answer.note})" if answer.note else ""
    return f"{answer.region} for {answer.ttl} s{note}"


def _worth_emitting(shown: Answer, now: Answer, full: int) -> bool:
    if now.region != shown.region or now.ttl < shown.ttl:
        return True
    return now.ttl > shown.ttl and (now.ttl >= full or now.ttl - shown.ttl >= full / RAMP_STEPS)
