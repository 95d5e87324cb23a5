"""The tables of `[rtt]`: matched, read, and the field estimated from them, off the event loop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from resolverd.config.load import LoadedConfig
from resolverd.config.model import Config
from resolverd.config.rtt import Rtt
from resolverd.errors import Problem, ProblemsError, errors_among
from resolverd.files.matching import match
from resolverd.files.reading import Reads, key_of, still_holds
from resolverd.files.threads import detached
from resolverd.rtt.latency import Measured
from resolverd.rtt.table import read_tables
from resolverd.snapshot.rankings import coordinates_of

# By how many half-lives what was read may have aged before it is weighed again.
_WEIGHED_AGAIN = 1 / 8


@dataclass(frozen=True, eq=False)
class Tables:
    """What the `files` say by the options of `[rtt]`, as it was weighed `at` (Unix seconds).

    `contents` are their digests.
    """

    measured: Measured
    rtt: Rtt
    files: tuple[Path, ...] = ()
    contents: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    at: float = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it has aged so far (Unix seconds) that it is to be weighed again."""
        return bool(self.files) and abs(now - self.at) > self.rtt.half_life * _WEIGHED_AGAIN


async def load_tables(loaded: LoadedConfig, reads: Reads) -> Tables:
    """Read all of them, noted in `reads`. Raises ProblemsError with every problem."""
    files, problems = await detached(partial(_files, loaded))
    return await detached(partial(_read, loaded.config, files, problems, reads))


async def edited_tables(
    loaded: LoadedConfig, served: Tables, before: Reads, reads: Reads
) -> Tables:
    """The tables as they are now; what is `served` where that would be the same.

    `before` tells what was read of those served, `reads` what is read now. Raises ProblemsError
    with every problem.
    """
    files, problems = await detached(partial(_files, loaded))
    if await detached(partial(_is_same, loaded.config, files, served, before, reads)):
        return served
    return await detached(partial(_read, loaded.config, files, problems, reads))


async def fitted(tables: Tables, config: Config) -> Tables:
    """`tables` for the regions of `config`: the very same where these stand where they stood."""
    regions = coordinates_of(config)
    if tables.measured.regions == regions:
        return tables
    measured = await detached(partial(Measured.of, tables.measured.samples, regions))
    return replace(tables, measured=measured)


def _files(loaded: LoadedConfig) -> tuple[tuple[Path, ...], list[Problem]]:
    files: dict[Path, None] = {}
    problems = []
    for pattern in loaded.config.rtt.files:
        where = str(loaded.base / pattern)
        try:
            matches = match(loaded.base, pattern)
        except OSError as error:
            problems.append(_unlisted(where, error))
            continue
        problems += [_unlisted(path, error) for path, error in matches.unlisted.items()]
        files |= dict.fromkeys(map(Path, matches.paths))
        if not matches.paths:
            problems.append(
                Problem(
                    where, 0, 0, "rtt-no-file", f'no table matches "{pattern}"',
                    "create it, or correct rtt.files", "warning",
                )
            )  # fmt: skip
    return tuple(files), problems


def _unlisted(path: str, error: OSError) -> Problem:
    return Problem(
        path, 0, 0, "rtt-unreadable", f"cannot be listed: {error.strerror or error}",
        "correct the path or its permissions",
    )  # fmt: skip


def _read(
    config: Config, files: tuple[Path, ...], problems: Sequence[Problem], reads: Reads
) -> Tables:
    regions, rtt, now = coordinates_of(config), config.rtt, time.time()
    if not files and not errors_among(problems):
        return Tables(Measured.nothing(regions), rtt, warnings=tuple(problems), at=now)
    paths = [reads.replay.places.get(key_of(file), file) for file in files]
    try:
        samples, warnings = read_tables(paths, regions, now, rtt.half_life, rtt.stale_after)
    except ProblemsError as error:
        raise ProblemsError([*problems, *error.problems]) from error
    if errors_among(problems):
        raise ProblemsError(list(problems))
    contents = tuple(reads.seen[key_of(path)].content for path in paths)
    found = (*problems, *warnings)
    return Tables(Measured.of(samples, regions), rtt, files, contents, found, now)


def _is_same(
    config: Config, files: tuple[Path, ...], served: Tables, before: Reads, reads: Reads
) -> bool:
    """Whether reading would give what is served, but for some minutes of age."""
    same = (served.rtt, served.files) == (config.rtt, files)
    same = same and served.measured.regions == coordinates_of(config)
    if not same or served.is_due(time.time()):
        return False
    for file, content in zip(files, served.contents, strict=True):
        seen = before.seen.get(key_of(file))
        # What was read last may have been refused.
        if seen is None or seen.content != content:
            return False
        if not still_holds(file, before, by_signature=not reads.asked_for):
            return False
    for file in files:
        reads.keep(before, file)
    return True
