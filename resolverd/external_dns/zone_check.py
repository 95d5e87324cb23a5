"""Whether a zone could be served with a fragment as it would be, asked of the real loader.

What is not written yet is laid over the disk (`files.replay`), so that no daemon sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dns.name import Name

from resolverd.config.load import SetOption, load_config
from resolverd.config.tiers import answers
from resolverd.errors import ConfigError, Problem, ProblemsError, errors_among
from resolverd.external_dns.by_hand import NamesByHand, names_by_hand
from resolverd.files.matching import real_path
from resolverd.files.reading import Reads, key_of
from resolverd.files.replay import Replay
from resolverd.snapshot.inputs import name_of, zone_files
from resolverd.zone.files import read_source
from resolverd.zone.model import Services, Zone
from resolverd.zone.reader import read_master

_ID = "external-dns"
_SERIAL = frozenset({"zone-serial-unchanged", "zone-serial-backward"})


class ZoneCheck:
    """Loads `zone` of the configuration at `config`, of which `fragment` is a part. Blocks.

    One load at a time; what was loaded last makes the next one cheap.
    """

    def __init__(
        self, config: Path, overrides: Sequence[SetOption], zone: Name, fragment: Path
    ) -> None:
        self.zone, self.fragment = zone, fragment
        self._config, self._overrides = config, overrides
        # By what names the fragment is known: the command line's, and that of the $INCLUDE.
        self._names = {key_of(fragment)}
        self._previous: Mapping[Name, Zone] = {}
        self._services: Services = {}
        self._origins: Sequence[Name] = ()
        self._own: tuple[object, NamesByHand] | None = None

    def load(self, text: str) -> Zone:
        """The zone with this text in the place of its fragment.

        Raises ProblemsError with what is wrong with the zone or the configuration.
        """
        zone = self._load(text)
        if (name := key_of(self._included(zone))) not in self._names:
            self._names.add(name)  # it was read from the disk
            zone = self._load(text)
        return zone

    def own(self, zone: Zone) -> NamesByHand:
        """The names of a zone that was loaded whose records are not the fragment's."""
        included = zone.files.index(self._included(zone))
        digests = [digest for at, digest in enumerate(zone.digests) if at != included]
        below = (origin for origin in self._origins if origin.is_subdomain(zone.origin))
        children = [origin for origin in below if origin != zone.origin]
        stamp = digests, self._services, children
        if self._own is None or self._own[0] != stamp:
            records = read_master(read_source(zone.files[0])).records
            by_hand = (r for r in records if key_of(r.source.path) not in self._names)
            self._own = stamp, names_by_hand(zone.origin, by_hand, self._services, children)
        return self._own[1]

    def line(self, found: Problem) -> int:
        """The line of the fragment that a finding is about; 0 where it is about something else."""
        return found.line if key_of(Path(found.file)) in self._names else 0

    def warnings(self, zone: Zone, before: Zone) -> list[Problem]:
        """What is odd about the fragment's own records, and about others' as it was not before.

        The serial is the operator's, and stays.
        """
        known = {(found.file, found.id, found.message) for found in before.warnings}
        return [
            found
            for found in zone.warnings
            if self.line(found)
            or not (found.id in _SERIAL or (found.file, found.id, found.message) in known)
        ]

    def _load(self, text: str) -> Zone:
        content = text.encode()
        reads = Reads(replay=Replay(contents=dict.fromkeys(self._names, lambda: content)))
        with reads.noted():
            loaded = load_config(self._config, self._overrides)
            self._services = answers(loaded.config)
            files, problems = zone_files(loaded, self._previous)
        if any(key_of(file.path) in self._names for file in files):
            raise ConfigError([self._a_zone_of_its_own()])
        self._origins = [file.origin for file in files if file.origin is not None]
        zones = {file.zone.origin: file.zone for file in files if file.zone}
        # What cannot be served leaves the zone before it, after which the next is soon read.
        self._previous = {**self._previous, **zones}
        found = [problem for file in files if file.origin == self.zone for problem in file.problems]
        zone = zones.get(self.zone)
        if zone is None:
            raise ProblemsError(errors_among(found or problems) or [self._missing()])
        return zone

    def _included(self, zone: Zone) -> Path:
        """The fragment by the name that the zone includes it by. Raises ConfigError."""
        own = real_path(self.fragment)
        included = next((file for file in zone.files[1:] if real_path(file) == own), None)
        if included is None:
            raise ConfigError([self._not_included(zone)])
        return included

    def _a_zone_of_its_own(self) -> Problem:
        return Problem(
            str(self.fragment), 0, 0, _ID, "server.zones takes it for a zone of its own",
            "give it a name that no pattern of server.zones matches, such as external-dns.records",
        )  # fmt: skip

    def _missing(self) -> Problem:
        return Problem(
            str(self._config), 0, 0, _ID, f"no zone file is of {name_of(self.zone)}",
            "name a zone of server.zones with --zone",
        )  # fmt: skip

    def _not_included(self, zone: Zone) -> Problem:
        master = zone.files[0]
        path = Path(real_path(self.fragment))
        folder = Path(real_path(master)).parent
        shown = path.relative_to(folder) if path.is_relative_to(folder) else path
        return Problem(
            str(master), 0, 0, _ID, f"{self.fragment} is no part of it: nobody would be answered",
            f'write at its end: $INCLUDE "{shown}"',
        )  # fmt: skip
