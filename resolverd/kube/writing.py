"""A cluster's fragment: read the files beside it, translate, check, and write it in one step.

It is checked as `resolverd check` does, in place of the one that is there. What it would break
keeps it from being written; what other files have wrong by themselves does not, for addresses would
stay behind because of somebody's zone. A fragment that would lose all its endpoints is held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import dns.name

from resolverd.config.load import SetOption
from resolverd.config.partial import zone_settings
from resolverd.config.sources import Sources, read_sources
from resolverd.dns.names import to_text
from resolverd.errors import Problem, ProblemsError, ResolverdError, errors_among
from resolverd.files.reading import MAX_CONFIG, Reads, key_of, read_file
from resolverd.files.replay import Replay
from resolverd.files.threads import HangingError, Step, detached
from resolverd.files.writing import PUBLIC, WRITES, replace_file, why_not
from resolverd.kube.entry_points import LeftOut, Rules, normal
from resolverd.kube.fragment import (
    Coordinates,
    Elsewhere,
    Fragment,
    endpoints_in,
    fragment_of,
    places_of,
)
from resolverd.kube.objects import Cluster, text
from resolverd.kube.translate import translate
from resolverd.snapshot.inputs import load_inputs
from resolverd.snapshot.own_names import OwnNames
from resolverd.zone import loader
from resolverd.zone.dyna import DYNA
from resolverd.zone.model import RRsets, Zone

State = Literal["written", "unchanged", "held", "refused", "checked"]
_CORE = "/core"


class FragmentError(ResolverdError):
    """The fragment cannot be written where it is to be, or what is there cannot be told."""


class Purpose(NamedTuple):
    """What is written where: the fragment `target` of the configuration at `config`.

    `regions` are those that the cluster is: the first where no annotation says, and no others.
    `coordinates` are theirs where no file and no name tells; `hostnames` are services by the
    hostname of a route, beside what zones say. `insisting` is the command that writes it although
    it loses all its endpoints.
    """

    config: Path
    overrides: Sequence[SetOption]
    target: Path
    regions: Sequence[str]
    coordinates: Coordinates | None
    hostnames: Mapping[str, str]
    insisting: str


class Outcome(NamedTuple):
    """What came of one look at the cluster; a `checked` fragment would be written."""

    state: State
    fragment: Fragment | None
    left_out: tuple[LeftOut, ...] = ()
    problems: tuple[Problem, ...] = ()


class Writer:
    """Writes one fragment, again and again."""

    def __init__(self, purpose: Purpose) -> None:
        self._purpose = purpose
        self._zones: Mapping[dns.name.Name, Zone] = {}

    async def take(self, cluster: Cluster, *, insist: bool = False, dry: bool = False) -> Outcome:
        """Write what the cluster says, where that is new and sound; with `dry` nothing is written.

        With `insist` a fragment may lose all its endpoints. Raises FragmentError.
        """
        sources = await detached(self._sources)
        broken = [p for p in sources.problems if p.id in ("config-unreadable", "config-syntax")]
        if broken:
            return Outcome("refused", None, (), tuple(broken))
        elsewhere = Elsewhere(
            sources.tree, places_of(self._purpose.regions, self._purpose.coordinates)
        )
        hostnames, unread = await detached(partial(self._hostnames, elsewhere))
        regions = self._purpose.regions
        known = elsewhere.regions.intersection(regions)
        own = OwnNames(self._zones)
        rules = Rules(
            tuple(regions), known, elsewhere.services, hostnames,
            lambda name: own.host(name).end == "steered",
        )  # fmt: skip
        entry_points, left_out = translate(cluster, rules)
        made = fragment_of(entry_points, elsewhere)
        there = await detached(self._there)
        had = endpoints_in(there)
        if made.text == there or (not there and not made.endpoints):
            return Outcome("unchanged", made, left_out, made.problems)
        if len(made.endpoints) < len(had) and unread:  # whose hostnames may be what is missing
            return Outcome("refused", made, left_out, tuple(unread))
        if had and not made.endpoints and not insist:
            return Outcome("held", made, left_out, (self._lost(had),))
        if errors_among(made.problems):
            return Outcome("refused", made, left_out, made.problems)
        try:
            refused, warnings = await self._put(made, dry=dry)
        except OSError as error:
            raise FragmentError(
                f"{self._purpose.target} cannot be written: {why_not(error)}; {_mend(error)}"
            ) from error
        if refused:
            return Outcome("refused", made, left_out, refused)
        found = (*made.problems, *warnings)
        return Outcome("checked" if dry else "written", made, left_out, found)

    def _sources(self) -> Sources:
        """All files but the fragment itself."""
        sources = read_sources(self._purpose.config, (), {self._purpose.target})
        for key, value in self._purpose.overrides:
            sources.override(key, value)
        return sources

    def _hostnames(self, elsewhere: Elsewhere) -> tuple[Mapping[str, str], Sequence[Problem]]:
        """The services of hostnames: of the DYNA records of all zones, and those given.

        With what is wrong with zones of which nothing is known, not even from an earlier look.
        """
        purpose = self._purpose
        settings = zone_settings(purpose.config, purpose.overrides)
        files: Sequence[loader.ZoneFile] = ()
        if settings is not None:
            rules = loader.Rules(settings.services or {})
            files, _ = loader.load_zone_files(
                settings.patterns, purpose.config.parent, rules, self._zones
            )
        zones = {file.zone.origin: file.zone for file in files if file.zone}
        unread = [problem for file in files if not file.zone for problem in file.problems]
        known = {file for zone in self._zones.values() for file in map(str, zone.files)}
        self._zones = {**self._zones, **zones} if unread else zones
        found = {
            normal(to_text(key)): service
            for zone in self._zones.values()
            for key, rrsets in zone.rrsets.items()
            if DYNA in rrsets and (service := _service_of(rrsets, elsewhere))
        }
        given = {normal(name): service for name, service in purpose.hostnames.items()}
        return found | given, [each for each in unread if each.file not in known]

    def _there(self) -> str:
        """The fragment that is written; empty where there is none, or none that can be read.

        Raises FragmentError while its disk hangs: it may have endpoints that are not to be lost.
        """
        try:
            return read_file(self._purpose.target, MAX_CONFIG).decode("utf-8")
        except HangingError as error:
            raise FragmentError(
                f"{self._purpose.target} cannot be read: {why_not(error)}; {_mend(error)}"
            ) from error
        except (OSError, UnicodeDecodeError):
            return ""

    def _lost(self, names: Collection[str]) -> Problem:
        some = ", ".join(sorted(names)[:5])
        return Problem(
            str(self._purpose.target), 0, 0, "lost-endpoints",
            f"all {len(names)} endpoints would be gone: {some}",
            f"see that the cluster has lost it all, and then: {self._purpose.insisting}",
        )  # fmt: skip

    async def _put(
        self, made: Fragment, *, dry: bool
    ) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
        """Check it and put it in its place. What it is refused for, and the warnings about it."""
        purpose = self._purpose
        content = made.text.encode()
        # Checked over what the disk holds, so that no daemon sees it before.
        reads = Reads(replay=Replay(contents={key_of(purpose.target): lambda: content}))
        try:
            inputs = await load_inputs(
                purpose.config,
                purpose.overrides,
                reads=reads,
                fragments=[purpose.target],
                without={purpose.target},
            )
            found = inputs.warnings
        except ProblemsError as error:
            found = error.problems
        told = [self._told(each, made) for each in found]
        of_it = [each for each in told if each.file == str(purpose.target)]
        refused = errors_among(told)
        if refused:
            known = await self._known()
            refused = [p for p in refused if p in of_it or (p.id, p.file, p.message) not in known]
        if refused:
            return tuple(refused), ()
        if not dry:
            await WRITES.call(_installing(purpose.target, content))
        return (), tuple(p for p in of_it if p.severity == "warning")

    def _told(self, problem: Problem, made: Fragment) -> Problem:
        """A problem of the fragment with the objects that it comes from."""
        of_it = problem.file == str(self._purpose.target)
        said_by = made.blame(problem.line) if of_it else ""
        return replace(problem, message=f"{problem.message} ({said_by})") if said_by else problem

    async def _known(self) -> set[tuple[str, str, str]]:
        """What is wrong with the files as they are."""
        try:
            await load_inputs(self._purpose.config, self._purpose.overrides)
        except ProblemsError as error:
            return {(p.id, p.file, p.message) for p in errors_among(error.problems)}
        return set()


def _service_of(rrsets: RRsets, elsewhere: Elsewhere) -> str:
    """The service that answers a name; of ``NAME/core`` the one behind it. Empty for none known."""
    name = str(rrsets[DYNA].rdatas[0].service)  # type: ignore[attr-defined]
    if name.endswith(_CORE):
        name = text(elsewhere.tree, "service", name.removesuffix(_CORE), "core")
    return name if name in elsewhere.services else ""


def _mend(error: OSError) -> str:
    """What to do about a file that can be neither read nor written."""
    if isinstance(error, HangingError):
        return "see that it does"
    return "see that its directory is there, and that this user may write to it"


def _installing(target: Path, content: bytes) -> Callable[[Step], None]:
    """Not `replacing`, whose directory of mode 0700 would keep another user's daemon out."""

    def install(step: Step) -> None:
        step(str(target))
        target.parent.mkdir(exist_ok=True)
        replace_file(target, content, mode=PUBLIC)

    return install
