"""One edge's part in published generations: what it serves of them, its proof, and its reports.

`prepare` before the daemon loads its files: the last good set is on the disk, and the newest
completed one is fetched if the fleet can be asked. `keep` afterwards, for ever: the ledger is
heard, `waves.wanted` says what to serve, and `waves.step` what to write. Whatever fails here is an
event and costs nothing of what is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

from resolverd import log, stop_limits
from resolverd.config.fleet import Fleet
from resolverd.engine.counters import Counters
from resolverd.engine.interface import LateReplyError
from resolverd.errors import ResolverdError
from resolverd.files.replay import Replay
from resolverd.files.threads import detached
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.link import Link
from resolverd.publishing import waves
from resolverd.publishing.disk import GenerationFiles, OnDisk, Tried
from resolverd.publishing.disk_changes import DiskChanges
from resolverd.publishing.fetching import START_TIMEOUT, TURN, fetched
from resolverd.publishing.fleet_ledger import FleetLedger
from resolverd.publishing.model import Generation, Ledger, Report, ReportState
from resolverd.publishing.packing import unpack
from resolverd.publishing.panel import answers_of
from resolverd.publishing.proof import Answers
from resolverd.publishing.reporting import EdgeStatus, Reporting
from resolverd.publishing.trial import OnTrial
from resolverd.snapshot.model import Snapshot

# Seconds until what an edge could not serve of a completed generation is tried again. No option: a
# try costs one load of the set, and only what is mended on this very host (its own file, its disk)
# waits for one. Whatever is published next, or an earlier generation again, is taken at once.
_AGAIN = 30.0


class Serving(Protocol):
    """The daemon, as far as a proof asks it."""

    @property
    def snapshot(self) -> Snapshot:
        """What is served."""

    async def counters(self) -> Counters:
        """What the engine has counted."""


class Adopting(Protocol):
    """What adopts sets (`adoption.Adoption`)."""

    async def take(
        self,
        replay: Replay,
        place: AbstractAsyncContextManager[None],
        *,
        accept_losses: bool,
        trial: bool,
    ) -> None:
        """Serve a set whole. Raises ResolverdError and OSError, with nothing changed."""

    def record(self, path: str) -> str:
        """The SHA-256 of the record of the set that is served, which has this path."""

    def end_trial(self) -> None:
        """What is served has proved itself: it is kept for a start like any other."""


class EdgeGenerations:
    """Generations at the edge of `settings`, whose own file is in `base`, kept in `files`."""

    def __init__(self, link: Link, settings: Fleet, base: Path, files: GenerationFiles) -> None:
        self.status = EdgeStatus()
        self.link = link
        self._settings, self._base, self._files = settings, base, files
        self._edge = settings.edge_name
        self.waited = 0.0
        """Seconds that `prepare` has taken of those for which a start waits for the fleet."""
        self.fleet = FleetLedger(link.store)
        self._reporting = Reporting(link, self.fleet, settings, self.status)
        self._adopting: Adopting
        self._serving: Serving
        self._trial: OnTrial | None = None
        self._refused: set[Tried] = set()
        self._started = False
        self._refused_at = 0.0
        self._news = asyncio.Event()
        # What changes which set is current, of a task that was cancelled too.
        self._changes = DiskChanges()
        self._log = log.get("generations")

    @property
    def ledger(self) -> Ledger:
        """The newest ledger that was heard."""
        return self.fleet.ledger

    @property
    def on_trial(self) -> bool:
        """Whether what is served has not proved itself yet, or the fleet has not finished."""
        return self._trial is not None

    async def prepare(self, within: float) -> None:
        """Have the set on the disk that is to be loaded, `within` seconds of the fleet.

        What cannot be had is an event. A newer set that takes longer comes while an earlier one is
        served; where there is none, it is waited for.
        """
        began = time.monotonic()
        try:
            if ended := await self._changes.make(self._files.recover):
                self._refuse(ended, "the daemon ended while this generation was on trial")
                self._log.error("generation.recovered", number=ended.number)
            self.status.serves = await detached(self._files.current)
            await self.link.store.current(within)
            await self._newest(within - (time.monotonic() - began))
        except (FleetUnavailable, OSError) as error:
            serves = self.status.serves
            self._log.warning(
                "generation.alone", reason=str(error), number=serves.number if serves else 0
            )
        self.status.since, self.waited = time.time(), time.monotonic() - began

    async def _newest(self, within: float) -> None:
        """Put the newest completed generation in place; before any is, the one on trial."""
        self.fleet.read()
        serves, ledger = self.status.serves, self.ledger
        number = ledger.completed
        if serves is None and not number and ledger.trial is not None:
            number = ledger.trial.number
        generation = ledger.get(number)
        if generation is None:
            return
        try:
            # From the disk, unless it was damaged there.
            found = await self._fetch(generation, within if serves else START_TIMEOUT)
            await self._changes.make(partial(self._files.switch, found))
            self.status.serves = found
        except FleetUnavailable:
            raise
        except (ResolverdError, OSError) as error:
            self.status.trouble = f"generation {number}: {error}"
            self._log.error("generation.refused", number=number, reason=str(error))

    def into(self, adopting: Adopting, serving: Serving) -> None:
        """Serve through these from now on, which serve the current set."""
        self._adopting, self._serving = adopting, serving

    async def keep(self) -> None:
        """Follow the ledger; never returns."""
        await self._note_start()
        self.fleet.follow(self._news.set)
        while True:
            await self._turn(time.monotonic())
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TURN):
                    await self._news.wait()

    async def _note_start(self) -> None:
        """Where the current set was refused, and kept files are served, have theirs be current.

        Else a reload would find the refused one, and adopt a part of it.
        """
        serves, record = self.status.serves, self._adopting.record(self._files.record_path)
        first, self._started = not self._started, True
        if serves is None or not first or record == self._files.record_digest(serves):
            return
        found = await detached(partial(self._files.with_record, record))
        if found is not None:
            await self._changes.make(partial(self._files.switch, found))
        self._now_serves(found)
        self._refuse(_tried(serves), "it was refused at the start")

    async def stop(self) -> None:
        """Have the last good set be the one to start with: a stop is no failure of a trial.

        The others hear that this edge is away, so that no wave waits for it.
        """
        # Noted is what a turn that was cut short has not begun to prove yet, too.
        back = self._changes.put_back(self._files.recover, within=stop_limits.SETTLE)
        await asyncio.gather(back, self._reporting.stop())

    async def _turn(self, now: float) -> None:
        self._reporting.note_wave(now)
        await self._serve_wanted(now)
        if self._trial is not None and not self._trial.over:
            await self._prove(self._trial, now)
        await self._reporting.write(now)

    # --- what is served ---------------------------------------------------------------------

    async def _serve_wanted(self, now: float) -> None:
        serves, ledger = self.status.serves, self.ledger
        generation = ledger.get(self._wanted(now))
        if generation is None:
            if ledger.trial is None and self._trial is not None and not ledger.completed:
                await self._end_trial()  # there is nothing that it could return to
            return
        trial = generation.number != ledger.completed
        if serves is not None and _tried(serves) == _tried(generation):
            if self._trial is not None and not trial:
                await self._settle(generation)
            elif self._trial is None and trial:
                # It started from it, for there was no other.
                self._begin(generation, {}, await self._serving.counters(), now)
            return
        refused = self._refusals(generation)
        if not trial and refused:
            if now - self._refused_at < _AGAIN:
                return
            self._refused -= refused
        await self._take(generation, trial=trial, now=now)

    def _wanted(self, now: float) -> int:
        """The number to serve; without a quorum for long, nothing that is on trial."""
        ledger = self.ledger
        state, trial = self.link.state, self._trial
        alone = 0.0 if state.quorum else now - state.since
        if trial is not None and alone > trial.generation.terms.patience:
            return ledger.completed
        empty = self.status.serves is None
        refused = [each.number for each in ledger.generations if self._refusals(each)]
        return waves.wanted(ledger, self._edge, empty=empty, refused=refused)

    def _refusals(self, generation: Generation) -> set[Tried]:
        """Those of what this edge could not serve that are this one."""
        return {each for each in self._refused if each.is_that(generation)}

    async def _take(self, generation: Generation, *, trial: bool, now: float) -> None:
        number, before = generation.number, self.status.serves
        try:
            found = await self._fetch(generation)
            answers = await detached(partial(answers_of, self._serving.snapshot)) if trial else {}
            counters = await self._serving.counters()
            replay = await detached(partial(self._files.replay, found, self._base))
            place = self._place(found, before, trial=trial)
            losses = generation.terms.accept_losses if trial else True
            await self._adopting.take(replay, place, accept_losses=losses, trial=trial)
        except FleetUnavailable as error:
            self.status.trouble = f"generation {number} cannot be fetched: {error}"
            return
        except LateReplyError as late:  # no fault of the set, which is taken once it has
            self.status.trouble = f"generation {number} waits: {late}"
            return
        except (ResolverdError, OSError) as error:
            self._refuse(_tried(generation), str(error))
            self._log.error("generation.refused", number=number, reason=str(error))
            return
        going_back = self._trial is not None and not trial
        self._now_serves(found)
        if trial:
            self._begin(generation, answers, counters, now)
        else:
            self.status.returned += going_back
            await self._end_trial()
        self._log.info("generation.serves", number=number, digest=found.digest, trial=trial)
        if trial:
            await self._prove(self._trial, now)

    @contextlib.asynccontextmanager
    async def _place(
        self, found: OnDisk, before: OnDisk | None, *, trial: bool
    ) -> AsyncIterator[None]:
        """`found` as the current set; what was before again where what is done meanwhile fails."""
        try:
            if trial:
                await self._changes.make(partial(self._files.begin_trial, _tried(found)))
            await self._changes.make(partial(self._files.switch, found))
            yield
        except BaseException:
            back: list[Callable[[], object]] = []
            if before is not None:
                back.append(partial(self._files.switch, before))
            if self._trial is None:
                back.append(self._files.end_trial)
            await self._changes.put_back(*back, within=stop_limits.RESET)
            raise

    async def _settle(self, generation: Generation) -> None:
        """The one on trial is completed."""
        await self._end_trial()
        self._log.info("generation.completed", number=generation.number)

    async def _end_trial(self) -> None:
        """What is served is what the next start begins with, and what edits are kept of."""
        self._trial = None
        self._adopting.end_trial()
        await self._changes.tidy(self._files.end_trial, self._files.tidy)

    async def _fetch(self, generation: Generation, within: float | None = None) -> OnDisk:
        """The set on the disk, from there or from the fleet, every octet as it was published.

        The fleet has so many seconds to send it, or for as long as it is wanted.
        Raises FleetUnavailable, PackingError, OSError.
        """
        number, digest = generation.number, generation.digest
        found = await detached(partial(self._files.find, number, digest))
        if found is not None:
            return found
        wanted = partial(self._carries_on, number)
        archive = await fetched(self.link.store, generation, within, wanted)
        files = await detached(partial(unpack, archive, digest))
        return await detached(partial(self._files.write, number, digest, files))

    async def _carries_on(self, number: int) -> bool:
        """Report, and carry trials on, while that generation comes; whether it is wanted still."""
        now = time.monotonic()
        self._reporting.note_wave(now)
        await self._reporting.write(now)
        return self._wanted(now) == number

    def _now_serves(self, found: OnDisk | None) -> None:
        self.status.serves, self.status.since, self.status.trouble = found, time.time(), ""

    def _refuse(self, tried: Tried, why: str) -> None:
        first = why.splitlines()[0] if why else "no reason is known"
        self._refused.add(tried)
        self._refused_at = time.monotonic()
        self._reporting.unsaid[tried] = Report(ReportState.FAILED, first)
        self.status.trouble = f"generation {tried.number}: {first}"

    # --- the proof --------------------------------------------------------------------------

    def _begin(
        self, generation: Generation, before: Answers, counters: Counters, now: float
    ) -> None:
        self._trial = OnTrial(generation, before, counters, now)
        self._reporting.unsaid[_tried(generation)] = Report(ReportState.TAKEN)

    async def _prove(self, trial: OnTrial | None, now: float) -> None:
        if trial is None:
            return
        if trial.wants_panel(now):
            trial.note_panel(await detached(partial(answers_of, self._serving.snapshot)), now)
        report = trial.judge(await self._serving.counters(), now)
        if report is None:
            return
        tried = _tried(trial.generation)
        number = tried.number
        self._reporting.unsaid[tried] = report
        if report.state is ReportState.FAILED:
            self._refused.add(tried)
            self._refused_at = now
            self._log.error("generation.failed", number=number, reason=report.why)
        else:
            self._log.info("generation.proved", number=number, figures=dict(report.figures))


def _tried(of: Generation | OnDisk) -> Tried:
    return Tried(of.number, of.digest)


async def begin(settings: Fleet, config: Path, state: Path) -> EdgeGenerations:
    """Generations of the edge whose own file is `config`, the set to start with on the disk.

    `state` is `server.state`. The link is begun; what cannot be fetched within
    `settings.start_wait` is an event.
    """
    link = Link(settings, config.parent, lambda _state: None)
    generations = EdgeGenerations(link, settings, config.parent, GenerationFiles(state))
    await link.start()
    try:
        await generations.prepare(settings.start_wait)
    except BaseException:
        await link.stop()
        raise
    return generations
