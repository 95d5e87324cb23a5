"""An edit of the files, adopted part by part: what of it is served, and what stays as it was.

The parts are the configuration (its file with the fragments), the databases, the tables of
round-trip times, and each zone. A part
with an error stays as it is served; so does one that takes much away (`losses`), until somebody
insists. The other parts are adopted all the same. What a configuration needs of a zone that stays
as it was is checked, so that any combination that comes out of here can be compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import dns.name
from dns.rdatatype import HTTPS, SVCB

from resolverd.config.load import LoadedConfig, SetOption, config_defect, load_config
from resolverd.config.targets import probe_targets
from resolverd.config.tiers import answers
from resolverd.dns.names import to_text
from resolverd.errors import (
    ConfigError,
    GeoError,
    Problem,
    ProblemsError,
    ResolverdError,
    errors_among,
)
from resolverd.files.reading import Reads, key_of
from resolverd.files.threads import detached
from resolverd.files.unchanged import still_holds
from resolverd.geo.locator import Locator
from resolverd.snapshot.fences import withheld_by_pins
from resolverd.snapshot.inputs import (
    CONFIGURATION,
    DATABASES,
    TABLES,
    Inputs,
    Outdated,
    Progress,
    check_together,
    databases_of,
    geo_problem,
    name_of,
    open_databases,
    zone_files,
)
from resolverd.snapshot.losses import (
    config_losses,
    new_zone_losses,
    numbering_losses,
    pins_gone,
    zone_losses,
    zones_lost,
)
from resolverd.snapshot.rtt_tables import RttTables, edited_tables, fitted
from resolverd.snapshot.steering_edits import zones_refused
from resolverd.zone.dyna import DYNA
from resolverd.zone.loader import ZoneFile
from resolverd.zone.model import Zone, zone_around
from resolverd.zone.nested import check_nested


@dataclass(frozen=True)
class Terms:
    """On what an edit is adopted: whether losses are accepted, and what else would be one.

    `lost_words` tells of the overrides and spill rules whose targets an edit would take away.
    `copy_of` is where on disk the database of a SHA-256 lies, for one that is not answered from.
    `state` is the directory in which this process keeps things, whatever the edit says of it; None
    takes `server.state`. Without `accept_databases` a loss by databases alone is held even where
    losses are accepted, as those of a published set are: databases are the edge's own.
    """

    accept_losses: bool = False
    lost_words: Callable[[Inputs], list[Problem]] = lambda _: []
    copy_of: Callable[[str], Path | None] = lambda _: None
    state: Path | None = None
    accept_databases: bool = True


async def load_edit(
    path: Path,
    overrides: Sequence[SetOption],
    served: Inputs,
    terms: Terms,
    *,
    progress: Progress | None = None,
    reads: Reads | None = None,
) -> Inputs:
    """What is to be served from now on, of the files at `path` and of what is `served`.

    `Inputs.outdated` has what was not adopted. Parts that have not changed are the very same
    objects. Raises UnsettledError, and nothing for what the files say.
    """
    reads = reads or Reads()
    with reads.noted():
        loaded, outdated = await _config(path, overrides, served)
        try:
            return await _edit(path, loaded, outdated, served, terms, progress, reads)
        except ResolverdError:
            raise
        except Exception as defect:
            if loaded.config == served.config:
                raise
            # The others of its parts are adopted, if it is the configuration that meets it.
            outdated = _refused(CONFIGURATION, [config_defect(path, defect)])
            return await _edit(path, served.loaded, outdated, served, terms, progress, reads)


async def _edit(
    path: Path,
    loaded: LoadedConfig,
    outdated: list[Outdated],
    served: Inputs,
    terms: Terms,
    progress: Progress | None,
    reads: Reads,
) -> Inputs:
    """The edit with this configuration; `outdated` is what is not adopted already."""
    locator, parts = await _databases(path, loaded, served, terms, progress, reads)
    if parts and databases_of(loaded) != databases_of(served.loaded):
        outdated = [part._replace(part=CONFIGURATION) for part in parts]
        loaded = served.loaded
        locator, parts = await _databases(path, loaded, served, terms, progress, reads)
    outdated += parts
    tables, problems = await _tables(loaded, served, terms, reads, locator)
    inputs = await _with_zones(loaded, served, (locator, tables), terms, reads)
    if loaded.config != served.config:
        unfit = _unfit(inputs, served)
        losses = [] if terms.accept_losses else await _losses(inputs, served, terms)
        if unfit or losses:
            why = (*unfit, *losses)
            if databases_of(loaded) != databases_of(served.loaded):
                locator, parts = await _databases(
                    path, served.loaded, served, terms, progress, reads
                )
                outdated += parts
            theirs = problems
            if problems or tables is not served.tables:
                tables, problems = await _tables(served.loaded, served, terms, reads, locator)
            why += tuple(p for p in errors_among(theirs) if p not in problems)
            outdated = [Outdated(CONFIGURATION, "", not unfit, why), *outdated]
            inputs = await _with_zones(served.loaded, served, (locator, tables), terms, reads)
    outdated += _refused(TABLES, problems) if problems else []
    return replace(inputs, outdated=(*outdated, *inputs.outdated))


async def _config(
    path: Path, overrides: Sequence[SetOption], served: Inputs
) -> tuple[LoadedConfig, list[Outdated]]:
    try:
        loaded = await detached(lambda: load_config(path, overrides))
    except ConfigError as error:
        return served.loaded, _refused(CONFIGURATION, error.problems)
    if loaded.config == served.config:
        loaded = replace(loaded, config=served.config)
    return loaded, []


async def _databases(
    path: Path,
    loaded: LoadedConfig,
    served: Inputs,
    terms: Terms,
    progress: Progress | None,
    reads: Reads,
) -> tuple[Locator, list[Outdated]]:
    """The databases, those that are served where these have not changed, are refused or held."""
    if await detached(lambda: _same_databases(loaded, served, reads)):
        return served.locator, []
    # Two city databases in memory would be most of what a reload takes.
    await detached(partial(served.locator.leave_memory, terms.copy_of))
    try:
        locator = await open_databases(loaded, progress, reads)
    except GeoError as error:
        return served.locator, _refused(DATABASES, [geo_problem(path, error)])
    alone = databases_of(loaded) == databases_of(served.loaded)
    insisted = terms.accept_losses and terms.accept_databases
    lost = await _numbers_lost(served, locator) if alone and not insisted else []
    if lost:
        return served.locator, [Outdated(DATABASES, "", True, tuple(lost))]
    return locator, []


async def _numbers_lost(served: Inputs, locator: Locator) -> list[Problem]:
    """What pins lose where the databases that are served tell autonomous systems, and these not."""
    file, before = served.loaded.files[0], served.locator
    losses = [] if locator is before else numbering_losses(served.config, file)
    if not losses:
        return []
    lost = await detached(lambda: before.tells_asns and not locator.tells_asns)
    return losses if lost else []


def _same_databases(loaded: LoadedConfig, served: Inputs, reads: Reads) -> bool:
    """Whether the databases are those that are open, and hold what they held."""
    files = databases_of(loaded)
    if databases_of(served.loaded) != files:
        return False
    for file, database in zip(files, served.locator.databases, strict=False):
        seen = served.reads.seen.get(key_of(file))
        # What was read last may have been refused.
        if seen is None or seen.content != database.sha256:
            return False
        if not still_holds(file, served.reads, asked_for=reads.asked_for):
            return False
    for file in files:
        reads.keep(served.reads, file)
    return True


async def _tables(
    loaded: LoadedConfig, served: Inputs, terms: Terms, reads: Reads, locator: Locator
) -> tuple[RttTables, list[Problem]]:
    """The tables, what is served of them where they have not changed or are refused."""
    try:
        tables = await edited_tables(
            loaded, served.tables, served.reads, reads, locator, state=terms.state
        )
        return tables, []
    except ProblemsError as error:
        return await fitted(served.tables, loaded.config), list(error.problems)


async def _with_zones(
    loaded: LoadedConfig,
    served: Inputs,
    opened: tuple[Locator, RttTables],
    terms: Terms,
    reads: Reads,
) -> Inputs:
    """These with their zones, each as its file says or as it is served."""
    locator, tables = opened
    files, patterns = await detached(lambda: zone_files(loaded, served.zones))
    zones, outdated = await detached(
        lambda: _zones(files, errors_among(patterns), loaded, served, terms)
    )
    zones, outdated = await detached(lambda: _without_steered(zones, outdated, loaded, served))
    warnings = [problem for zone in zones.values() for problem in zone.warnings]
    nested = await detached(partial(check_nested, zones, served.nested))
    warnings += await detached(partial(check_together, loaded, zones, locator, nested))
    return Inputs(
        loaded,
        served.main,
        served.targets if loaded.config == served.config else probe_targets(loaded.config),
        zones,
        locator,
        tables,
        (*warnings, *loaded.warnings, *tables.warnings),
        reads,
        tuple(outdated),
        nested,
    )


def _zones(
    files: Sequence[ZoneFile],
    patterns: Sequence[Problem],
    loaded: LoadedConfig,
    served: Inputs,
    terms: Terms,
) -> tuple[Mapping[dns.name.Name, Zone], list[Outdated]]:
    """Each zone as its file says, or as it is served and why.

    `patterns` are errors about patterns of `server.zones`, whose zones stay.
    """
    zones: dict[dns.name.Name, Zone] = {}
    outdated: list[Outdated] = []
    losses_around: dict[dns.name.Name, list[Problem]] = {}
    for zone in (file.zone for file in files if file.zone):
        before = served.zones.get(zone.origin)
        losses: list[Problem] = []
        around = zone_around(served.zones, zone.origin) if before is None else None
        if around is not None and not terms.accept_losses:
            losses = new_zone_losses(around, zone, served.config, loaded.config)
            losses_around |= {around.origin: losses} if losses else {}
        elif before is not None and before is not zone and not terms.accept_losses:
            losses = zone_losses(before, zone, served.config, loaded.config)
        kept = before if losses else zone
        if kept is not None:
            zones[zone.origin] = kept
        if losses:
            outdated.append(_outdated(zone.origin, losses, held=True, served=before is not None))
    by_path = {zone.files[0]: origin for origin, zone in served.zones.items()}
    for file in files:
        if file.zone is None:
            origin = file.origin if file.origin in served.zones else by_path.get(file.path)
            known = origin is not None and origin not in zones
            if origin is not None and known:
                zones[origin] = served.zones[origin]
            zone_name = origin or file.origin
            problems = _with_twin(file, files)
            if zone_name is None:
                outdated.append(Outdated(f"file {file.path}", "", False, problems, served=False))
            elif f"zone {name_of(zone_name)}" not in {known.part for known in outdated}:
                outdated.append(
                    _outdated(zone_name, problems, held=False, served=zone_name in zones)
                )
    for origin, losses in losses_around.items():
        # Its names go on being answered where they are to move into a zone that is held.
        if zones.get(origin) is not served.zones[origin]:
            zones[origin] = served.zones[origin]
            outdated.append(_outdated(origin, losses, held=True))
    gone = [origin for origin in served.zones if origin not in zones]
    if patterns and not gone:
        outdated += _refused(CONFIGURATION, patterns)
    elif patterns:
        outdated += [_outdated(origin, patterns, held=False) for origin in gone]
        zones |= {origin: served.zones[origin] for origin in gone}
    elif not terms.accept_losses:
        losses_of = zones_lost(served.zones, gone, served.config.server.hold_zones)
        lost = {origin: [loss] for origin, loss in losses_of.items()}
        # Nothing turns off the hold on pins.
        lost = lost or pins_gone(served.zones, gone, zones, served.config, loaded.config)
        outdated += [_outdated(origin, why, held=True) for origin, why in lost.items()]
        zones |= {origin: served.zones[origin] for origin in lost}
    return zones, outdated


def _without_steered(
    zones: Mapping[dns.name.Name, Zone],
    outdated: Sequence[Outdated],
    loaded: LoadedConfig,
    served: Inputs,
) -> tuple[Mapping[dns.name.Name, Zone], list[Outdated]]:
    """The zones, less those by whose edit a hostname of the configuration would be steered."""
    kept, found = zones_refused(loaded.config, zones, served.config, served.zones)
    added = [
        _outdated(
            origin,
            [loaded.sources.problem(*finding) for finding in findings],
            held=False,
            served=origin in served.zones,
        )
        for origin, findings in found.items()
    ]
    return kept, [*outdated, *added]


def _with_twin(file: ZoneFile, files: Sequence[ZoneFile]) -> tuple[Problem, ...]:
    """The errors of a file, or of the other one that writes the same zone."""
    mine = errors_among(file.problems)
    twins = [other for other in files if other.origin == file.origin and other is not file]
    return tuple(mine or [p for twin in twins for p in errors_among(twin.problems)])


def _unfit(inputs: Inputs, served: Inputs) -> list[Problem]:
    """Why this configuration cannot be compiled with zones that stay as they were."""
    found = [p for old in inputs.outdated if old.part == CONFIGURATION for p in old.problems]
    found += errors_among(inputs.warnings)
    now, then = inputs.config, served.config
    known, known_then = answers(now), answers(then)
    pins_changed = withheld_by_pins(now) != withheld_by_pins(then)
    for origin in inputs.outdated_zones:
        zone, why = inputs.zones[origin], ""
        for key, rrsets in zone.rrsets.items():
            if DYNA not in rrsets:
                continue
            name = str(rrsets[DYNA].rdatas[0].service)  # type: ignore[attr-defined]
            if name not in known:
                why = f'{to_text(key)} DYNA needs the service "{name}", which is not there any more'
            elif known[name] != known_then[name]:
                why = f'{to_text(key)} DYNA was checked for another answer of the service "{name}"'
            elif pins_changed and (HTTPS in rrsets or SVCB in rrsets):
                why = f"the hints at {to_text(key)} were checked for other pins"
        if why:
            found.append(
                Problem(
                    str(inputs.loaded.files[0]), 0, 0, "config-zone-outdated",
                    f"the zone {origin} is served in an older state, and {why}",
                    f"fix {zone.files[0]} first, or leave that in the configuration",
                )
            )  # fmt: skip
    return found


async def _losses(inputs: Inputs, served: Inputs, terms: Terms) -> list[Problem]:
    file = inputs.loaded.files[0]
    numbers = await _numbers_lost(served, inputs.locator)
    return [*numbers, *terms.lost_words(inputs), *config_losses(served.config, inputs.config, file)]


def _outdated(
    origin: dns.name.Name, problems: Sequence[Problem], *, held: bool, served: bool = True
) -> Outdated:
    return Outdated(f"zone {name_of(origin)}", name_of(origin), held, tuple(problems), served)


def _refused(part: str, problems: Sequence[Problem]) -> list[Outdated]:
    return [Outdated(part, "", False, tuple(errors_among(problems) or problems))]
