"""Whether an edit lets some client out of a fence that holds now; pure.

Both configurations are asked for the fence of every client that they can tell apart: one address
of each stretch between the ends of all their subnets, and each combination of a country and a
continent that some pin names, an unknown one, and one that no pin names. `resolverd.policy.fence`
says what holds for each. Where a client stands is not known here, so an address that a subnet pin
held and holds no more may be anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from resolverd.config.model import Config
from resolverd.dns.prefix import Bits, Prefix
from resolverd.geo.prefixmap import PrefixMap
from resolverd.policy.fence import UNPLACED, GeoPins, PinRule, fence_of
from resolverd.snapshot.fences import pin_rules

Place = tuple[str | None, str | None]

# No code of a country or a continent: one that no pin names.
_ANY = "??"


class Escape(NamedTuple):
    """Clients that the pin `pin` of a service held, and that could be given other `regions`.

    `regions` is None where nothing would hold them.
    """

    pin: str
    clients: str
    regions: frozenset[str] | None


class _Pins(NamedTuple):
    subnets: Sequence[tuple[Prefix, PinRule]]
    by_subnet: PrefixMap[PinRule]
    geo: GeoPins


def escapes(before: Config, service: str, after: Config, later: str) -> Iterator[Escape]:
    """One for each pin of `service` in `before` that clients of it would leave.

    `later` is what they would be served by `after`: the same service, unless a name is given
    another.
    """
    old, new = _pins(before, service), _pins(after, later)
    if (old.subnets, old.geo) == (new.subnets, new.geo):
        return
    seen: set[str] = set()
    for clients, held, rule in _clients(old, new):
        if held.name not in seen and not _within(rule, held):
            seen.add(held.name)
            yield Escape(held.name, clients, fence_of([rule]) if rule else None)


def _pins(config: Config, service: str) -> _Pins:
    subnets, geo = pin_rules(config, service)
    if geo.unplaced is not None and geo.unplaced.name == UNPLACED:
        # No pin, but a name for those of whom too little is known: what holds is the default.
        geo = geo._replace(unplaced=None)
    return _Pins(subnets, PrefixMap(subnets), geo)


def _within(rule: PinRule | None, held: PinRule) -> bool:
    return rule is not None and rule.regions <= held.regions


def _clients(old: _Pins, new: _Pins) -> Iterator[tuple[str, PinRule, PinRule | None]]:
    """Clients that a rule holds now, that rule, and the one that would hold them."""
    places = list(_places(old.geo, new.geo))
    by_place = [(place, old.geo.rule_for(*place), new.geo.rule_for(*place)) for place in places]
    for place, held, rule in by_place:
        if held is not None:
            yield _described(place), held, rule
    held_somewhere = {held: place for place, held, _ in by_place if held is not None}
    ruled_somewhere = {rule: place for place, _, rule in by_place}
    for address in _addresses([prefix for prefix, _ in (*old.subnets, *new.subnets)]):
        held = old.by_subnet.match(address).covering
        rule = new.by_subnet.match(address).covering
        if held is not None and rule is not None:
            yield str(address), held, rule
        elif held is not None:
            for anywhere, place in ruled_somewhere.items():
                yield f"{address}, if {_described(place)}", held, anywhere
        elif rule is not None:
            for somewhere, place in held_somewhere.items():
                yield f"{address}, if {_described(place)}", somewhere, rule


def _places(*pins: GeoPins) -> Iterator[Place]:
    countries = dict.fromkeys(code for geo in pins for code in geo.countries)
    continents = dict.fromkeys(code for geo in pins for code in geo.continents)
    for country in (*countries, None, _ANY):
        for continent in (*continents, None, _ANY):
            yield country, continent


def _addresses(prefixes: Sequence[Prefix]) -> Iterator[Prefix]:
    """One address of each stretch between the ends of the prefixes, the outermost left out."""
    ends: dict[tuple[Bits, int], None] = {}
    for bits, address, length in prefixes:
        last = address + (1 << (bits - length)) - 1
        ends |= dict.fromkeys([(bits, address), (bits, min(last + 1, (1 << bits) - 1))])
    for bits, address in ends:
        yield Prefix(bits, address, bits)


def _described(place: Place) -> str:
    country, continent = place
    if country not in (None, _ANY):
        return f"in country {country}"
    where = "of unknown country" if country is None else "of a country without a pin"
    return where if continent in (None, _ANY) else f"{where} on continent {continent}"
