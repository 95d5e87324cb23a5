"""The story of faults: regions fail in their own ways, and answers follow what probes make of it.

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
from resolverd.demo.script import Scene
from resolverd.demo.stage import Stage
from resolverd.demo.watching import BrokenPromiseError, Tell, Watching, shown

# How long faults last once all is as they want it, so that a reader can follow.
LASTING_SECONDS = 3.0
# How long one lasts that must not withdraw its region: several probes.
HARMLESS_SECONDS = 8.0


async def begin(stage: Stage, scene: Scene) -> None:
    """Let the whole region fail. Raises FleetError."""
    await asyncio.gather(*(each.play(scene.fault) for each in stage.fleet.of(scene.region)))


async def fail_and_mend(
    stage: Stage, at_first: dict[str, Answer], script: Sequence[Scene], tell: Tell
) -> None:
    """Play the scenes, end them, and see all come home.

    Raises BrokenPromiseError, NoAnswerError or FleetError.
    """
    await _Failures(stage, at_first, script, tell).play()


class _Failures:
    """`_begun` has the scenes that have begun, and when.

    `_out` tells when their regions had left the answers, `_spilled` when they sent clients on.
    """

    def __init__(
        self, stage: Stage, at_first: dict[str, Answer], script: Sequence[Scene], tell: Tell
    ) -> None:
        self._stage, self._script, self._tell = stage, script, tell
        self._fences = stage.fences()
        self._begun: dict[str, tuple[Scene, float]] = {}
        self._out: dict[str, float] = {}
        self._spilled: dict[str, float] = {}
        self._moved: set[str] = set()
        self._over = False
        regions = [scene.region for scene in script]
        self._watch = Watching(stage, at_first, regions, tell, self._hold)

    async def play(self) -> None:
        watch = self._watch
        self._tell(events.Script(tuple(map(str, self._script))))
        watch.began = time.monotonic()
        for scene in self._script:
            await watch.keep_looking(scene.at - watch.at(), f"{scene} to begin")
            await self._begin(scene)
        await watch.until(
            self._all_as_wanted, "the answers to move", self._seconds_to_move(), self._missing
        )
        await watch.keep_looking(self._lasting(), "the faults to end")
        self._over = True
        for scene in self._script:
            await asyncio.gather(*(each.play(None) for each in self._stage.fleet.of(scene.region)))
            self._tell(events.Mended(watch.at(), scene.region, scene.fault))
        back = self._seconds_to_return()
        await watch.until(self._all_home, "the answers to come home", back, self._missing)
        home_at = watch.at()
        ramp = float(max(answer.ttl for answer in watch.first.values()))
        await watch.until(watch.restored, "the TTLs to reach their full value", ramp, self._missing)
        self._tell(self._endured(home_at))

    async def _begin(self, scene: Scene) -> None:
        at = self._watch.at()
        await begin(self._stage, scene)
        self._begun[scene.region] = scene, at
        cities = tuple(c for c, now in self._watch.now.items() if now.region == scene.region)
        fault = scene.fault
        self._tell(events.Failing(at, scene.region, fault, fault.meaning, fault.withdraws, cities))

    def _seconds_to_move(self) -> float:
        setting = self._stage.setting
        return max(
            setting.seconds_to_fall(scene.region)
            if scene.fault.withdraws and not scene.fault.at_once
            else setting.seconds_to_withdraw(scene.region)
            for scene in self._script
        )

    def _seconds_to_return(self) -> float:
        setting, service = self._stage.setting, self._stage.service
        return max(
            setting.seconds_to_calm(scene.region, service)
            if scene.fault.crowds
            else setting.seconds_to_rise(scene.region)
            for scene in self._script
        )

    def _lasting(self) -> float:
        harmless = any(not scene.fault.withdraws for scene in self._script)
        return HARMLESS_SECONDS if harmless else LASTING_SECONDS

    def _hold(self) -> None:
        """What must hold at any time; and take note of who has moved, and when."""
        watch = self._watch
        for region, (scene, _) in self._begun.items():
            verdict = watch.verdict(region)
            if not scene.fault.withdraws and not verdict.serves:
                raise BrokenPromiseError(
                    f"{region} is withdrawn for being {scene.fault}: {verdict.reason}"
                )
            if watch.shares.get(region, (0.0, 0.0))[0]:
                self._spilled.setdefault(region, watch.at())
            if self._over or not scene.fault.withdraws:
                continue
            if self._is_out(region) and not verdict.serves:
                self._out.setdefault(region, watch.at())
            elif region in self._out:
                raise BrokenPromiseError(f"{region} is given out again, but it is {scene.fault}")
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
        spills = self._stage.setting.spills(self._stage.service)
        begun = [scene for scene, _ in self._begun.values()]
        return [
            f"{scene.region} is not withdrawn"
            for scene in begun
            if scene.fault.withdraws and scene.region not in self._out
        ] + [
            f"{scene.region} sends nobody on"
            for scene in begun
            if scene.fault.crowds and spills and scene.region not in self._spilled
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
                events.Fault(
                    region, scene.fault, at, self._out.get(region), self._spilled.get(region)
                )
                for region, (scene, at) in self._begun.items()
            ),
            moved=tuple(city for city in watch.now if city in self._moved),
            steady=tuple(city for city in watch.now if not self._concerned(city)),
            stuck=tuple(city for city in watch.now if not self._wanted(city)),
            home_at=home_at,
            answers=watch.answers,
        )
