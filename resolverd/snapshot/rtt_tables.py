"""The tables of `[rtt]`: matched, read, and the field estimated from them, off the event loop.

Beside the files that the configuration names there is the table that this host keeps for itself
(`kept.round_trips`), where a service is steered by times. Nobody wrote it, so whatever is wrong
with it refuses nothing: it is left out, with a warning, until it is written anew.
"""

from __future__ import annotations

import glob
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
from resolverd.files.reading import THREADS, Reads, key_of
from resolverd.files.threads import HangingError, detached
from resolverd.files.unchanged import still_holds
from resolverd.geo.countries import countries
from resolverd.geo.locator import Locator
from resolverd.rtt.kept_table import KEPT_NAME
from resolverd.rtt.latency import Measured
from resolverd.rtt.light import places_by
from resolverd.rtt.table import Stands, read_tables
from resolverd.snapshot.rankings import coordinates_of

# By how many half-lives what was read may have aged before it is weighed again.
_WEIGHED_AGAIN = 1 / 8


@dataclass(frozen=True, eq=False)
class RttTables:
    """What the `files` say by the options of `[rtt]`, as it was weighed `at` (Unix seconds).

    `contents` are their digests. The last of them may be the one that this host keeps: `kept`. Of
    what they say of networks, what `locator` places where light could not have been so fast is
    left out; it is None where there are no files, or these would keep a database that was replaced.
    """

    measured: Measured
    rtt: Rtt
    files: tuple[Path, ...] = ()
    contents: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    at: float = 0.0
    kept: Path | None = None
    locator: Locator | None = None

    def is_due(self, now: float) -> bool:
        """Whether it has aged so far (Unix seconds) that it is to be weighed again."""
        return bool(self.files) and abs(now - self.at) > self.rtt.half_life * _WEIGHED_AGAIN


async def load_tables(loaded: LoadedConfig, reads: Reads, locator: Locator | None) -> RttTables:
    """Read all of them, noted in `reads`. Raises ProblemsError with every problem."""
    files, problems = await detached(partial(_files, loaded))
    kept = await detached(partial(_kept, loaded, None))
    return await detached(partial(_read, loaded.config, files, kept, problems, reads, locator))


async def edited_tables(
    loaded: LoadedConfig,
    served: RttTables,
    before: Reads,
    reads: Reads,
    locator: Locator,
    *,
    state: Path | None = None,
) -> RttTables:
    """The tables as they are now; what is `served` where that would be the same.

    `before` tells what was read of those served, `reads` what is read now. `state` is where this
    host keeps its own, unless that is `server.state`. Raises ProblemsError with every problem.
    """
    files, problems = await detached(partial(_files, loaded))
    kept = await detached(partial(_kept, loaded, state))
    same = partial(_is_same, loaded.config, files, kept, served, before, reads, locator)
    if await detached(same):
        return served
    return await detached(partial(_read, loaded.config, files, kept, problems, reads, locator))


async def fitted(tables: RttTables, config: Config) -> RttTables:
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


def _kept(loaded: LoadedConfig, state: Path | None) -> Path | None:
    """The table that this host keeps for itself; None where there is none, or nobody needs it.

    It lies in `state`, or in `server.state` where that is None. Where the disk does not answer it
    is taken to be there: whoever reads it says that it is left out.
    """
    config = loaded.config
    needed = any(service.ordered_by == "latency" for service in config.service.values())
    directory = config.server.state
    if state is not None and key_of(state) != key_of(loaded.base / directory):
        directory = key_of(state)
    if not needed or not directory:
        return None
    pattern = str(Path(glob.escape(directory)) / KEPT_NAME)
    try:
        matches = match(loaded.base, pattern)
    except HangingError:
        return loaded.base / directory / KEPT_NAME
    except OSError:
        return None
    if any(isinstance(error, HangingError) for error in matches.unlisted.values()):
        return loaded.base / directory / KEPT_NAME
    # None too where whoever checks the files may not look into the daemon's directory.
    return next(map(Path, matches.paths), None)


