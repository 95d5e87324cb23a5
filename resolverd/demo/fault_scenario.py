"""The scenario of injected faults: regions fail in their own ways, and answers follow.

What each city must be answered is known beforehand: the first region of its list that has no
fault for which it is to be withdrawn. A region that is only overloaded, or that does not take
our key, is not: it must stay up all the while, though it may send a share of its clients on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from resolverd.demo import events
from resolverd.demo.ask import Answer
from resolverd.demo.environment import Environment
from resolverd.demo.schedule import ScheduledFault
from resolverd.demo.watching import BrokenPromiseError, Emit, Watching, shown

# How long faults last once all is as they want it, so that a reader can follow.
LASTING_SECONDS = 3.0
# How long one lasts that must not withdraw its region: several probes.
HARMLESS_SECONDS = 8.0


async def begin(environment: Environment, scheduled: ScheduledFault) -> None:
    """Inject the fault into every endpoint of its region. Raises RegionProcessError."""
    await asyncio.gather(
        *(
            process.set_fault(scheduled.fault)
            for process in environment.regions.of(scheduled.region)
        )
    )


async def fail_and_recover(
    environment: Environment,
    baseline: dict[str, Answer],
    schedule: Sequence[ScheduledFault],
    emit: Emit,
) -> None:
    """Inject the scheduled faults, clear them, and verify that every city comes home.

    Raises BrokenPromiseError, NoAnswerError or RegionProcessError.
    """
    await _Failures(environment, baseline, schedule, emit).run()


class _Failures:
    """`_begun` has each region's fault once it has begun, and when (seconds).

    `_out` has the moments when their regions had left the answers, `_spilled` when they sent
    clients on; both in seconds.
    """

    def __init__(
        self,
        environment: Environment,
        baseline: dict[str, Answer],
        schedule: Sequence[ScheduledFault],
        emit: Emit,
    ) -> None:
        self._environment, self._schedule, self._emit = environment, schedule, emit
        self._fences = environment.fences()
        self._begun: dict[str, tuple[ScheduledFault, float]] = {}
        self._out: dict[str, float] = {}
        self._spilled: dict[str, float] = {}
        self._moved: set[str] = set()
        self._over = False
        regions = [scheduled.region for scheduled in schedule]
        self._watch = Watching(environment, baseline, regions, emit, self._hold)

    async def run(self) -> None:
        watch = self._watch
        self._emit(events.Schedule(tuple(map(str, self._schedule))))
        watch.began = time.monotonic()
        for scheduled in self._schedule:
            await watch.keep_polling(scheduled.at - watch.at(), f"{scheduled} to begin")
            await self._begin(scheduled)
        await watch.until(
            self._all_as_wanted, "the answers to move", self._seconds_to_move(), self._missing
        )
        await watch.keep_polling(self._lasting(), "the faults to end")
        self._over = True
        for scheduled in self._schedule:
            await asyncio.gather(
                *(
                    process.set_fault(None)
                    for process in self._environment.regions.of(scheduled.region)
                )
            )
            self._emit(events.Cleared(watch.at(), scheduled.region, scheduled.fault))
        back = self._seconds_to_return()
        await watch.until(self._all_home, "the answers to come home", back, self._missing)
        home_at = watch.at()
        ramp = float(max(answer.ttl for answer in watch.first.values()))
        await watch.until(watch.restored, "the TTLs to reach their full value", ramp, self._missing)
        self._emit(self._endured(home_at))

    async def _begin(self, scheduled: ScheduledFault) -> None:
        at = self._watch.at()
        await begin(self._environment, scheduled)
        self._begun[scheduled.region] = scheduled, at
        cities = tuple(c for c, now in self._watch.now.items() if now.region == scheduled.region)
        fault = scheduled.fault
        self._emit(
            events.Failing(at, scheduled.region, fault, fault.meaning, fault.withdraws, cities)
        )

    def _seconds_to_move(self) -> float:
        overlay = self._environment.overlay
        return max(
            overlay.seconds_to_fall(scheduled.region)
            if scheduled.fault.withdraws and not scheduled.fault.at_once
            else overlay.seconds_to_withdraw(scheduled.region)
            for scheduled in self._schedule
        )

    def _seconds_to_return(self) -> float:
        overlay, service = self._environment.overlay, self._environment.service
        return max(
            overlay.seconds_to_calm(scheduled.region, service)
            if scheduled.fault.crowds
            else overlay.seconds_to_rise(scheduled.region)
            for scheduled in self._schedule
        )

    def _lasting(self) -> float:
        harmless = any(not scheduled.fault.withdraws for scheduled in self._schedule)
        return HARMLESS_SECONDS if harmless else LASTING_SECONDS

    def _hold(self) -> None:
        """What must hold at any time; and take note of who has moved, and when."""
        watch = self._watch
        for region, (scheduled, _) in self._begun.items():
            verdict = watch.verdict(region)
            if not scheduled.fault.withdraws and not verdict.serves:
                raise BrokenPromiseError(
                    f"{region} is withdrawn for being {scheduled.fault}: {verdict.reason}"
                )
            if watch.shares.get(region, (0.0, 0.0))[0]:
                self._spilled.setdefault(region, watch.at())
            if self._over or not scheduled.fault.withdraws:
                continue
            if self._is_out(region) and not verdict.serves:
                self._out.setdefault(region, watch.at())
            elif region in self._out:
                raise BrokenPromiseError(
                    f"{region} is given out again, but it is {scheduled.fault}"
                )
        self._hold_cities()

    def _hold_cities(self) -> None:
        watch = self._watch
        for city, now in watch.now.items():
            if now.region != watch.first[city].region:
                self._moved.add(city)
            if now.region not in self._fences[city]:
                raise BrokenPromiseError(f"{city} may not be given {shown(now)}")
            if now != watch.first[city] and not self._concerned(city):
                raise BrokenPromiseError(
                    f"{city} has nothing to do with any fault, but its answer went from "
                    f"{shown(watch.first[city])} to {shown(now)}"
                )

    def _concerned(self, city: str) -> bool:
        return self._watch.first[city].region in self._begun

    def _is_out(self, region: str) -> bool:
        """Whether nobody is given it who could have another."""
        return all(
            now.region != region or not self._wanted(city) for city, now in self._watch.now.items()
        )

    def _wanted(self, city: str) -> tuple[str, ...]:
        """The city's regions that are not to be withdrawn, best first."""
        return tuple(
            region
            for region in self._fences[city]
            if region not in self._begun or not self._begun[region][0].fault.withdraws
        )

    def _as_wanted(self, city: str) -> bool:
        now, wanted = self._watch.now[city].region, self._wanted(city)
        if not wanted:
            return now == self._fences[city][0]
        spills = wanted[0] in self._begun
        return now == wanted[0] or (spills and now in wanted)

    def _all_as_wanted(self) -> bool:
        """Whether the answers are right, and each region has been seen to be as it is."""
        return not self._unseen() and all(map(self._as_wanted, self._watch.now))

    def _unseen(self) -> list[str]:
        """What is still to be seen of regions, in words."""
        spills = self._environment.overlay.spills(self._environment.service)
        begun = [scheduled for scheduled, _ in self._begun.values()]
        return [
            f"{scheduled.region} is not withdrawn"
            for scheduled in begun
            if scheduled.fault.withdraws and scheduled.region not in self._out
        ] + [
            f"{scheduled.region} sends nobody on"
            for scheduled in begun
            if scheduled.fault.crowds and spills and scheduled.region not in self._spilled
        ]

    def _all_home(self) -> bool:
        """Whether every city has its own region, and no region sends clients on any more."""
        watch = self._watch
        home = all(watch.now[city].region == watch.first[city].region for city in watch.now)
        return home and not watch.shares

    def _missing(self) -> str:
        """What is not yet as it should be, for a message."""
        watch = self._watch
        if self._over:
            late = [city for city in watch.now if watch.now[city] != watch.first[city]]
            return watch.given(late) or f"shares are {watch.shares}"
        late = [city for city in watch.now if not self._as_wanted(city)]
        return watch.given(late) or "; ".join(self._unseen())

    def _endured(self, home_at: float) -> events.Endured:
        watch = self._watch
        return events.Endured(
            at=watch.at(),
            faults=tuple(
                events.FaultOutcome(
                    region, scheduled.fault, at, self._out.get(region), self._spilled.get(region)
                )
                for region, (scheduled, at) in self._begun.items()
            ),
            moved=tuple(city for city in watch.now if city in self._moved),
            steady=tuple(city for city in watch.now if not self._concerned(city)),
            stuck=tuple(city for city in watch.now if not self._wanted(city)),
            home_at=home_at,
            answers=watch.answers,
        )
