"""Everything an operator writes, loaded and checked together: what a Plan is compiled from.

`check`, `explain`, start and reload all come through `load_inputs`, so that what one accepts
the others do. Every problem of every file comes back at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.name

from resolverd import log
from resolverd.config.load import LoadedConfig, Override, load_config
from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets, probe_targets
from resolverd.errors import GeoError, Problem, ProblemsError, errors_among
from resolverd.files.matching import real_path
from resolverd.files.reading import Reads, key_of, still_holds
from resolverd.files.threads import detached
from resolverd.geo.locator import Locator
from resolverd.snapshot.fences import kept_from_some
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone

Progress = Callable[[Path, float], None]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A configuration, its zones and its databases, fit to be compiled together.

    `main` is the configuration's own file, links followed; `reads` tells the files as they were
    read apart from later ones of the same names.
    """

    config: Config
    base: Path
    main: str
    targets: ProbeTargets
    zones: Mapping[dns.name.Name, Zone]
    locator: Locator
    warnings: tuple[Problem, ...]
    files: tuple[Path, ...]
    reads: Reads


async def load_inputs(
    path: Path,
    overrides: Sequence[Override] = (),
    *,
    previous: Inputs | None = None,
    progress: Progress | None = None,
    reads: Reads | None = None,
) -> Inputs:
    """Load and check the configuration at `path` and all that it names.

    `previous` spares another walk of databases that have not changed, and lets the checks
    compare serials; what is read is noted in `reads`. Raises ProblemsError with every problem
    found, or UnsettledError.
    """
    reads = reads or Reads()
    with reads.noted():
        return await _load(path, overrides, previous, progress, reads)


async def _load(
    path: Path,
    overrides: Sequence[Override],
    previous: Inputs | None,
    progress: Progress | None,
    reads: Reads,
) -> Inputs:
    loaded = await detached(lambda: load_config(path, overrides))
    named = [loaded.base / name for name in loaded.config.server.geoip]
    geo_files = [reads.replay.places.get(key_of(file), file) for file in named]
    zones, problems = await detached(lambda: _zones(loaded, previous))
    problems += loaded.warnings
    locator: Locator | None = None
    if previous is not None and await detached(lambda: _same_databases(geo_files, previous, reads)):
        locator = previous.locator
    else:
        try:
            locator = await _locator(loaded, geo_files, progress)
        except GeoError as wrong:
            problems.append(_geo_problem(path, wrong))
    if locator is None or errors_among(problems):
        raise ProblemsError(problems)
    included = [file.absolute() for zone in zones.values() for file in zone.files]
    return Inputs(
        config=loaded.config,
        base=loaded.base,
        main=await detached(lambda: real_path(path)),
        targets=probe_targets(loaded.config),
        zones=zones,
        locator=locator,
        warnings=tuple(problems),
        files=(*loaded.files, *included, *named),
        reads=reads,
    )


def _same_databases(files: Sequence[Path], previous: Inputs, reads: Reads) -> bool:
    """Whether `files` are those that `previous` has open, and hold what they held."""
    if [previous.base / name for name in previous.config.server.geoip] != files:
        return False
    for file in files:
        if not still_holds(file, previous.reads, by_mark=not reads.asked_for):
            return False
    for file in files:
        reads.keep(previous.reads, file)
    return True


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
