"""What an edit would take away: services, regions, pins, zones and names; pure.

Each loss is a `Problem` whose id begins with ``lost-``. An edit with a loss is held until somebody
insists on it (`resolverd reload --yes`): most edits that lose much are half an edit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import dns.name
from dns.rdatatype import AAAA, CNAME, HTTPS, SVCB, A

from resolverd.config.fences import holds_for
from resolverd.config.model import Config
from resolverd.config.tiers import alias_of, cores, service_of
from resolverd.dns.names import Key, ancestors, key_of, to_text
from resolverd.errors import Problem
from resolverd.snapshot.answering import Answering
from resolverd.snapshot.escapes import Escape, escapes
from resolverd.snapshot.place_checks import by_asn
from resolverd.zone.dyna import DYNA
from resolverd.zone.model import RRsets, Zone, zone_around

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


def numbering_losses(before: Config, file: Path) -> list[Problem]:
    """What databases that tell no autonomous system would take away of `before`, served with some
    that do: the pins by number, and the places by number that pins go by."""
    return [
        _lost(
            "pin",
            file,
            "no database would tell autonomous systems any more, by which clients are in the "
            f'{kind} "{name}"',
        )
        for kind, name in (by_asn(before) if before.pin else ())
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
    answered = Answering(after)
    for key in (*changed, *gone):
        losses += _pins_left(key, before.rrsets.get(key, {}), answered, then, now, file)
    return losses


def new_zone_losses(around: Zone, zone: Zone, then: Config, now: Config) -> list[Problem]:
    """What a zone that was not there takes away of the names of the zone around it."""
    if not then.pin:
        return []
    origin, answered = key_of(zone.origin), Answering(zone)
    return [
        loss
        for key, rrsets in around.rrsets.items()
        if key.endswith(origin) and origin in ancestors(key)
        for loss in _pins_left(key, rrsets, answered, then, now, zone.files[0])
    ]


def pins_gone(
    before: Mapping[dns.name.Name, Zone],
    gone: Collection[dns.name.Name],
    after: Mapping[dns.name.Name, Zone],
    then: Config,
    now: Config,
) -> dict[dns.name.Name, list[Problem]]:
    """What the zones of `gone` take away of their names' pins, where zones of `after` that stand
    around them answer these names from then on."""
    lost: dict[dns.name.Name, list[Problem]] = {}
    for origin in gone if then.pin else ():
        zone, around = before[origin], zone_around(after, origin)
        if around is None:
            continue
        answered = Answering(around)
        losses = [
            loss
            for key, rrsets in zone.rrsets.items()
            for loss in _pins_left(key, rrsets, answered, then, now, zone.files[0])
        ]
        lost |= {origin: losses} if losses else {}
    return lost


def _pins_left(
    key: Key, before: RRsets, answered: Answering, then: Config, now: Config, file: Path
) -> list[Problem]:
    """What the records that a name has now would lose of its pins."""
    if DYNA not in before:
        return []
    return [
        _lost("pin", file, f"{to_text(key)} leaves the pins of its service: {why}")
        for why in _let_out(before, answered.rrsets(key), then, now)
    ]


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
            for why in _held_less(before, service, after, service, service):
                yield _lost("pin", file, why)
    was_behind, would_be = cores(before), cores(after)
    for edge, core in was_behind.items():
        if would_be.get(edge, core) != core:
            for why in _held_less(before, core, after, would_be[edge], alias_of(edge)):
                yield _lost("pin", file, why)
    for name in {region: None for pin in before.pin.values() for region in pin.regions}:
        was, would = before.region.get(name), after.region.get(name)
        if was is not None and would is not None and was.country != would.country:
            yield _lost(
                "pin",
                file,
                f'the region "{name}", to which pins keep clients, would move from '
                f"{was.country or 'no country'} to {would.country or 'no country'}",
            )


def _held_less(then: Config, service: str, now: Config, later: str, name: str) -> Iterator[str]:
    """Why the service `later`, called `name`, holds fewer clients than `service` did before."""
    unheard = then.service[service].ecs and not now.service[later].ecs
    if unheard and _is_pinned(then, service):
        # Without client subnets, whom a pin holds behind a resolver elsewhere it holds no more.
        yield (
            f'clients of "{name}" whose resolvers send their subnet would be held by the pins of '
            "the resolver's address"
        )
    for escape in escapes(then, service, now, later):
        yield _described(escape, name)


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
        if _is_pinned(then, service) and any(rdtype in after for rdtype in _ADDRESSED):
            yield f'static records take the place of "{service}"'
    elif (later := service_of(_service(after), now)) != service:
        yield from _held_less(then, service, now, later, later)


def _is_pinned(config: Config, service: str) -> bool:
    return any(holds_for(pin, service) for pin in config.pin.values())


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
