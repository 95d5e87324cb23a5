"""The fence: the set of regions that a client may ever be given, from pins alone.

Decided before distance and before health, so that no state of the world can widen it. A
fence is a frozenset of region names, or None for "no pin holds: every region".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

Fence = frozenset[str] | None


class PinRule(NamedTuple):
    """A pin's name, for explanations, and the regions that it mandates.

    `groups` are the groups of countries by which it holds, each with its date, in words.
    """

    name: str
    regions: frozenset[str]
    groups: tuple[str, ...] = ()


class Jurisdiction(NamedTuple):
    """What pins ask of where a client is; None for what is not known.

    Country and continent are codes, `asn` the number of its autonomous system, `place` the name of
    the operator's own place that it lies in.
    """

    country: str | None = None
    continent: str | None = None
    asn: int | None = None
    place: str | None = None


UNPLACED = "(unplaced)"
"""The name of the rule of those whose jurisdiction is unknown, where no pin is for them."""


class GeoPins(NamedTuple):
    """Pins by the client's country (ISO alpha-2), by its continent, and where these decide nothing.

    `unplaced` is for clients whose country is unknown, `default` for all that no other pin holds.
    `places` are by the operator's own places, `asns` by autonomous systems; both go before
    countries.
    """

    countries: Mapping[str, PinRule]
    continents: Mapping[str, PinRule]
    unplaced: PinRule | None = None
    default: PinRule | None = None
    places: Mapping[str, PinRule] = MappingProxyType({})
    asns: Mapping[int, PinRule] = MappingProxyType({})

    def __bool__(self) -> bool:
        last = self.unplaced or self.default
        return bool(self.places or self.asns or self.countries or self.continents or last)

    def rule_for(
        self,
        country: str | None,
        continent: str | None,
        asn: int | None = None,
        place: str | None = None,
    ) -> PinRule | None:
        """The pin of a place of which these parts are known, None where none holds.

        The own place's, else the autonomous system's, else the country's, else the continent's;
        else, of an unknown country, the one for the unplaced; else the default.
        """
        return (
            (self.places.get(place) if place else None)
            or (self.asns.get(asn) if asn else None)
            or (self.countries.get(country) if country else None)
            or (self.continents.get(continent) if continent else None)
            or (None if country else self.unplaced)
            or self.default
        )

    def all_rules(self) -> list[PinRule]:
        """Every rule, for a client of whom too little is known."""
        last = [rule for rule in (self.unplaced, self.default) if rule is not None]
        named = (self.places, self.asns, self.countries, self.continents)
        return [*(rule for pins in named for rule in pins.values()), *last]


def decide_rules(
    subnets: Iterable[PinRule],
    places: Iterable[Jurisdiction] | None,
    geo: GeoPins,
) -> list[PinRule]:
    """The rules that hold for some address of a client prefix, by name, without duplicates.

    `subnets` are the pins that are the most specific ones around some address of it, `places`
    the jurisdictions of the addresses that no subnet pin holds, or None where these are too
    many to tell. Any subnet wins over a country.
    """
    if places is None:
        by_place = geo.all_rules()
    else:
        by_place = [rule for place in places if (rule := geo.rule_for(*place))]
    return by_name([*subnets, *by_place])


def by_name(rules: Iterable[PinRule]) -> list[PinRule]:
    """Each rule once, in the order of their names."""
    return sorted(set(rules), key=lambda rule: rule.name)


def fence_of(rules: Iterable[PinRule]) -> Fence:
    """The intersection of the rules' regions; empty means that no answer is allowed."""
    fence: Fence = None
    for rule in rules:
        fence = rule.regions if fence is None else fence & rule.regions
    return fence
