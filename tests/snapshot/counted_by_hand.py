"""What a client of a small world gets, counted on fingers: the slow oracle of the maps."""

from __future__ import annotations

import math
from typing import Any

from small_worlds import (
    DOUBTED,
    EDGE,
    World,
    record,
)

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.countries import countries
from resolverd.geo.distance import great_circle_km
from resolverd.policy.fence import UNPLACED
from resolverd.policy.ranking import mix_block, mix_word, region_seed


def by_hand(
    world: World, host: Prefix, block: int | None = None
) -> tuple[set[str], list[str] | None, str | None]:
    """One client's fence, its order (None where shares decide it), and its pin.

    Databases searched line by line, then pins, then distances.
    """
    code = continent = spot = None
    doubted = False
    for _, networks in world.databases:
        around = [network for network in networks if network.contains(host)]
        found = max(around, key=lambda network: network.length, default=None)
        if code is None and found is not None and networks[found]:
            own, own_continent, own_spot = parts(networks[found], found)
            code = own
            doubted = networks[found] in DOUBTED and spot is None
            continent, spot = continent or own_continent, spot or own_spot
    asn = 0
    for numbers in world.asns:
        around = [network for network in numbers if network.contains(host)]
        if around and not asn:
            asn = numbers[max(around, key=lambda network: network.length)]
    name, place = own_place_of(world, host, asn)
    if place.get("country"):
        abroad = code is not None and code != place["country"]
        home = countries()[place["country"]]
        spot = (None if abroad else spot) or (home.latitude, home.longitude)
        doubted = doubted and not abroad
        code, continent = home.code, home.continent
    if place.get("coordinates"):
        spot, doubted = tuple(place["coordinates"]), False
    if doubted and code == world.raw["server"].get("country"):
        doubted, spot = False, None
    spot = spot or EDGE
    pins = world.raw["pin"]
    subnets = [
        (parsed.length, name)
        for name, pin in pins.items()
        for subnet in pin.get("subnets", [])
        if (parsed := parse_prefix(subnet)).contains(host)
    ]
    rule = max(subnets)[1] if subnets else None
    for kind, known in (
        ("places", name), ("asn", asn), ("countries", code), ("continents", continent)
    ):  # fmt: skip
        held = [pin for pin in pins if known in pins[pin].get(kind, [])]
        if rule is None and held:
            rule = held[-1]  # of two that name one place, which no check lets pass
    geographic = any(pin.get("countries") or pin.get("continents") for pin in pins.values())
    if rule is None and code is None and "for-unplaced" in pins:
        rule = "for-unplaced"
    counted = rule is None and code is None and geographic
    if rule is None and "for-default" in pins:
        rule = "for-default"
    service = world.raw["service"]["chat"]
    served = [r for r in service["regions"] if rule is None or r in pins[rule]["regions"]]
    order: list[str] | None = served
    if service["policy"] == "nearest":
        where = world.raw["region"]
        order = sorted(served, key=lambda r: great_circle_km(spot, tuple(where[r]["coordinates"])))
        if doubted:
            mine = [r for r in served if where[r].get("country") == code]
            drawn = host if block is None else Prefix(32, block << 24, 32)
            order = [*drawn_by_hand(world, mine, drawn), *(r for r in order if r not in mine)]
    elif service["policy"] == "weighted":
        order = None
    return set(served), order, UNPLACED if counted else rule


def drawn_by_hand(world: World, own: list[str], host: Prefix) -> list[str]:
    """Regions of one country, by their draws for a client's block over their capacities."""
    block = host.widened(
        world.raw["service"]["chat"]["block_v4" if host.bits == 32 else "block_v6"]
    )

    def score(region: str) -> float:
        draw = mix_word(mix_block(block) ^ region_seed(region)) >> 11
        return -math.log((draw + 0.5) / 2**53) / (world.raw["region"][region]["capacity"] or 1)

    return sorted(own, key=score)


def is_drawn(world: World, host: Prefix) -> bool:
    """Whether another block of the client's network may have another order."""
    around = [code for _, known in world.databases for n, code in known.items() if n.contains(host)]
    if not {*around} & {*DOUBTED}:
        return False
    orders = {tuple(by_hand(world, host, block)[1] or ()) for block in range(64)}
    return len(orders) > 1


def own_place_of(world: World, host: Prefix, asn: int) -> tuple[str | None, dict[str, Any]]:
    """The name of a client's own place, None for none, and what is said of it."""
    places = world.raw.get("place", {})
    around = [
        (parse_prefix(subnet).length, name)
        for name, place in places.items()
        for subnet in place["subnets"]
        if parse_prefix(subnet).contains(host)
    ]
    if around:
        return max(around)[1], places[max(around)[1]]
    for name, place in places.items():
        if asn in place["asn"]:
            return name, place
    return None, {}


def parts(code: str, network: Prefix) -> tuple[str | None, str | None, tuple[float, float] | None]:
    """Country, continent and point that one record tells."""
    if code in ("EU", "EU?"):
        return None, "EU", None
    if code in DOUBTED:
        country = countries()[code[:2]]
        return country.code, country.continent, (country.latitude, country.longitude)
    written = record(code, network)
    spot = (float(written["latitude"]), float(written["longitude"]))  # type: ignore[arg-type]
    return (None, None, spot) if code == "?" else (code, countries()[code].continent, spot)
