"""A start without the files on disk, where they are refused: from those that were adopted last.

The least is replaced that makes a start possible: the zones or databases that are refused, each by
what was kept of it, or else all files. What is adopted while running is kept for the next start,
in the background and one after another.

A start is no way around a hold either: what the files on disk would lose of those adopted last
waits as it would in a reload, or else a crash would adopt what nobody has insisted on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from resolverd import log, memory
from resolverd.admin.served import ReloadReport
from resolverd.config.load import SetOption
from resolverd.config.published import RECORD
from resolverd.errors import DefectError, Problem, ProblemsError, ResolverdError
from resolverd.files.reading import Reads, key_of
from resolverd.files.replay import ON_DISK, Replay
from resolverd.files.threads import detached
from resolverd.geo import preload
from resolverd.geo.kept_embedded import KeptEmbedded
from resolverd.geo.locator import Locator
from resolverd.kept.document import KeptState
from resolverd.kept.files import Adopted, KeptFiles, Manifest, UnusableError
from resolverd.kept.keeper import Keeper
from resolverd.snapshot.difference import difference
from resolverd.snapshot.edits import Terms, load_edit
from resolverd.snapshot.inputs import Inputs, Outdated, Progress, load_inputs, problems_of
from resolverd.snapshot.kept_maps import KeptMaps
from resolverd.snapshot.losses import numbering_losses
from resolverd.snapshot.maps import maps_to_keep
from resolverd.snapshot.model import Plan
from resolverd.snapshot.orphans import words_lost

# Seconds that an edit which somebody insists on waits for what is being kept.
_DISK_TIMEOUT = 3.0
# Files named in one reason.
_NAMED = 3


class Restoration:
    """Keeps what is adopted from the configuration at `path`, and starts from it; see `reloads`."""

    def __init__(
        self,
        path: Path,
        options: Sequence[SetOption],
        keeper: Keeper,
        maps: KeptMaps,
        reloads: ReloadReport,
    ) -> None:
        self._path, self._options, self._reloads = path, options, reloads
        self._keeper, self._kept = keeper, KeptFiles(keeper.directory, path)
        self._maps, self._embedded = maps, KeptEmbedded(keeper.directory.path)
        self._next: tuple[Callable[[], Adopted], Plan, Locator] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._log = log.get("kept")

    async def inputs(self, refused: ResolverdError, progress: Progress) -> Inputs:
        """The inputs to start with where those on disk are `refused`, which it raises for want
        of any that were kept.

        Where only some files are replaced, the others are held as `holding` does.
        """
        manifest = await self._manifest()
        if manifest is None:
            raise refused
        for files, replay in await replays_of(self._kept, manifest, refused):
            try:
                inputs = await load_inputs(
                    self._path, self._options, progress=progress, reads=Reads(replay=replay)
                )
            except Exception as worse:  # noqa: BLE001 - also a defect: others may do
                self._log.warning("kept.refused", files=list(files), problems=_why(worse))
                continue
            self._say(refused, manifest, files)
            held = await self._held(manifest, inputs, progress, replay)
            if held is None:
                return inputs
            self._reloads.outdated = held.edit.outdated
            return held.edit
        raise refused

    async def holding(self, inputs: Inputs, progress: Progress) -> Inputs:
        """`inputs`, or where they lose much of what was adopted last, those that hold that."""
        manifest = await self._manifest()
        held = None if manifest is None else await self._held(manifest, inputs, progress)
        if held is None:
            return inputs
        self._reloads.note(held.edit, difference(held.kept, held.edit))
        return held.edit

    async def _held(
        self,
        manifest: Manifest,
        inputs: Inputs,
        progress: Progress,
        replay: Replay = ON_DISK,
    ) -> Held | None:
        """What holds parts of `inputs`, with an event; None where they lose nothing."""
        try:
            held = await held_of(
                self._path,
                self._options,
                self._kept,
                manifest,
                inputs,
                self._keeper.restore,
                progress=progress,
                replay=replay,
            )
        except Exception as worse:  # noqa: BLE001 - also a defect: those on disk do
            # Nothing to compare with: an upgrade may not know an option that was kept.
            self._log.warning("kept.refused", files=["all"], problems=_why(worse))
            return None
        if held is not None:
            self._log.warning(
                "start.held",
                parts=[part.part for part in held.parts],
                problems=[row for problem in held.losses for row in str(problem).splitlines()],
                consequence="these parts are served as they were; "
                "resolverd reload --yes adopts them",
            )
        return held

    def keep(
        self, inputs: Inputs, plan: Plan, contents: Mapping[str, bytes], held: Sequence[str] = ()
    ) -> None:
        """Keep what was adopted, soon, and what took time to make for its `plan`.

        `contents` is what was read.
        `held` are the files that are served as they were kept before; see `Adopted`.
        """
        # In the thread that writes it: of ten thousand files even their names take a while.
        self._next = partial(_adopted, inputs, contents, held), plan, inputs.locator
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep(), name="kept files")

    @property
    def directory(self) -> Path | None:
        """Where things are kept, as it was when the process began; None where nothing is."""
        return self._keeper.directory.path

    def copy_of(self, digest: str) -> Path | None:
        """Where the content with this SHA-256 lies, if anything is kept; it may be gone."""
        return self._kept.copy_of(digest)

    async def kept(self, within: float = _DISK_TIMEOUT) -> None:
        """Wait for what is being kept, for so many seconds at most."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping], timeout=within)

    async def _keep(self) -> None:
        while self._next is not None:
            adopted, plan, locator = self._next
            self._next = None
            # Beside each other: ten thousand files take seconds of the disk, and a daemon that is
            # stopped meanwhile would leave its next start without maps, which take longer to make.
            await asyncio.gather(self._save(adopted), detached(partial(self._keep_maps, plan)))
            # What others need has its room by now.
            await detached(partial(self._embedded.keep, locator.databases))
            # Only now nobody has a use for what was read any more.
            del adopted
            await detached(memory.give_back)

    def _keep_maps(self, plan: Plan) -> None:
        self._maps.keep(maps_to_keep(plan))

    async def _save(self, adopted: Callable[[], Adopted]) -> None:
        try:
            manifest = await detached(lambda: self._kept.save(adopted()))
        except OSError as error:
            self._log.warning(
                "files.not_kept",
                reason=error.strerror or str(error),
                consequence="a restart depends on the files on disk",
            )
        else:
            self._note_kept(manifest)

    def _note_kept(self, manifest: Manifest | None) -> None:
        if manifest is None:
            return
        self._reloads.restart = moment(manifest.at)
        self._log.info(
            "files.kept",
            file_count=len(manifest.files),
            database_count=len(manifest.databases),
            adopted_at=self._reloads.restart,
        )

    async def _manifest(self) -> Manifest | None:
        try:
            return await detached(self._kept.manifest)
        except UnusableError as error:
            self._log.warning("kept.unusable", reason=str(error))
            return None

    def _say(self, refused: ResolverdError, manifest: Manifest, files: Sequence[str]) -> None:
        at = moment(manifest.at)
        reason = f"started from files adopted at {at}, as these are refused on disk: {named(files)}"
        self._reloads.serve_kept(refused, reason, at)
        self._log.error(
            "start.kept",
            reason=reason,
            files=list(files),
            adopted_at=at,
            problems=str(refused).splitlines(),
            consequence="edits are not served until the files are accepted",
        )


