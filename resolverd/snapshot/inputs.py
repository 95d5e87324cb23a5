"""Everything an operator writes, loaded and checked together: what a Plan is compiled from.

`check`, `explain` and start come through `load_inputs`, where one error refuses all; reloads go
part by part (`edits`), by the same steps. Every problem of every file comes back at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import dns.name

from resolverd import log
from resolverd.config.load import LoadedConfig, SetOption, load_config
from resolverd.config.model import Config
from resolverd.config.partial import ZoneSettings, zone_settings
from resolverd.config.targets import ProbeTargets, probe_targets
from resolverd.config.tiers import answers
from resolverd.errors import (
    ConfigError,
    DefectError,
    GeoError,
    Problem,
    ProblemsError,
    errors_among,
)
from resolverd.files.matching import real_path
from resolverd.files.reading import Reads, key_of
from resolverd.files.threads import detached
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator
from resolverd.snapshot.fences import withheld_by_pins
from resolverd.snapshot.host_checks import check_hosts
from resolverd.snapshot.place_checks import check_places
from resolverd.snapshot.rtt_tables import RttTables, load_tables
from resolverd.snapshot.use_checks import check_use
from resolverd.zone.loader import Rules, ZoneFile, load_zone_files
from resolverd.zone.model import Zone
from resolverd.zone.nested import Nested, check_nested

Progress = Callable[[Path, float], None]
Opened = Callable[[LoadedConfig, Locator], None]
"""Hears of databases as soon as they are open, while zones are still read."""


CONFIGURATION, DATABASES, TABLES = "configuration", "databases", "rtt"


class Outdated(NamedTuple):
    """A part that the files say otherwise of than what is served, and why it was not adopted.

    `part` is ``configuration``, ``databases``, ``rtt`` (its tables), ``zone NAME`` or, of a file of
    which no zone can be told, ``file PATH``; of a zone, `zone` is the name. With `held` it loses
    much and waits to be insisted on, else something is wrong with it. A part that is not `served`
    has no older state.
    """

    part: str
    zone: str
    held: bool
    problems: tuple[Problem, ...]
    served: bool = True


def problems_of(parts: Iterable[Outdated]) -> list[Problem]:
    """Why these are outdated, each problem once."""
    return list(dict.fromkeys(problem for part in parts for problem in part.problems))


@dataclass(frozen=True, slots=True)
class Inputs:
    """A configuration, its zones, databases and tables, fit to be compiled together.

    `main` is the configuration's own file, links followed; `reads` tells the files as they were
    read apart from later ones of the same names, and `outdated` the parts that are in an older
    state than those. `nested` is what was found of zones within others, for the next edit.
    """

    loaded: LoadedConfig
    main: str
    targets: ProbeTargets
    zones: Mapping[dns.name.Name, Zone]
    locator: Locator
    tables: RttTables
    warnings: tuple[Problem, ...]
    reads: Reads
    outdated: tuple[Outdated, ...] = ()
    nested: tuple[Nested, ...] = ()

    @property
    def config(self) -> Config:
        """The configuration."""
        return self.loaded.config

    @property
    def base(self) -> Path:
        """The directory that its file names are relative to."""
        return self.loaded.base

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it was made of, the main configuration file first."""
        included = [file.absolute() for zone in self.zones.values() for file in zone.files]
        tables = [file.absolute() for file in self.tables.files]
        return (*self.loaded.files, *included, *databases_of(self.loaded), *tables)

    @property
    def opened(self) -> list[tuple[Path, Database]]:
        """The databases of `server.geoip`, each with its file; not the embedded one."""
        return list(zip(databases_of(self.loaded), self.locator.databases, strict=False))

    @property
    def older_files(self) -> tuple[Path, ...]:
        """The files that are served as they were read before: of the parts that are outdated."""
        parts = {outdated.part for outdated in self.outdated}
        return (
            *(self.loaded.files if CONFIGURATION in parts else ()),
            *(databases_of(self.loaded) if DATABASES in parts else ()),
            *(self.tables.files if TABLES in parts else ()),
            *(self.zones[origin].files[0] for origin in self.outdated_zones),
        )

    @property
    def outdated_zones(self) -> set[dns.name.Name]:
        """The zones among `outdated` that are served."""
        names = {outdated.zone for outdated in self.outdated if outdated.zone}
        return {origin for origin in self.zones if name_of(origin) in names}


def name_of(origin: dns.name.Name) -> str:
    """A zone's name for people and metrics: without the final dot, unless it is the root."""
    return str(origin).removesuffix(".") or "."


