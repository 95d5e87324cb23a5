"""Edits adopted part by part; what is refused or held leaves its part as it was.

One reload at a time: load and check the files (`snapshot.edits` says what of them is adopted),
compile and verify beside what is served, then swap. A failure of that leaves all as it was and says
why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from resolverd import log
from resolverd.abi.library import why_not
from resolverd.admin.served import ReloadReport
from resolverd.asked_reloads import AskedReloads
from resolverd.config.listen_checks import LISTEN_IGNORED, check_inherited
from resolverd.config.load import LoadedConfig, SetOption
from resolverd.config.model import Config
from resolverd.config.restart import NEEDS_RESTART, check_waiting, needs_restart
from resolverd.config.types import Listener
from resolverd.engine.choice import would_serve
from resolverd.errors import DefectError, Problem, ProblemsError, ResolverdError
from resolverd.files.reading import Reads, UnsettledError, key_of
from resolverd.files.replay import Replay
from resolverd.files.threads import detached
from resolverd.geo.locator import Locator
from resolverd.observation import Observation
from resolverd.publication import Publication
from resolverd.restoration import Restoration
from resolverd.snapshot.difference import Difference, difference, same_parts
from resolverd.snapshot.edits import Terms, load_edit
from resolverd.snapshot.inputs import (
    DATABASES,
    Inputs,
    Outdated,
    Progress,
    load_inputs,
    problems_of,
)
from resolverd.snapshot.orphans import words_lost
from resolverd.snapshot.precompile import Precompilation

# Seconds between events about a database that is being walked.
WALK_NEWS = 2.0


class Adoption:
    """Reloads of the configuration at `path`; `reloads` tells how the last one went.

    `asked` has those that somebody asks for; `reported` is entered while a reload lasts; `attempt`
    is what the last load read.
    """

    def __init__(
        self,
        path: Path,
        options: Sequence[SetOption],
        reloads: ReloadReport,
        reported: Callable[[], AbstractAsyncContextManager[None]],
        restoration: Restoration,
        inherited: Sequence[Listener] = (),
        precompilation: Precompilation | None = None,
    ) -> None:
        """`inherited` are the sockets that are served in place of `server.listen`.

        `precompilation` begins with the maps of the first load.
        """
        self._restoration, self._inherited = restoration, inherited
        self._precompilation = precompilation
        self.reloads, self.attempt = reloads, Reads()
        self._path, self._options, self._reported = path, options, reported
        self._reloading = asyncio.Lock()
        self._started: Config | None = None
        # While a published set is on trial, what would be kept of it for the next start.
        self._trial = False
        self._unkept: tuple[Inputs, Mapping[str, bytes]] | None = None
        self.asked = AskedReloads(self._reload)
        self._publication: Publication
        self._observation: Observation
        self._dirty: asyncio.Event
        self._log = log.get("daemon")

    async def load(self, progress: Progress | None = None) -> Inputs:
        """What to start with: kept files for what is refused or held. Raises ResolverdError."""
        report = progress or self._walk_events()
        try:
            inputs = await load_inputs(
                self._path,
                self._options,
                progress=report,
                reads=self.attempt,
                opened=self._begin_maps,
            )
        except Exception as error:  # noqa: BLE001 - also a defect: others may be kept
            self.attempt.take_contents()
            inputs = await self._restoration.inputs(self._refusal(error), report)
        else:
            inputs = await self._restoration.holding(inputs, report)
            self.attempt = inputs.reads
        self._started = inputs.config
        inputs = self._beside_process(inputs)
        self._warn(inputs)
        return inputs

    def _refusal(self, error: Exception) -> ResolverdError:
        """Why the files on disk are not served at a start."""
        if isinstance(error, ResolverdError) and not isinstance(error, DefectError):
            return error
        self._log.error("start.defect", exc_info=error)
        return error if isinstance(error, DefectError) else DefectError("these files", error)

    def _begin_maps(self, loaded: LoadedConfig, locator: Locator) -> None:
        """Make the maps that the native engine needs while zones are read, if it is to serve."""
        native = would_serve(loaded.config.server.engine, why_not()) == "native"
        if native and self._precompilation is not None:
            self._precompilation.begin(loaded.config, locator)

    def into(
        self, publication: Publication, observation: Observation, dirty: asyncio.Event
    ) -> None:
        """Adopt what is loaded from now on into these; `dirty` asks for a new Steering."""
        self._publication, self._observation, self._dirty = publication, observation, dirty

    def keep(self, inputs: Inputs) -> None:
        """Write the files of `inputs`, which are served, to `server.state` for the next start."""
        self._keep(inputs, inputs.reads.take_contents())

    def keep_met(self) -> None:
        """Keep for the next start what a stop has met while it was published."""
        inputs = self._publication.inputs
        if inputs.reads is self.attempt and self.attempt.contents:  # else they are kept
            self.keep(inputs)

    def _keep(self, inputs: Inputs, contents: Mapping[str, bytes]) -> None:
        if self._trial:
            self._unkept = inputs, contents
        else:
            self._restoration.keep(inputs, self._publication.plan, contents, _held(inputs))

    async def take(
        self,
        replay: Replay,
        place: AbstractAsyncContextManager[None],
        *,
        accept_losses: bool,
        trial: bool,
    ) -> None:
        """Adopt a published set whole, as `replay` has it, in the place that `place` gives it.

        Losses refuse it unless `accept_losses`; those by this edge's own databases are held all the
        same. What is on `trial` is not kept for the next start before `end_trial`. Raises
        ResolverdError and OSError, with nothing changed.
        """
        async with self._reloading, self._reported():
            reads, before = Reads(replay=replay), self._publication.inputs
            terms = replace(self._terms(accept_losses=accept_losses), accept_databases=False)
            try:
                inputs = await load_edit(
                    self._path,
                    self._options,
                    before,
                    terms,
                    progress=self._walk_events(),
                    reads=reads,
                )
                refused = [part for part in inputs.outdated if not _own(part)]
                if refused:
                    raise ProblemsError(problems_of(refused))
                inputs = self._beside_process(inputs)
                changes = await detached(partial(difference, before, inputs))
                async with place:
                    await self._adopt(inputs, accept_losses=False)
            finally:
                await self._have_in_memory()
            self.attempt, self._trial = reads, trial
            self._keep(inputs, reads.take_contents())
            self._observation.forget_orphans(before, inputs)
            self._note(inputs, changes, before.warnings)

    def record(self, path: str) -> str:
        """The SHA-256 of what is served of the file at `path`; empty where nothing is."""
        seen = self._publication.inputs.reads.seen.get(path)
        return seen.content if seen is not None else ""

    def end_trial(self) -> None:
        """Keep what is served for the next start, as after any adoption."""
        unkept, self._trial, self._unkept = self._unkept, False, None
        if unkept is not None:
            self._keep(*unkept)

    async def reload(
        self, *, accept_losses: bool = False, settled: Mapping[str, str] | None = None
    ) -> bool:
        """Adopt the files as they are now, part by part; True if all of them are served.

        Losses are held unless `accept_losses`. With `settled`, contents by path, any other content
        is no edit yet: nothing is adopted, and nothing refused. Those who ask while a reload is
        under way share the next one. Raises EndingError once it is stopped.
        """
        if settled is not None:
            return await self._reload(settled=settled)
        return await self.asked.outcome(accept_losses=accept_losses)

    async def forecast(self) -> tuple[Inputs, Difference]:
        """What a reload would serve, and what it would change. Raises ResolverdError."""
        async with self._reloading:
            served = self._publication.inputs
            try:
                inputs = await load_edit(self._path, self._options, served, self._terms())
                return self._beside_process(inputs), await detached(
                    partial(difference, served, inputs)
                )
            finally:
                await self._have_in_memory()

    def _beside_process(self, inputs: Inputs) -> Inputs:
        """`inputs` with a warning of each option that is not what this process was made with."""
        loaded, own = inputs.loaded, {LISTEN_IGNORED, NEEDS_RESTART}
        found = check_inherited(loaded.config.server.listen, self._inherited)
        waiting = check_waiting(self._waiting(loaded.config))
        more = [loaded.sources.problem(*finding) for finding in (*found, *waiting)]
        known = [warning for warning in inputs.warnings if warning.id not in own]
        return replace(inputs, warnings=(*known, *more))

    def _waiting(self, config: Config) -> list[str]:
        """The options of `config` that take effect at the next start, as dotted keys."""
        options = [] if self._started is None else needs_restart(self._started, config)
        return [option for option in options if option != "server.listen" or not self._inherited]

    async def _reload(
        self, accept_losses: bool = False, settled: Mapping[str, str] | None = None
    ) -> bool:
        async with self._reloading, self._reported():
            if settled is None:
                self.asked.begun(accept_losses=accept_losses)
            reads, before = Reads(settled), self._publication.inputs
            try:
                inputs = await load_edit(
                    self._path,
                    self._options,
                    before,
                    self._terms(accept_losses=accept_losses),
                    progress=self._walk_events(),
                    reads=reads,
                )
                inputs = self._beside_process(inputs)
                # Of a large zone it takes some time, which the loop has other uses for.
                changes = await detached(partial(difference, before, inputs))
                if same_parts(before, inputs):
                    self._publication.inputs = inputs
                else:
                    await self._adopt(inputs, accept_losses=accept_losses)
            except UnsettledError:
                return False
            except ResolverdError as error:
                self._refuse(error)
                return False
            except Exception as defect:  # noqa: BLE001 - costs this edit, never what is served
                self._log.error("reload.defect", exc_info=defect)
                self._refuse(DefectError("this edit", defect))
                return False
            finally:
                self.attempt = reads
                contents = None if self.asked.stopped else reads.take_contents()
                await self._have_in_memory()
            if contents is not None:  # else the stop keeps them
                self._keep(inputs, contents)
            self._observation.forget_orphans(before, inputs)
            self._note(inputs, changes, before.warnings)
            return self.reloads.successful

    def _note(self, inputs: Inputs, changes: Difference, known: Sequence[Problem]) -> None:
        self.reloads.note(inputs, changes)
        self.reloads.needs_restart = tuple(self._waiting(inputs.config))
        self._report(inputs, changes)
        self._warn(inputs, known)

    def _terms(self, *, accept_losses: bool = False) -> Terms:
        now, observed = time.monotonic(), self._observation
        overrides, rules = observed.overrides.active(now), observed.spill_rules.active(now)
        served = self._publication.inputs
        copy_of = self._restoration.copy_of if self._publication.compiled else lambda _: None
        state = self._restoration.directory
        return Terms(accept_losses, partial(words_lost, overrides, rules, served), copy_of, state)

    async def _have_in_memory(self) -> None:
        """The databases that are served, which made room for others that are not."""
        if self.asked.stopped:
            return
        try:
            await detached(self._publication.inputs.locator.return_to_memory)
        except ResolverdError as error:
            self._log.error(
                "geo.on_disk",
                reason=str(error),
                consequence="places are read from the disk, and no map can be compiled",
            )

    @property
    def inputs(self) -> Inputs:
        """The inputs of the Plan that is served now."""
        return self._publication.inputs

    async def settled(self) -> Inputs:
        """The inputs of the Plan that is served, once no reload is under way."""
        async with self._reloading:
            return self._publication.inputs

    async def _adopt(self, inputs: Inputs, *, accept_losses: bool) -> None:
        """Probe what is new, compile, verify and swap. Raises ResolverdError, nothing changed."""
        before = self._publication.inputs
        plan = await self._publication.compile(inputs)
        try:
            await self._observation.stage(before, inputs)
            verified = await self._publication.verified(inputs, plan)
            changed = needs_restart(before.config, inputs.config)
            for option in self._waiting(inputs.config):
                if option in changed:
                    self._log.warning("reload.needs_restart", option=option)
            if accept_losses and not self._trial:
                # Before anybody is answered so: a start after a kill would hold what was not kept.
                self._restoration.keep(inputs, plan, inputs.reads.contents, _held(inputs))
                await self._restoration.kept()
            await self._publication.adopt(inputs, plan, verified)
        except Exception:  # whatever it is, nobody serves what was to be observed too
            self._observation.commit(before)
            self._dirty.set()
            raise
        self._observation.commit(inputs)
        self._dirty.set()

    def _report(self, inputs: Inputs, changes: Difference) -> None:
        """One event on what is adopted, and one each on what is refused and held."""
        generation = self._publication.plan.generation
        for held in (False, True):
            parts = [part for part in inputs.outdated if part.held is held]
            if not parts:
                continue
            found = problems_of(parts)
            fields = {
                "parts": [part.part for part in parts],
                "problems": [row for problem in found for row in str(problem).splitlines()],
                "generation": generation,
                "changed": changes.summary or "nothing",
            }
            if held:
                self._log.warning("reload.held", **fields)
            else:
                self._log.error("reload.refused", **fields)
        if changes or not inputs.outdated:
            self._log.info(
                "reload.adopted", generation=generation, changed=changes.summary or "nothing"
            )

    def _refuse(self, error: ResolverdError) -> None:
        self.reloads.refuse(error)
        self._log.error(
            "reload.refused",
            parts=["everything"],
            problems=str(error).splitlines(),
            generation=self._publication.plan.generation,
            changed="nothing",
        )

    def _warn(self, inputs: Inputs, known: Sequence[Problem] = ()) -> None:
        """An event for each warning that was not there before.

        Of options that wait for a restart there is one of their own.
        """
        before = set(known)
        for problem in inputs.warnings:
            if problem not in before and problem.id != NEEDS_RESTART:
                self._log.warning("check.warning", problems=str(problem).splitlines())

    def _walk_events(self) -> Progress:
        """An event every few seconds while a database is walked."""
        reported_at = time.monotonic()

        def report(path: Path, fraction: float) -> None:
            nonlocal reported_at
            if time.monotonic() - reported_at >= WALK_NEWS:
                reported_at = time.monotonic()
                self._log.info("geo.walking", file=str(path), percent=round(100 * fraction))

        return report


def _own(outdated: Outdated) -> bool:
    """Whether it is held of this edge's own files, which a published set is not about."""
    return outdated.held and outdated.part == DATABASES


def _held(inputs: Inputs) -> list[str]:
    return [key_of(file) for file in inputs.older_files]