async def replays_of(
    kept: KeptFiles, manifest: Manifest, refused: ResolverdError
) -> list[tuple[list[str], Replay]]:
    """What a start lays over the files on disk, which are `refused`: see `KeptFiles.replays`."""
    problems = refused.problems if isinstance(refused, ProblemsError) else ()
    replays = await detached(lambda: list(kept.replays(manifest, problems)))
    if any(Path(path).name == RECORD for path in manifest.files):
        return replays[-1:]  # a published set is served whole, or not at all
    return replays


class Held(NamedTuple):
    """What was adopted last, and what a start serves in its place, parts of which it holds."""

    kept: Inputs
    edit: Inputs

    @property
    def parts(self) -> list[Outdated]:
        """The parts that are held."""
        return [part for part in self.edit.outdated if part.held]

    @property
    def losses(self) -> tuple[Problem, ...]:
        """Why."""
        return tuple(problems_of(self.parts))


async def held_of(
    path: Path,
    options: Sequence[SetOption],
    kept_files: KeptFiles,
    manifest: Manifest,
    inputs: Inputs,
    restore: Callable[[], Awaitable[KeptState]],
    *,
    progress: Progress | None = None,
    replay: Replay = ON_DISK,
) -> Held | None:
    """What a start holds of `inputs`, which were loaded from the files at `path` with `replay` laid
    over them; None where they lose nothing.

    `restore` tells what operators said to the process before. Raises whatever the files that were
    kept are refused for; nothing is kept or logged.
    """
    # What another set loses was accepted for the fleet; databases are this edge's own.
    another = _another_generation(manifest, inputs)
    same = another or _as_kept(manifest, inputs)
    if same and not await detached(partial(_may_lose_numbers, manifest, inputs)):
        return None
    *_, (_, whole) = await detached(lambda: list(kept_files.replays(manifest, ())))
    try:
        # None of them is read again, and in memory twice.
        preload.have_ready(dict(inputs.opened), inputs.reads)
        reads = Reads(replay=whole)
        kept = await load_inputs(path, options, progress=progress, reads=reads)
        lost_words = partial(_lost_words, await restore(), kept)
        terms = Terms(another, lost_words, state=kept_files.directory.path, accept_databases=False)
        reads = Reads(replay=replay)
        edit = await load_edit(path, options, kept, terms, progress=progress, reads=reads)
    finally:
        preload.drop()
    return Held(kept, edit) if any(part.held for part in edit.outdated) else None