async def load_inputs(
    path: Path,
    overrides: Sequence[SetOption] = (),
    *,
    progress: Progress | None = None,
    reads: Reads | None = None,
    fragments: Sequence[Path] = (),
    without: Collection[Path] = (),
    opened: Opened | None = None,
) -> Inputs:
    """Load and check the configuration at `path` and all that it names.

    More `fragments` are tried with it, and some `without`, as `load_config` does. What is read is
    noted in `reads`, and `opened` hears of the databases.
    Raises ProblemsError with every problem found, DefectError or UnsettledError.
    """
    reads = reads or Reads()
    with reads.noted():
        try:
            loaded = await detached(
                lambda: load_config(path, overrides, fragments=fragments, without=without)
            )
        except ConfigError as error:
            settings = None
            with suppress(Exception):  # a defect that is met again: the error has it
                settings = await detached(
                    lambda: zone_settings(path, overrides, fragments=fragments, without=without)
                )
            found = await detached(lambda: _zones_beside(path, settings))
            raise ProblemsError([*error.problems, *found]) from error
        # The library checks databases beside Python, which reads zones.
        (files, problems), databases = await asyncio.gather(
            detached(lambda: zone_files(loaded, {})), _opened(loaded, progress, reads, opened)
        )
        problems += [problem for file in files for problem in file.problems]
        problems += loaded.warnings
        locator = databases if isinstance(databases, Locator) else None
        if isinstance(databases, GeoError):
            problems.append(geo_problem(path, databases))
        tables: RttTables | None = None
        try:
            tables = await load_tables(loaded, reads, locator)
            problems += tables.warnings
        except ProblemsError as error:
            problems += error.problems
        zones = {file.zone.origin: file.zone for file in files if file.zone}
        try:
            nested = await detached(partial(check_nested, zones))
            if locator is not None:
                incomplete = bool(errors_among(problems))
                problems += await detached(
                    partial(check_together, loaded, zones, locator, nested, incomplete)
                )
        except Exception as defect:
            raise DefectError("these files", defect) from defect
        if locator is None or tables is None or errors_among(problems):
            raise ProblemsError(problems)
        main = await detached(lambda: real_path(path))
        return Inputs(
            loaded,
            main,
            probe_targets(loaded.config),
            zones,
            locator,
            tables,
            tuple(problems),
            reads,
            nested=nested,
        )


async def _opened(
    loaded: LoadedConfig, progress: Progress | None, reads: Reads, opened: Opened | None
) -> Locator | GeoError:
    try:
        locator = await open_databases(loaded, progress, reads)
    except GeoError as error:
        return error
    if opened is not None:
        opened(loaded, locator)
    return locator


def check_together(
    loaded: LoadedConfig,
    zones: Mapping[dns.name.Name, Zone],
    locator: Locator,
    nested: Sequence[Nested],
    incomplete: bool = False,
) -> list[Problem]:
    """What is found of the configuration by its databases and zones, and of zones within others.

    With `incomplete` zones are missing, and what they use and answer is not known.
    """
    found = list(check_places(loaded.config, locator))
    if not incomplete:
        found += check_hosts(loaded.config, zones)
        found += check_use(loaded.config, zones.values())
    problems = [loaded.sources.problem(*finding) for finding in found]
    return [*problems, *(problem for each in nested for problem in each.problems)]


def zone_files(
    loaded: LoadedConfig, previous: Mapping[dns.name.Name, Zone]
) -> tuple[list[ZoneFile], list[Problem]]:
    """What the zone files give by this configuration; see `load_zone_files`."""
    config = loaded.config
    rules = Rules(
        answers(config),
        int(config.server.ttl_floor),
        withheld_by_pins(config),
        config.server.zone_checks == "strict",
    )
    return load_zone_files(config.server.zones, loaded.base, rules, previous)


def databases_of(loaded: LoadedConfig) -> list[Path]:
    """The files of `server.geoip`."""
    return [loaded.base / name for name in loaded.config.server.geoip]


async def open_databases(loaded: LoadedConfig, progress: Progress | None, reads: Reads) -> Locator:
    """The databases, checked whole, from where `reads` has them. Raises GeoError."""
    state = loaded.config.server.state
    stamps = loaded.base / state if state else None
    files = [reads.replay.places.get(key_of(file), file) for file in databases_of(loaded)]
    try:
        return await Locator.load(files, stamps=stamps, progress=progress)
    except GeoError as error:
        if files:
            raise
        # Only a package without its own database comes here: serving beats stopping.
        log.get("geo").error(
            "geo.none",
            reason=str(error),
            consequence="every client is taken to stand at server.coordinates",
            hint="run: resolverd geo fetch, and name the files in server.geoip",
        )
        return Locator(())


def _zones_beside(path: Path, settings: ZoneSettings | None) -> list[Problem]:
    """What is wrong with the zones whose configuration cannot be served, as far as it tells."""
    if settings is None:
        return []
    files, problems = load_zone_files(
        settings.patterns, path.parent, Rules(settings.services or {}), {}
    )
    problems += [problem for file in files for problem in file.problems]
    unknown = set() if settings.services is not None else {"zone-dyna-unknown-service"}
    return [problem for problem in problems if problem.id not in unknown]


def geo_problem(path: Path, error: GeoError) -> Problem:
    """A refused database as a finding about the configuration at `path` that names it."""
    return Problem(
        str(path), 0, 0, "geo-refused", str(error),
        "replace the file (resolverd geo fetch gets a good one) or take it out of server.geoip",
    )  # fmt: skip
