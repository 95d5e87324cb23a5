"""What share of the databases' address space each pin covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from resolverd.abi.coverage import Share
from resolverd.config.model import Config
from resolverd.geo.locator import Locator
from resolverd.policy.fence import UNPLACED
from resolverd.snapshot.clientmap import MapSource
from resolverd.snapshot.compiledmap import coverage
from resolverd.snapshot.fences import pin_rules
from resolverd.snapshot.maps import edge_of
from resolverd.snapshot.own_places import own_places
from resolverd.snapshot.rankings import ranking_of


class Covered(NamedTuple):
    """Of one service's address space that the databases place, the part that one pin holds for.

    `pin` is empty for clients without one. The ratios are from 0 to 1, None where the databases
    place nothing of that family.
    """

    service: str
    pin: str
    ipv4_ratio: float | None
    ipv6_ratio: float | None


def covered(config: Config, locator: Locator) -> Iterator[Covered]:
    """Each pin of each service, then those without one. Takes seconds for a large database.

    Raises GeoError where the databases do not allow it.
    """
    known: dict[str, dict[str, Share]] = {}
    for service, settings in config.service.items():
        pins = pin_rules(config, service)
        same = repr(sorted(name for name in config.pin if service in _services(config, name)))
        if same not in known:
            ranked = ranking_of(config, settings, None)
            edge, own = edge_of(config), own_places(config)
            known[same] = coverage(MapSource(ranked, *pins, locator, edge, own))
        shares = known[same]
        whole = [sum(part) for part in zip(*shares.values(), strict=True)]
        names = [pin for pin in config.pin if service in _services(config, pin)]
        without = [name for name in ("", UNPLACED) if name in shares]
        for name in names:
            share = shares.get(name, Share(0.0, 0.0))
            yield Covered(service, name, *map(_part, share, whole))
        none = [sum(part) for part in zip(*(shares[name] for name in without), strict=True)]
        yield Covered(service, "", *map(_part, none, whole))


def _part(share: float, whole: float) -> float | None:
    return share / whole if whole else None


def _services(config: Config, pin: str) -> tuple[str, ...]:
    return config.pin[pin].services or tuple(config.service)