def _lost_words(said: KeptState, kept: Inputs, inputs: Inputs) -> list[Problem]:
    """What operators said to the process before is not lost in silence, as in a reload."""
    now = time.monotonic()
    overrides = {key: order for key, order in said.overrides.items() if order.active(now)}
    rules = {key: order for key, order in said.spill_rules.items() if order.active(now)}
    return words_lost(overrides, rules, kept, inputs)


def _as_kept(manifest: Manifest, inputs: Inputs) -> bool:
    """Whether the configuration and zones on disk are those that were kept."""
    seen = inputs.reads.seen
    names = {key_of(file) for file in inputs.files} - {*manifest.databases}
    return names == {*manifest.files} and all(
        path in seen and seen[path].content == digest for path, digest in manifest.files.items()
    )


def _may_lose_numbers(manifest: Manifest, inputs: Inputs) -> bool:
    """Whether pins go by autonomous systems, and other databases than were kept tell none.

    Blocks.
    """
    if not numbering_losses(inputs.config, inputs.files[0]) or inputs.locator.tells_asns:
        return False
    return any(
        manifest.databases.get(key_of(file)) != found.sha256 for file, found in inputs.opened
    )


def _another_generation(manifest: Manifest, inputs: Inputs) -> bool:
    """Whether another published set was kept."""
    records = [key_of(file) for file in inputs.loaded.files if file.name == RECORD]
    kept = [manifest.files[path] for path in records if path in manifest.files]
    return kept != [] and kept != [inputs.reads.seen[path].content for path in records]


def moment(at: float) -> str:
    """``2026-11-23 20:14:33 UTC``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _why(error: Exception) -> list[str]:
    known = isinstance(error, ResolverdError)
    return str(error if known else DefectError("them", error)).splitlines()


def named(files: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return f"{', '.join(files[:_NAMED])}{more}"


def _adopted(inputs: Inputs, contents: Mapping[str, bytes], held: Sequence[str]) -> Adopted:
    reads = inputs.reads
    tables = dict(zip(map(key_of, inputs.tables.files), inputs.tables.contents, strict=True))
    names = {key_of(file) for file in inputs.files} - tables.keys()
    if inputs.tables.kept is not None:  # which lies in the directory already
        del tables[key_of(inputs.tables.kept)]
    zones = {key_of(z.files[0]): [key_of(f) for f in z.files] for z in inputs.zones.values()}
    databases = tables
    # What is served of them, which may not be what was read last.
    databases |= {key_of(file): database.sha256 for file, database in inputs.opened}
    return Adopted(
        {path: content for path, content in contents.items() if path in names},
        zones,
        dict(reads.matches),
        databases,
        held,
    )
