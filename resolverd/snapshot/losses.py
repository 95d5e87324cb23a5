"""What an edit would take away: services, regions, pins, zones and names; pure.

Each loss is a `Problem` whose id begins with ``lost-``. An edit with a loss is held until somebody
insists on it (`resolverd reload --yes`): most edits that lose much are half an edit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import dns.name
from dns.rdatatype import AAAA, CNAME, HTTPS, SVCB, A

from resolverd.config.model import Config
from resolverd.config.tiers import alias_of, cores, service_of
from resolverd.dns.names import to_text
from resolverd.errors import Problem
from resolverd.snapshot.escapes import Escape, escapes
from resolverd.zone.dyna import DYNA
from resolverd.zone.model import RRsets, Zone

HINT = "put it back; or adopt the edit as it is: resolverd reload --yes"

_ADDRESSED = (A, AAAA, CNAME, HTTPS, SVCB)
# How many of the things that are lost one line names.
_NAMED = 5


def config_losses(before: Config, after: Config, file: Path) -> list[Problem]:
    """What `after`, written in `file`, takes away of `before`, by the latter's own limits."""
    limits = before.server
    regions = _used(before), _used(after)
    return [
        *_shares("service", before.service, after.service, limits.hold_services, file),
        *_shares("region", regions[0], regions[1], limits.hold_regions, file),
        *_pins(before, after, file),
        *_translated(before, after, file),
    ]


def zones_lost(
    before: Mapping[dns.name.Name, Zone], gone: Collection[dns.name.Name], limit: float
) -> dict[dns.name.Name, Problem]:
    """One loss for each zone of `gone`, where these are more than a share of `limit`."""
    if not before or len(gone) <= limit * len(before):
        return {}
    return {
        origin: _lost("zone", before[origin].files[0], f"no file writes the zone {origin} any more")
        for origin in gone
    }


def zone_losses(before: Zone, after: Zone, then: Config, now: Config) -> list[Problem]:
    """What `after` takes away of the same zone `before`; served by the configurations each."""
    file = after.files[0]
    losses = []
    changed, gone = after.changed_since(before)
    if len(gone) > then.server.hold_names * len(before.rrsets):
        names = [to_text(key) for key in gone]
        losses.append(
            _lost(
                "names",
                file,
                f"{len(names)} of {len(before.rrsets)} names of {before.origin} would be gone: "
                f"{_some(names)}",
            )
        )
    for key in changed:
        rrsets = before.rrsets.get(key, {})
        if DYNA in rrsets:
            later = after.rrsets[key]
            losses += [
                _lost("pin", file, f"{to_text(key)} leaves the pins of its service: {why}")
                for why in _let_out(rrsets, later, then, now)
            ]
    return losses


def _shares(
    kind: str, before: Collection[str], after: Collection[str], limit: float, file: Path
) -> Iterator[Problem]:
    gone = [name for name in before if name not in after]
    if gone and len(gone) > limit * len(before):
        for name in gone:
            yield _lost(kind, file, f'the {kind} "{name}" would be gone')


def _pins(before: Config, after: Config, file: Path) -> Iterator[Problem]:
    for name in before.pin:
        if name not in after.pin:
            yield _lost("pin", file, f'the pin "{name}" would be gone')
    for service in before.service:
        if service in after.service:
            for escape in escapes(before, service, after, service):
                yield _lost("pin", file, _described(escape, service))
    was_behind, would_be = cores(before), cores(after)
    for edge, core in was_behind.items():
        if would_be.get(edge, core) != core:
            for escape in escapes(before, core, after, would_be[edge]):
                yield _lost("pin", file, _described(escape, alias_of(edge)))
    for name in {region: None for pin in before.pin.values() for region in pin.regions}:
        was, would = before.region.get(name), after.region.get(name)
        if was is not None and would is not None and was.country != would.country:
            yield _lost(
                "pin",
                file,
                f'the region "{name}", to which pins keep clients, would move from '
                f"{was.country or 'no country'} to {would.country or 'no country'}",
            )


def _translated(before: Config, after: Config, file: Path) -> Iterator[Problem]:
    """NAT64 prefixes that come or go: their clients are held by other pins than they were."""
    was, would = before.server.nat64, after.server.nat64
    if not before.pin or set(was) == set(would):
        return
    for verb, prefixes in (
        ("would no longer be", [prefix for prefix in was if prefix not in would]),
        ("would be", [prefix for prefix in would if prefix not in was]),
    ):
        for prefix in prefixes:
            yield _lost(
                "pin", file,
                f"clients in {prefix} {verb} held by the pins of their IPv4 addresses",
            )  # fmt: skip


def _described(escape: Escape, service: str) -> str:
    given = "any region" if escape.regions is None else _some(sorted(escape.regions))
    return (
        f'clients of "{service}" whom the pin "{escape.pin}" holds could be given {given}: '
        f"{escape.clients}"
    )


def _let_out(before: RRsets, after: RRsets, then: Config, now: Config) -> Iterator[str]:
    """Why a name that a service answers would be answered past its pins."""
    service = service_of(_service(before), then)
    if DYNA not in after:
        held = any(not pin.services or service in pin.services for pin in then.pin.values())
        if held and any(rdtype in after for rdtype in _ADDRESSED):
            yield f'static records take the place of "{service}"'
    elif (later := service_of(_service(after), now)) != service:
        for escape in escapes(then, service, now, later):
            yield _described(escape, later)


def _service(rrsets: RRsets) -> str:
    return str(rrsets[DYNA].rdatas[0].service)  # type: ignore[attr-defined]


def _used(config: Config) -> dict[str, None]:
    """The regions that some service has."""
    return {region: None for service in config.service.values() for region in service.regions}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _lost(kind: str, file: Path, message: str) -> Problem:
    return Problem(str(file), 0, 0, f"lost-{kind}", message, HINT)
