"""Each address brought to the phase that it should have, and kept there.

    turn     what is wanted by now ─► may it go? (the floor) ─► the speaker, proved ─► it stands so

A speaker that does not have what it was told is told again at each turn; one that cannot be asked,
where something is to change. An edge joins the fleet's floor once its route is proved, and leaves
it before it withdraws.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from resolverd import log
from resolverd.anycast.damping import Damping
from resolverd.anycast.fitness import Fitness, Reason, is_dead, is_planned
from resolverd.anycast.fleet import FloorUnknownError, SharedFloor
from resolverd.anycast.speaker import Speaker, SpeakerError
from resolverd.anycast.transitions import Phase, RouteState, Rules, moved, observed, wanted
from resolverd.config.anycast import Anycast

_SHOWN = (Phase.RAISED, Phase.ANNOUNCED)


@dataclass(slots=True)
class Route:
    """One address: how it stands, what holds it, and what the speaker has of it.

    `held` is why it stays announced although it should not be; `failing` why the speaker does not
    have it as it should; `proved_at` the clock at the last proof, None before the first.
    """

    address: str
    state: RouteState
    reasons: tuple[Reason, ...] = ()
    proved: Phase | None = None
    proved_at: float | None = None
    held: str = ""
    failing: str = ""
    joined: bool = False
    changes: Counter[str] = field(default_factory=Counter)


class Announcer:
    """The routes of this edge. `force` lets them go whatever the floor says."""

    def __init__(self, settings: Anycast, speaker: Speaker, floor: SharedFloor) -> None:
        now = time.monotonic()
        self.routes = {a: Route(a, RouteState(Phase.WITHDRAWN, now)) for a in settings.addresses}
        self.rules = Rules(
            settings.mode == "metric",
            settings.raised_for,
            Damping(settings.fit_for, settings.fit_for_most, settings.forget),
        )
        self.force = False
        self._settings, self._speaker, self._floor = settings, speaker, floor
        self._log = log.get("anycast")

    async def begin(self) -> None:
        """Withdraw what an earlier process has left announced, where the floor lets it go."""
        await self._look()
        for route in self.routes.values():
            left = self._inherited(route)
            route.reasons = (Reason("stopping", "an earlier process has left it announced"),)
            if left is not Phase.WITHDRAWN:
                self._log.warning("anycast.inherited", address=route.address, before=left.value)
            least = 0 if left is Phase.WITHDRAWN else self._least
            if await self._may_go(route, least):
                await self._bring(route, Phase.WITHDRAWN)
            else:
                route.state = route.state._replace(phase=left)
                await self._bring(route, left)

    def _inherited(self, route: Route) -> Phase:
        """What is there from before: by the speaker's tables, else by what the fleet counts."""
        if self._speaker.proves and route.proved is not None:
            return route.proved
        return Phase.ANNOUNCED if self._floor.counts(route.address) else Phase.WITHDRAWN

    async def turn(self, fitness: Fitness) -> None:
        """Judge each address anew, and do what follows."""
        unasked = await self._look()
        now = time.monotonic()
        await asyncio.gather(
            *(
                self._turn(route, fitness.of(route.address), now, unasked)
                for route in self.routes.values()
            )
        )
        self._floor.tell([a for a in self.announced if self.routes[a].proved in _SHOWN])

    @property
    def announced(self) -> list[str]:
        """The addresses that are announced, with a raised metric or not."""
        return [r.address for r in self.routes.values() if r.state.phase is not Phase.WITHDRAWN]

    def refused(self) -> Mapping[str, str]:
        """Of each address that stays although it should go, why."""
        return {r.address: r.held for r in self.routes.values() if r.held}

    async def _turn(
        self, route: Route, reasons: tuple[Reason, ...], now: float, unasked: str
    ) -> None:
        """`unasked` is why the speaker could not be asked in this turn, empty where it was."""
        route.reasons = reasons
        route.state = observed(route.state, reasons, now)
        phase = wanted(route.state, reasons, self.rules, now)
        goes = phase is Phase.WITHDRAWN and route.state.phase is not Phase.WITHDRAWN
        if not goes:
            route.held = ""
        elif not await self._may_go(route, self._least):
            phase = Phase.RAISED if self.rules.raises else route.state.phase
        changes = phase is not route.state.phase
        if unasked and not changes:  # to wait for it once more would keep a drain waiting
            self._unproved(route, unasked)
        elif changes or phase is not route.proved or route.failing:
            await self._bring(route, phase)
        if route.state.phase is not Phase.WITHDRAWN and not self._counted(route):
            await self._join(route)

    async def _bring(self, route: Route, phase: Phase) -> None:
        """Have the speaker do it; the address stands so once that is proved."""
        before = route.state
        try:
            await self._speaker.apply(route.address, phase)
        except SpeakerError as error:
            self._unproved(route, str(error))
            return
        if route.failing:
            self._log.info("anycast.proved", address=route.address, after=phase.value)
        route.failing = ""
        now = time.monotonic()
        route.proved, route.proved_at = phase, now
        route.state = moved(before, phase, route.reasons, self.rules, now)
        if before.phase is not phase:
            self._tell(route, before.phase)

    def _unproved(self, route: Route, reason: str) -> None:
        if reason != route.failing:
            self._log.error("anycast.unproved", address=route.address, reason=reason)
        route.failing = reason

    def _tell(self, route: Route, before: Phase) -> None:
        after = route.state.phase
        route.changes[after] += 1
        good = after is Phase.ANNOUNCED or is_planned(route.reasons)
        (self._log.info if good else self._log.warning)(
            "anycast.changed",
            address=route.address,
            before=before.value,
            after=after.value,
            reason=in_words(route.reasons) or "it is fit",
        )

    async def _may_go(self, route: Route, least: int) -> bool:
        """Leave the floor; where that is refused the address is held."""
        try:
            why = await self._floor.leave(route.address, least)
        except FloorUnknownError as error:
            goes = (
                self.force
                or self._settings.without_fleet == "withdraw"
                or is_dead(route.reasons)
                or any(reason.code == "stopping" for reason in route.reasons)
            )
            why = "" if goes else f"{error}; without_fleet says to stay"
        if why and why != route.held:
            self._log.error(
                "anycast.held",
                address=route.address,
                reason=why,
                meanwhile=in_words(route.reasons),
            )
        route.held = why
        if not why:
            route.joined = False
        return not why

    @property
    def _least(self) -> int:
        return 0 if self.force else self._settings.min_edges

    def _counted(self, route: Route) -> bool:
        """Whether the floor counts this edge; one that NATS has lost counts nobody any more."""
        return route.joined and self._floor.counts(route.address)

    async def _join(self, route: Route) -> None:
        try:
            await self._floor.join(route.address)
        except FloorUnknownError:
            return  # at the next turn
        route.joined = True

    async def _look(self) -> str:
        """What the speaker has now; why it cannot be asked, or empty."""
        try:
            found = await self._speaker.proved()
        except SpeakerError as error:
            for route in self.routes.values():
                route.proved = None
            return str(error)
        now = time.monotonic()
        for route in self.routes.values():
            phase = found[route.address]
            if phase is route.state.phase:
                route.proved_at = now
            elif route.proved is route.state.phase:
                self._log.warning(
                    "anycast.contradicted",
                    address=route.address,
                    before=route.state.phase.value,
                    after=phase.value,
                )
            route.proved = phase
        return ""


def in_words(reasons: tuple[Reason, ...]) -> str:
    """All reasons, in one line."""
    return "; ".join(reason.text for reason in reasons)
