"""This edge as a landmark: what its own probes measured of the way to each region; pure.

Of a region counts the least TCP handshake with any of its endpoints over the last ten minutes
(`health.connection`): queues and a busy host only ever add to it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import NamedTuple

from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.health.connection import Connection
from resolverd.rtt.field import FIBRE_MS_PER_KM
from resolverd.turns import at_once

SLACK = 0.9
"""The part of light's time below which a time is not believed: places are not known to the km."""


# Connections of a step, which takes a tenth of a millisecond.
_AT_ONCE = 50


class EdgeTime(NamedTuple):
    """The least handshake with a region in ms, of `handshakes`, the last of them `age` seconds ago.

    `implausible` says why it is not believed; empty where it is.
    """

    ms: float
    handshakes: int
    age: float
    implausible: str = ""


def edge_times(
    connections: Iterable[tuple[str, Connection]],
    edge: Coordinates,
    regions: Mapping[str, Coordinates],
    now: float,
) -> dict[str, EdgeTime]:
    """By region, in their order; without those that no handshake has reached yet.

    `connections` are those of all probe targets, each with its region's name.
    """
    return at_once(edge_times_in_steps(connections, edge, regions, now))


def edge_times_in_steps(
    connections: Iterable[tuple[str, Connection]],
    edge: Coordinates,
    regions: Mapping[str, Coordinates],
    now: float,
) -> Generator[None, None, dict[str, EdgeTime]]:
    """`edge_times` in steps, for thousands of connections take milliseconds."""
    known: dict[str, EdgeTime] = {}
    for number, (region, connection) in enumerate(connections):
        if not number % _AT_ONCE:
            yield
        made = connection.handshakes
        if made is None or region not in regions:
            continue
        (_, current, before), count, at = made
        ms, age = 1000 * (current if current < before else before), now - at
        if (other := known.get(region)) is not None:
            ms, count, age = min(ms, other.ms), count + other.handshakes, min(age, other.age)
        known[region] = EdgeTime(ms, count, age if age > 0 else 0.0)
    found = {}
    for region, place in regions.items():
        yield
        if (time := known.get(region)) is not None:
            found[region] = time._replace(implausible=implausible_reason(time.ms, edge, place))
    return found


def implausible_reason(ms: float, here: Coordinates, there: Coordinates) -> str:
    """Why a round trip of `ms` between two places is not believed; empty where it may be."""
    km = great_circle_km(here, there)
    least = FIBRE_MS_PER_KM * km
    if ms >= SLACK * least:
        return ""
    return f"{ms:.1f} ms for {km:.0f} km, for which light in fibre takes {least:.0f} ms"


def landmark(coordinates: Coordinates, country: str = "") -> str:
    """How a table names a host at these coordinates: ``50.1 8.7 DE``."""
    latitude, longitude = coordinates
    return f"{latitude:g} {longitude:g} {country}".rstrip()
