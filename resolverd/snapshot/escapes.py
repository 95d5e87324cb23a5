"""Whether an edit lets some client out of a fence that holds now; pure.

Both configurations are asked for the fence of every client that they can tell apart: one address
of each stretch between the ends of all their subnets, pins' and own places', and what databases may
say of it: each combination of a country, a continent and an autonomous system that some pin or
place names, an unknown one, and one that none names. `resolverd.policy.fence` says what holds for
each. Where a client stands is not known here, so an address that a subnet pin held and holds no
more may be anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from resolverd.config.model import Config
from resolverd.dns.prefix import Bits, Prefix
from resolverd.geo.own_places import OwnPlaces
from resolverd.geo.place import Place
from resolverd.geo.prefixmap import PrefixMap
from resolverd.policy.fence import UNPLACED, GeoPins, Jurisdiction, PinRule, fence_of
from resolverd.snapshot.fences import pin_rules
from resolverd.snapshot.own_places import own_places

# No code of a country or a continent, and no number: one that no pin and no place names.
_ANY = "??"
_ANY_ASN = 0xFFFFFFFF


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
    own: OwnPlaces

    def rule_for(self, place: Place | None, said: Jurisdiction) -> PinRule | None:
        """The rule of clients of whom databases say that, in this own place by subnet."""
        own = self.own.asns.get(said.asn or 0) if place is None else place
        if own is None:
            return self.geo.rule_for(*said)
        where = (own.country, own.continent) if own.country else said[:2]
        return self.geo.rule_for(*where, said.asn, own.name)


class _Stretch(NamedTuple):
    """Addresses that are alike: the pins by subnet and the own places that they had and have."""

    held: PinRule | None
    rule: PinRule | None
    was: Place | None
    is_: Place | None


def escapes(before: Config, service: str, after: Config, later: str) -> Iterator[Escape]:
    """One for each pin of `service` in `before` that clients of it would leave.

    `later` is what they would be served by `after`: the same service, unless a name is given
    another.
    """
    old, new = _pins(before, service), _pins(after, later)
    if (old.subnets, old.geo, old.own) == (new.subnets, new.geo, new.own):
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
    return _Pins(subnets, PrefixMap(subnets), geo, own_places(config))


def _within(rule: PinRule | None, held: PinRule) -> bool:
    return rule is not None and rule.regions <= held.regions


def _clients(old: _Pins, new: _Pins) -> Iterator[tuple[str, PinRule, PinRule | None]]:
    """Clients that a rule holds now, that rule, and the one that would hold them."""
    jurisdictions = list(_jurisdictions(old, new))
    for jurisdiction in jurisdictions:
        held, rule = old.rule_for(None, jurisdiction), new.rule_for(None, jurisdiction)
        if held is not None:
            yield _described(jurisdiction), held, rule
    for stretch, address in _stretches(old, new).items():
        if stretch.held is not None and stretch.rule is not None:
            yield str(address), stretch.held, stretch.rule
            continue
        examples: dict[tuple[PinRule, PinRule | None], Jurisdiction] = {}
        for jurisdiction in jurisdictions:
            held = stretch.held or old.rule_for(stretch.was, jurisdiction)
            if held is not None:
                rule = stretch.rule or new.rule_for(stretch.is_, jurisdiction)
                examples[held, rule] = jurisdiction
        for (held, rule), jurisdiction in examples.items():
            yield f"{address}, if {_described(jurisdiction)}", held, rule


def _stretches(old: _Pins, new: _Pins) -> dict[_Stretch, Prefix]:
    """Stretches that differ from one another and from most addresses, each with an address."""
    written = (*old.subnets, *new.subnets, *old.own.subnets, *new.own.subnets)
    found: dict[_Stretch, Prefix] = {}
    for address in _addresses([prefix for prefix, _ in written]):
        stretch = _Stretch(
            old.by_subnet.match(address).covering,
            new.by_subnet.match(address).covering,
            old.own.by_subnet.match(address).covering,
            new.own.by_subnet.match(address).covering,
        )
        if any(part is not None for part in stretch):
            found.setdefault(stretch, address)
    return found


def _jurisdictions(*pins: _Pins) -> Iterator[Jurisdiction]:
    """What databases may say, as far as some pin or place can tell it apart."""
    countries = dict.fromkeys(code for side in pins for code in side.geo.countries)
    continents = dict.fromkeys(code for side in pins for code in side.geo.continents)
    asns = dict.fromkeys(n for side in pins for n in (*side.geo.asns, *side.own.asns))
    for asn, country, continent in product(
        (None, *asns, _ANY_ASN) if asns else (None,),
        (*countries, None, _ANY),
        (*continents, None, _ANY),
    ):
        yield Jurisdiction(country, continent, asn)


def _addresses(prefixes: Sequence[Prefix]) -> Iterator[Prefix]:
    """One address of each stretch between the ends of the prefixes, the outermost left out."""
    ends: dict[tuple[Bits, int], None] = {}
    for bits, address, length in prefixes:
        last = address + (1 << (bits - length)) - 1
        ends |= dict.fromkeys([(bits, address), (bits, min(last + 1, (1 << bits) - 1))])
    for bits, address in ends:
        yield Prefix(bits, address, bits)


def _described(said: Jurisdiction) -> str:
    country, continent, asn, _ = said
    if country not in (None, _ANY):
        where = f"in country {country}"
    else:
        where = "of unknown country" if country is None else "of a country without a pin"
        if continent not in (None, _ANY):
            where = f"{where} on continent {continent}"
    return where if asn in (None, _ANY_ASN) else f"in AS{asn}, {where}"
