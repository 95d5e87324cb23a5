"""Edits adopted, or refused with everything left as it was.

One reload at a time: load and check the files, compile and verify beside what is served, then
swap. Any failure leaves all of that as it was and says why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from resolverd import log
from resolverd.admin.served import ReloadReport
from resolverd.config.load import Override
from resolverd.config.restart import needs_restart
from resolverd.errors import ProblemsError, ResolverdError
from resolverd.files.reading import Reads, UnsettledError
from resolverd.observation import Observation
from resolverd.publication import Publication
from resolverd.restoration import Restoration
from resolverd.snapshot.inputs import Inputs, Progress, load_inputs
from resolverd.snapshot.orphans import orphaned, problems_of

# Seconds between events about a database that is being walked.
WALK_NEWS = 2.0


class Adoption:
    """Reloads of the configuration at `path`; `reloads` tells how the last one went.

    `reported` is entered while a reload lasts; `attempt` is what the last load read.
    """

    def __init__(
        self,
        path: Path,
        options: Sequence[Override],
        reloads: ReloadReport,
        reported: Callable[[], AbstractAsyncContextManager[None]],
        restoration: Restoration,
    ) -> None:
        self._restoration = restoration
        self.reloads, self.attempt = reloads, Reads()
        self._path, self._options, self._reported = path, options, reported
        self._reloading = asyncio.Lock()
        self._publication: Publication
        self._observation: Observation
        self._dirty: asyncio.Event
        self._log = log.get("daemon")

    async def load(self, progress: Progress | None = None) -> Inputs:
        """The inputs to start with, kept ones where those on disk are refused.

        Raises ResolverdError.
        """
        tell = progress or self._walk_events()
        try:
            inputs = await load_inputs(self._path, self._options, progress=tell, reads=self.attempt)
        except ResolverdError as refused:
            self.attempt.take_contents()
            inputs = await self._restoration.inputs(refused, tell)
        self._warn(inputs)
        return inputs

    def into(
        self, publication: Publication, observation: Observation, dirty: asyncio.Event
    ) -> None:
        """Adopt what is loaded from now on into these; `dirty` asks for a new Steering."""
        self._publication, self._observation, self._dirty = publication, observation, dirty

    def keep(self, inputs: Inputs) -> None:
        """Keep what is served for the next start."""
        self._restoration.keep(inputs, inputs.reads.take_contents())

    async def reload(
        self, *, orphan: bool = False, settled: Mapping[str, str] | None = None
    ) -> bool:
        """Adopt the files as they are now, or leave everything as it was; True if adopted.

        Files that take away what an override speaks of are adopted with `orphan` alone. With
        `settled`, contents by path, any other content is no edit yet: nothing is adopted, and
        nothing refused.
        """
        async with self._reloading, self._reported():
            reads = Reads(settled)
            try:
                inputs = await load_inputs(
                    self._path,
                    self._options,
                    previous=self._publication.inputs,
                    progress=self._walk_events(),
                    reads=reads,
                )
                orphans = orphaned(self._observation.overrides.active(time.monotonic()), inputs)
                if orphans and not orphan:
                    raise ProblemsError(problems_of(orphans, inputs))
                await self._adopt(inputs)
            except UnsettledError:
                return False
            except ResolverdError as wrong:
                self._refuse(wrong)
                return False
            except Exception as defect:  # noqa: BLE001 - costs this edit, never what is served
                self._log.error("reload.defect", exc_info=defect)
                self._refuse(ResolverdError(f"a defect of resolverd met this edit: {defect!r}"))
                return False
            finally:
                self.attempt, contents = reads, reads.take_contents()
            self._restoration.keep(inputs, contents)
            self._observation.forget_overrides(orphans)
            self.reloads.adopt(inputs.warnings)
            self._warn(inputs)
            self._log.info("reload.adopted", generation=self._publication.plan.generation)
            return True

    @property
    def inputs(self) -> Inputs:
        """What is served."""
        return self._publication.inputs

    async def settled(self) -> Inputs:
        """What is served, once no reload is under way."""
        async with self._reloading:
            return self._publication.inputs

    async def _adopt(self, inputs: Inputs) -> None:
        """Probe what is new, compile, verify and swap. Raises ResolverdError, nothing changed."""
        before = self._publication.inputs
        plan = await self._publication.compile(inputs)
        await self._observation.admit(before, inputs)
        try:
            snapshot = self._publication.verified(plan)
        except ResolverdError:
            self._observation.settle(before)
            raise
        for option in needs_restart(before.config, inputs.config):
            self._log.warning("reload.needs_restart", option=option)
        await self._publication.adopt(inputs, plan, snapshot)
        self._observation.settle(inputs)
        self._dirty.set()

    def _refuse(self, wrong: ResolverdError) -> None:
        self.reloads.refuse(wrong)
        self._log.error(
            "reload.refused",
            problems=str(wrong).splitlines(),
            serving=self._publication.plan.generation,
            changed="nothing",
        )

    def _warn(self, inputs: Inputs) -> None:
        for problem in inputs.warnings:
            self._log.warning("check.warning", problem=str(problem).splitlines())

    def _walk_events(self) -> Progress:
        """An event every few seconds while a database is walked."""
        told = time.monotonic()

        def tell(path: Path, fraction: float) -> None:
            nonlocal told
            if time.monotonic() - told >= WALK_NEWS:
                told = time.monotonic()
                self._log.info("geo.walking", file=str(path), percent=round(100 * fraction))

        return tell
