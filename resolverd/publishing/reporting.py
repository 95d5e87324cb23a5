"""What one edge writes into the fleet: what it serves, its reports, and the next step of a trial.

Every edge sees which step is due, and one after another tries to write it, in the order of their
names; compare-and-set lets one through, and the others hear what it wrote.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from resolverd import log
from resolverd.config.fleet import Fleet
from resolverd.fleet.errors import FleetConflict, FleetUnavailable
from resolverd.fleet.link import Link
from resolverd.publishing import waves
from resolverd.publishing.disk import OnDisk, Tried
from resolverd.publishing.fleet_ledger import FleetLedger
from resolverd.publishing.model import Report

# Seconds between the moments at which edges, in the order of their names, write what is due.
_TURN_OF_EDGE = 0.3


@dataclass(slots=True)
class EdgeStatus:
    """How this edge stands, for the others, the state and metrics.

    `trouble` is why it does not serve what it should; `since` is Unix seconds, `wave_since` a
    reading of the monotonic clock.
    """

    serves: OnDisk | None = None
    since: float = 0.0
    trouble: str = ""
    wave_since: float = field(default_factory=time.monotonic)
    returned: int = 0


class Reporting:
    """Writes for the edge of `settings`; `unsaid` are its reports, until heard."""

    def __init__(self, link: Link, fleet: FleetLedger, settings: Fleet, status: EdgeStatus) -> None:
        self.unsaid: dict[Tried, Report] = {}
        self._link, self._fleet, self._settings = link, fleet, settings
        self._edge, self._status = settings.edge_name, status
        self._wave = (0, 0)
        self._due_since: float | None = None

    def note_wave(self, now: float) -> None:
        """Note since when the present wave is known, of which the ledger tells."""
        trial = self._fleet.ledger.trial
        wave = (trial.number, len(trial.waves)) if trial else (0, 0)
        if wave != self._wave:
            self._wave, self._status.wave_since, self._due_since = wave, now, None

    async def write(self, now: float) -> None:
        """Write what there is to be said, if a quorum takes it; else it is said later."""
        if not self._link.state.quorum:
            return
        try:
            await self._say(stopped=False)
            if not await self._report():
                await self._step(now)
        except FleetConflict as conflict:
            log.get("generations").info("generation.conflict", reason=str(conflict))
        except FleetUnavailable:
            self._due_since = None  # it is due still, once a quorum is there

    async def stop(self) -> None:
        """Say that this edge stops, so that no wave waits for it; the others would see it soon."""
        if self._link.state.quorum:
            try:
                await self._say(stopped=True)
            except FleetUnavailable as error:
                log.get("generations").info("generation.conflict", reason=str(error))

    async def _report(self) -> bool:
        """Write one report that somebody asks for; whether there was one."""
        for tried, report in list(self.unsaid.items()):
            ledger = self._fleet.ledger
            trial, generation = ledger.trial, ledger.get(tried.number)
            asked = generation is not None and tried.is_that(generation)
            changed = waves.report(ledger, tried.number, self._edge, report) if asked else None
            if changed is not None:
                await self._fleet.write(changed)
                return True  # the next once this was heard
            asked = asked and trial is not None and trial.number == tried.number
            if trial is None or not asked or self._edge in trial.reports:
                del self.unsaid[tried]
        return False

    async def _step(self, now: float) -> None:
        """Write the next step of the trial once it is this edge's turn to."""
        live = self._live()
        due = waves.step(self._fleet.ledger, waves.Seen(live, now - self._status.wave_since))
        if due is None:
            self._due_since = None
            return
        self._due_since = now if self._due_since is None else self._due_since
        names = sorted(live)
        turn = names.index(self._edge) if self._edge in names else len(names)
        if now - self._due_since >= _TURN_OF_EDGE * turn:
            await self._fleet.write(due)

    async def _say(self, *, stopped: bool) -> None:
        """Say what this edge serves, if that is news. Raises FleetUnavailable."""
        serves = self._status.serves
        await self._fleet.say_edge(
            self._edge,
            {
                "serves": serves.number if serves else 0,
                "digest": serves.digest if serves else "",
                "canary": self._settings.canary,
                "stopped": stopped,
                "trouble": self._status.trouble,
            },
        )

    def _live(self) -> Mapping[str, bool]:
        """The edges that follow generations and have been heard, with whether each is a canary."""
        heard = self._link.store.edges()
        return {
            edge: bool(row.get("canary"))
            for edge, row in self._fleet.edges().items()
            if edge in heard and not row.get("stopped")
        }
