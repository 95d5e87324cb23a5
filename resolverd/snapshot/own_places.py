"""What a configuration says of networks itself, as clients are looked up by it."""

from __future__ import annotations

from resolverd.config.model import Config
from resolverd.dns.embedded_v4 import extract_v4, formats_with
from resolverd.geo.own_places import OwnPlaces, own_place


def own_places(config: Config) -> OwnPlaces:
    """The own places of `config`; their subnets as extracted."""
    formats = formats_with(config.server.nat64)
    places = {
        name: own_place(name, place.coordinates, place.country or None)
        for name, place in config.place.items()
    }
    return OwnPlaces(
        tuple(
            (extract_v4(subnet, formats).prefix, places[name])
            for name, place in config.place.items()
            for subnet in place.subnets
        ),
        {number: places[name] for name, place in config.place.items() for number in place.asn},
    )
