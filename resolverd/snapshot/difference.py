"""What an edit changes of what is served, for those who ask for it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import dns.name

from resolverd.config.model import Config
from resolverd.snapshot.inputs import Inputs, name_of
from resolverd.zone.model import RRset, Zone

_TABLES = ("service", "region", "place", "pin")


class ZoneChange(NamedTuple):
    """One zone: its serials, None where it is not there, and how many records came and went."""

    zone: str
    serial_before: int | None
    serial_after: int | None
    records_added: int
    records_removed: int


class Names(NamedTuple):
    """Names of one table of the configuration."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs; `options` are the other options, as dotted keys. False where nothing does."""

    zones: tuple[ZoneChange, ...]
    services: Names
    regions: Names
    places: Names
    pins: Names
    options: tuple[str, ...]
    databases: bool
    rtt: bool

    def __bool__(self) -> bool:
        tables = (self.services, self.regions, self.places, self.pins)
        files = self.databases or self.rtt
        return bool(self.zones or self.options or files or any(map(any, tables)))

    @property
    def summary(self) -> list[str]:
        """A line for each change, for people: zones, then the configuration, then databases."""
        found = [_zone_words(change) for change in self.zones]
        tables = (
            ("service", self.services),
            ("region", self.regions),
            ("place", self.places),
            ("pin", self.pins),
        )
        for noun, names in tables:
            for verb, listed in names._asdict().items():
                found += [f"{noun} {name}: {verb}" for name in listed]
        found += [f"option {option}: changed" for option in self.options]
        found += ["databases: changed"] if self.databases else []
        return [*found, "tables of round-trip times: changed"] if self.rtt else found


def difference(before: Inputs, after: Inputs) -> Difference:
    """What `after` changes of `before`."""
    tables = {name: _names(before.config, after.config, name) for name in _TABLES}
    return Difference(
        tuple(_zones(before.zones, after.zones)),
        tables["service"],
        tables["region"],
        tables["place"],
        tables["pin"],
        tuple(_options(before.config, after.config)),
        before.locator is not after.locator,
        before.tables is not after.tables,
    )


def same_parts(before: Inputs, after: Inputs) -> bool:
    """Whether both are made of the very same parts, so that nothing has to be compiled."""
    return (
        before.config is after.config
        and before.locator is after.locator
        and before.tables is after.tables
        and before.zones.keys() == after.zones.keys()
        and all(before.zones[origin] is zone for origin, zone in after.zones.items())
    )


def _zone_words(change: ZoneChange) -> str:
    if change.serial_before is None:
        added = _count(change.records_added)
        return f"zone {change.zone} added: serial {change.serial_after}, {added}"
    if change.serial_after is None:
        return (
            f"zone {change.zone} removed: serial {change.serial_before}, "
            f"{_count(change.records_removed)}"
        )
    serial = f"{change.serial_before} → {change.serial_after}"
    if change.serial_before == change.serial_after:
        serial = f"{change.serial_after} as before"
    return (
        f"zone {change.zone}: serial {serial}, "
        f"{_count(change.records_added)} added, {change.records_removed} removed"
    )


def _count(number: int) -> str:
    return f"{number} record{'' if number == 1 else 's'}"


def records(zone: Zone) -> int:
    """How many records a zone has."""
    return sum(len(rrset.rdatas) for rrsets in zone.rrsets.values() for rrset in rrsets.values())


def _zones(
    before: Mapping[dns.name.Name, Zone], after: Mapping[dns.name.Name, Zone]
) -> list[ZoneChange]:
    changes = []
    for origin in {**before, **after}:
        was, now = before.get(origin), after.get(origin)
        if was is now:
            continue
        added, removed = _records(was, now)
        if was is None or now is None or added or removed:
            changes.append(ZoneChange(name_of(origin), _serial(was), _serial(now), added, removed))
    return changes


def _serial(zone: Zone | None) -> int | None:
    return None if zone is None else zone.serial


def _records(before: Zone | None, after: Zone | None) -> tuple[int, int]:
    """Records that came and went; an RRset whose TTL alone differs came and went whole."""
    if before is None or after is None:
        return (records(after) if after else 0, records(before) if before else 0)
    added = removed = 0
    for key in chain(*after.changed_since(before)):
        was, now = before.rrsets.get(key, {}), after.rrsets.get(key, {})
        for rdtype in {**was, **now}:
            had, has = was.get(rdtype), now.get(rdtype)
            common = _common(had, has)
            added += len(has.rdatas) - common if has else 0
            removed += len(had.rdatas) - common if had else 0
    return added, removed


def _common(had: RRset | None, has: RRset | None) -> int:
    """How many records two RRsets of one owner and type have in common; none of another TTL."""
    if had is None or has is None or had.ttl != has.ttl:
        return 0
    if had.rdatas == has.rdatas:
        return len(has.rdatas)
    return len(set(had.rdatas) & set(has.rdatas))


def _names(before: Config, after: Config, table: str) -> Names:
    was, now = getattr(before, table), getattr(after, table)
    return Names(
        tuple(name for name in now if name not in was),
        tuple(name for name in was if name not in now),
        tuple(name for name in now if name in was and now[name] != was[name]),
    )


def _options(before: Config, after: Config) -> list[str]:
    found = []
    for section in type(before).model_fields:
        if section not in _TABLES:
            was, now = getattr(before, section), getattr(after, section)
            options = type(was).model_fields
            found += [f"{section}.{o}" for o in options if getattr(was, o) != getattr(now, o)]
    return found
