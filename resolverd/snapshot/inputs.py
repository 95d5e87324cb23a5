"""Everything an operator writes, loaded and checked together: what a Plan is compiled from.

`check`, `explain`, start and reload all come through `load_inputs`, so that what one accepts
the others do. Every problem of every file comes back at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.name

from resolverd import log
from resolverd.config.load import LoadedConfig, Override, load_config
from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets, probe_targets
from resolverd.errors import GeoError, Problem, ProblemsError, errors_among
from resolverd.geo.locator import Locator
from resolverd.snapshot.fences import kept_from_some
from resolverd.snapshot.place_checks import check_places
from resolverd.snapshot.use_checks import check_use
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone

Progress = Callable[[Path, float], None]
Fingerprint = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A configuration, its zones and its databases, fit to be compiled together.

    `seen` tells the files as they were read apart from later ones of the same names, and
    `geo_seen` the databases alone.
    """

    config: Config
    base: Path
    targets: ProbeTargets
    zones: Mapping[dns.name.Name, Zone]
    locator: Locator
    warnings: tuple[Problem, ...]
    files: tuple[Path, ...]
    seen: Fingerprint
    geo_seen: Fingerprint

    def read_directories(self) -> set[Path]:
        """The directories in which an edit may concern this configuration."""
        globbed = {pattern.parent for pattern in self.patterns()}
        return {path for path in globbed | {file.parent for file in self.files} if path.is_dir()}

    def patterns(self) -> list[Path]:
        """The files read, and the globs that a new file would match; all absolute."""
        globs = [self.base / pattern for pattern in self.config.server.zones]
        return [path.absolute() for path in (*self.files, fragments_of(self.files[0]), *globs)]

    def on_disk(self) -> Fingerprint:
        """The fingerprint of the same files as they are now, new ones included."""
        return fingerprint(_matching(self.patterns()))


async def load_inputs(
    path: Path,
    overrides: Sequence[Override] = (),
    *,
    previous: Inputs | None = None,
    progress: Progress | None = None,
) -> Inputs:
    """Load and check the configuration at `path` and all that it names.

    `previous` spares another walk of databases that have not changed, and lets the checks
    compare serials. Raises ProblemsError with every problem found.
    """
    seen = _seen_before(path)
    loaded = await asyncio.to_thread(load_config, path, overrides)
    geo_files = [loaded.base / name for name in loaded.config.server.geoip]
    geo_seen = fingerprint(_matching([file.absolute() for file in geo_files]))
    globs = [(loaded.base / pattern).absolute() for pattern in loaded.config.server.zones]
    seen += geo_seen + fingerprint(_matching(globs))
    zones, problems = await asyncio.to_thread(_zones, loaded, previous)
    problems += loaded.warnings
    locator: Locator | None = None
    if previous is not None and previous.geo_seen == geo_seen:
        locator = previous.locator
    else:
        try:
            locator = await _locator(loaded, geo_files, progress)
        except GeoError as wrong:
            problems.append(_geo_problem(path, wrong))
    if locator is not None:
        found = await asyncio.to_thread(lambda: list(check_places(loaded.config, locator)))
        problems += [loaded.sources.problem(*finding) for finding in found]
    if not errors_among(problems):
        unused = check_use(loaded.config, zones.values())
        problems += [loaded.sources.problem(*finding) for finding in unused]
    if locator is None or errors_among(problems):
        raise ProblemsError(problems)
    included = [file.absolute() for zone in zones.values() for file in zone.files]
    return Inputs(
        config=loaded.config,
        base=loaded.base,
        targets=probe_targets(loaded.config),
        zones=zones,
        locator=locator,
        warnings=tuple(problems),
        files=(*loaded.files, *included, *geo_files),
        seen=tuple(sorted({*seen, *fingerprint(included)})),
        geo_seen=geo_seen,
    )


def fingerprint(files: Sequence[Path]) -> Fingerprint:
    """Name, inode, size and time of each file, sorted; zeros for one that is not there."""
    return tuple(sorted((str(file), *_mark(file)) for file in set(files)))


def fragments_of(path: Path) -> Path:
    """The glob of the fragments beside the main file at `path`."""
    return path.with_suffix(".d") / "*.toml"


def _matching(patterns: Sequence[Path]) -> list[Path]:
    return [file for pattern in patterns for file in pattern.parent.glob(pattern.name)]


def _mark(file: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(file)  # noqa: PTH116 - one call for the three figures
    except OSError:
        return (0, 0, 0)
    return status.st_ino, status.st_size, status.st_mtime_ns


def _seen_before(path: Path) -> Fingerprint:
    main = path.absolute()
    return fingerprint(_matching([main, fragments_of(main)]))


def _zones(
    loaded: LoadedConfig, previous: Inputs | None
) -> tuple[dict[dns.name.Name, Zone], list[Problem]]:
    config = loaded.config
    return load_zones(
        config.server.zones,
        loaded.base,
        services={name: service.answer for name, service in config.service.items()},
        ttl_floor=int(config.server.ttl_floor),
        previous=previous.zones if previous else None,
        kept=kept_from_some(config),
        strict=config.server.zone_checks == "strict",
    )


async def _locator(loaded: LoadedConfig, files: list[Path], progress: Progress | None) -> Locator:
    state = loaded.config.server.state
    stamps = loaded.base / state if state else None
    try:
        return await Locator.load(files, stamps=stamps, progress=progress)
    except GeoError as wrong:
        if files:
            raise
        # Only a package without its own database comes here: serving beats stopping.
        log.get("geo").error(
            "geo.none",
            reason=str(wrong),
            consequence="every client is taken to stand at server.coordinates",
            mend="run: resolverd geo fetch, and name the files in server.geoip",
        )
        return Locator(())


def _geo_problem(path: Path, wrong: GeoError) -> Problem:
    return Problem(
        str(path), 0, 0, "geo-refused", str(wrong),
        "replace the file (resolverd geo fetch gets a good one) or take it out of server.geoip",
    )  # fmt: skip