def _unlisted(path: str, error: OSError) -> Problem:
    return Problem(
        path, 0, 0, "rtt-unreadable", f"cannot be listed: {error.strerror or error}",
        "correct the path or its permissions",
    )  # fmt: skip


def _read(
    config: Config,
    named: tuple[Path, ...],
    kept: Path | None,
    problems: Sequence[Problem],
    reads: Reads,
    locator: Locator | None,
) -> RttTables:
    regions, rtt, now = coordinates_of(config), config.rtt, time.time()
    files = (*named, *([kept] if kept else ()))
    if not files and not errors_among(problems):
        nothing = Measured.nothing(regions)
        return RttTables(nothing, rtt, warnings=tuple(problems), at=now)
    paths = [reads.replay.places.get(key_of(file), file) for file in files]
    try:
        samples, warnings = read_tables(
            *(paths, regions, now, rtt.half_life, rtt.stale_after, _places(config)),
            place_of=places_by(lambda: locator) if locator else None,
        )
    except ProblemsError as error:
        faults = errors_among(error.problems)
        if kept and all(fault.file == str(kept) for fault in faults):
            return _read(
                config, named, None, [*problems, _unusable(kept, faults[0])], reads, locator
            )
        theirs = [problem for problem in error.problems if problem.file != str(kept)]
        raise ProblemsError([*problems, *theirs]) from error
    if errors_among(problems):
        raise ProblemsError(list(problems))
    contents = tuple(reads.seen[key_of(path)].content for path in paths)
    # What this host no longer needs of its own, such as a region that is gone, it removes itself.
    found = (*problems, *(warning for warning in warnings if warning.file != str(kept)))
    measured = Measured.of(samples, regions)
    return RttTables(measured, rtt, files, contents, found, now, kept, locator)


def _places(config: Config) -> dict[str, Stands]:
    """Where each own place is, as far as that is written."""
    return {
        name: place.coordinates or countries().get(place.country or "")
        for name, place in config.place.items()
    }


def _unusable(kept: Path, fault: Problem) -> Problem:
    mend = f"remove {kept}; it is written anew"
    if _hangs(kept):
        mend = "see that its disk answers; the next reload reads it"
    return Problem(
        fault.file, fault.line, fault.column, "rtt-kept-unusable",
        f"the table that this host keeps is left out: {fault.message}",
        mend, "warning",
    )  # fmt: skip


def _is_same(
    config: Config,
    named: tuple[Path, ...],
    kept: Path | None,
    served: RttTables,
    before: Reads,
    reads: Reads,
    locator: Locator,
) -> bool:
    """Whether reading would give what is served, but for some minutes of age.

    While the disk of the table that this host keeps hangs, what is served of it is what it says,
    or that it is left out; and nothing is weighed again for its age, which would need it.
    """
    files = (*named, *([kept] if kept else ()))
    if kept and served.kept is None and _hangs(kept):
        files = named
    same = (served.rtt, served.files) == (config.rtt, files)
    same = same and served.measured.regions == coordinates_of(config)
    if not same or (files and served.locator is not locator):
        return False
    hangs = False
    for file, content in zip(files, served.contents, strict=True):
        seen = before.seen.get(key_of(file))
        # What was read last may have been refused.
        if seen is None or seen.content != content:
            return False
        if not still_holds(file, before, asked_for=reads.asked_for):
            hangs = file == kept and _hangs(file)
            if not hangs:
                return False
    if served.is_due(time.time()) and not hangs:
        return False
    for file in (*named, *([kept] if kept else ())):
        reads.keep(before, file)
    return True


def _hangs(file: Path) -> bool:
    """Whether it is not even looked for at present, since its disk does not answer."""
    return THREADS.refuses(key_of(file))
