"""What a restart would serve, where that is not what the files on disk say: for `check`, `doctor`.

Nothing is kept or logged by asking, and no daemon is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from resolverd.config.load import SetOption
from resolverd.errors import Problem, ResolverdError
from resolverd.files.reading import Reads
from resolverd.files.replay import ON_DISK, Replay
from resolverd.files.threads import detached
from resolverd.kept.directory import StateDirectory
from resolverd.kept.document import KeptState
from resolverd.kept.files import KeptFiles, Manifest, UnusableError
from resolverd.kept.keeper import standing
from resolverd.kept.locate import state_path
from resolverd.restoration import Held, held_of, moment, named, replays_of
from resolverd.snapshot.inputs import Inputs, load_inputs


class Outlook(NamedTuple):
    """What a restart would do otherwise; empty where it would serve the files on disk.

    `losses` are why it would hold parts of them; `serves` is whether it would come up at all.
    """

    text: str = ""
    losses: tuple[Problem, ...] = ()
    serves: bool = True


async def of_refused(path: Path, options: Sequence[SetOption], refused: ResolverdError) -> Outlook:
    """What would be served instead of the files at `path`, which are `refused`."""
    prefix = "a restart would not come up with these files"
    directory = StateDirectory(await detached(lambda: state_path(path, options)))
    if directory.path is None:
        return _down(
            f"{prefix}, and no others are kept, as server.state is empty or cannot be read"
        )
    kept = KeptFiles(directory, path)
    try:
        manifest = await detached(kept.manifest)
    except UnusableError as error:
        if isinstance(error.__cause__, PermissionError):  # the daemon's account may read it
            return Outlook(
                f"{prefix}, and whether with those kept cannot be told from here: "
                f"{directory.path}: {error}"
            )
        return _down(f"{prefix}, and could not serve those kept in {directory.path}: {error}")
    if manifest is None:
        return _down(f"{prefix}, and no others are kept in {directory.path}")
    for files, replay in await replays_of(kept, manifest, refused):
        with suppress(Exception):  # also a defect: it would end the start
            inputs = await load_inputs(path, options, reads=Reads(replay=replay))
            at = moment(manifest.at)
            text = f"{prefix}, and would serve the files adopted at {at} in the place of "
            held = await _held(path, options, kept, manifest, inputs, replay)
            if held is None:
                return Outlook(text + named(files))
            return Outlook(f"{text}{named(files)}; it would hold {_parts(held)}", held.losses)
    return _down(f"{prefix}, and those kept in {directory.path} would be refused too")


async def of_good(path: Path, options: Sequence[SetOption], inputs: Inputs) -> Outlook:
    """What of the files at `path`, which load as `inputs`, would be held, as they lose much."""
    directory = StateDirectory(await detached(lambda: state_path(path, options)))
    if directory.path is None:
        return Outlook()
    kept = KeptFiles(directory, path)
    try:
        manifest = await detached(kept.manifest)
    except UnusableError as error:
        if isinstance(error.__cause__, PermissionError):  # the daemon's account may read it
            return Outlook(
                "whether a restart would hold a part of these files cannot be told from here: "
                f"{directory.path}: {error}"
            )
        return Outlook()
    held = None if manifest is None else await _held(path, options, kept, manifest, inputs)
    if manifest is None or held is None:
        return Outlook()
    text = (
        f"a restart would hold {_parts(held)}, and serve what was adopted at "
        f"{moment(manifest.at)} of {'it' if len(held.parts) == 1 else 'them'}, "
        "until resolverd reload --yes"
    )
    return Outlook(text, held.losses)


async def _held(
    path: Path,
    options: Sequence[SetOption],
    kept: KeptFiles,
    manifest: Manifest,
    inputs: Inputs,
    replay: Replay = ON_DISK,
) -> Held | None:
    async def restore() -> KeptState:
        try:
            return await detached(partial(standing, kept.directory, path))
        except UnusableError:  # the start says so, and goes on
            return KeptState()

    with suppress(Exception):  # also a defect: a start holds nothing then
        return await held_of(path, options, kept, manifest, inputs, restore, replay=replay)
    return None


def _down(text: str) -> Outlook:
    return Outlook(text, serves=False)


def _parts(held: Held) -> str:
    return named([part.part for part in held.parts])
