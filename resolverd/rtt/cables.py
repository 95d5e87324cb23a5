"""The prior's map of the Internet: cities where cables meet, and which of them are joined.

A great circle from Lagos to São Paulo is short, and packets go by Lisbon. What is listed is public
knowledge: landing points of the large submarine systems, and the routes on land between exchanges
(TeleGeography's submarine cable map; peering exchanges by PeeringDB). It holds no measurement.
"""

from __future__ import annotations

from functools import cache
from math import inf

from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt.field import DETOUR, ENTRIES, Field, Hub

HUBS: dict[str, Coordinates] = {
    # North America
    "New York": (40.7, -74.0),
    "Ashburn": (39.0, -77.5),
    "Miami": (25.8, -80.2),
    "Dallas": (32.8, -96.8),
    "Chicago": (41.9, -87.6),
    "Los Angeles": (34.0, -118.2),
    "Seattle": (47.6, -122.3),
    "Mexico": (19.4, -99.1),
    "Panama": (9.0, -79.5),
    # South America
    "Caracas": (10.5, -66.9),
    "Bogotá": (4.7, -74.1),
    "Lima": (-12.0, -77.0),
    "Santiago": (-33.4, -70.6),
    "Buenos Aires": (-34.6, -58.4),
    "São Paulo": (-23.5, -46.6),
    "Fortaleza": (-3.7, -38.5),
    # Europe
    "London": (51.5, 0.0),
    "Lisbon": (38.7, -9.1),
    "Madrid": (40.4, -3.7),
    "Marseille": (43.3, 5.4),
    "Milan": (45.5, 9.2),
    "Frankfurt": (50.1, 8.7),
    "Stockholm": (59.3, 18.0),
    "Warsaw": (52.2, 21.0),
    "Sofia": (42.7, 23.3),
    "Istanbul": (41.0, 29.0),
    "Moscow": (55.8, 37.6),
    # Africa
    "Casablanca": (33.6, -7.6),
    "Dakar": (14.7, -17.4),
    "Lagos": (6.5, 3.4),
    "Luanda": (-8.8, 13.2),
    "Cape Town": (-33.9, 18.4),
    "Johannesburg": (-26.2, 28.0),
    "Mombasa": (-4.0, 39.7),
    "Djibouti": (11.6, 43.1),
    "Alexandria": (31.2, 29.9),
    # Asia
    "Jeddah": (21.5, 39.2),
    "Dubai": (25.2, 55.3),
    "Mumbai": (19.0, 72.8),
    "Delhi": (28.6, 77.2),
    "Chennai": (13.0, 80.3),
    "Almaty": (43.2, 76.9),
    "Irkutsk": (52.3, 104.3),
    "Vladivostok": (43.1, 131.9),
    "Beijing": (39.9, 116.4),
    "Shanghai": (31.2, 121.5),
    "Seoul": (37.5, 127.0),
    "Tokyo": (35.7, 139.7),
    "Taipei": (25.0, 121.5),
    "Hong Kong": (22.3, 114.2),
    "Manila": (14.6, 121.0),
    "Ho Chi Minh City": (10.8, 106.7),
    "Bangkok": (13.8, 100.5),
    "Singapore": (1.3, 103.8),
    "Jakarta": (-6.2, 106.8),
    # Oceania
    "Perth": (-31.9, 115.9),
    "Sydney": (-33.9, 151.2),
    "Auckland": (-36.8, 174.8),
    "Guam": (13.4, 144.8),
    "Honolulu": (21.3, -157.9),
}
"""Latitude and longitude in degrees."""

_JOINED = """
New York: Ashburn, Chicago, London
Ashburn: Miami, Dallas
Chicago: Seattle
Dallas: Los Angeles, Miami, Mexico
Los Angeles: Seattle, Panama, Tokyo, Honolulu
Seattle: Tokyo
Miami: Fortaleza, Panama, Bogotá, Caracas
Panama: Lima, Bogotá
Santiago: Lima, Buenos Aires
São Paulo: Fortaleza, Buenos Aires
London: Frankfurt, Lisbon, Madrid
Frankfurt: Marseille, Milan, Stockholm, Warsaw, Sofia
Marseille: Madrid, Milan, Alexandria
Madrid: Lisbon
Moscow: Warsaw, Stockholm, Irkutsk, Almaty
Istanbul: Sofia, Alexandria
Lisbon: Casablanca, Dakar
Dakar: Lagos
Luanda: Lagos, Cape Town
Johannesburg: Cape Town, Mombasa
Djibouti: Mombasa, Jeddah, Mumbai, Dubai
Jeddah: Alexandria, Dubai
Mumbai: Dubai, Chennai, Delhi
Singapore: Chennai, Jakarta, Perth, Hong Kong, Ho Chi Minh City, Bangkok
Perth: Jakarta, Sydney
Hong Kong: Taipei, Tokyo, Shanghai, Manila, Ho Chi Minh City
Bangkok: Ho Chi Minh City
Tokyo: Taipei, Seoul, Shanghai, Guam, Honolulu, Vladivostok
Beijing: Shanghai, Irkutsk, Almaty
Irkutsk: Vladivostok
Guam: Manila, Sydney, Honolulu
Sydney: Auckland, Honolulu
Auckland: Honolulu
"""

LAID, LANDED = 1.2, 30.0
"""A cable's length over its great circle, and what each one adds, in km."""


BASE_MS, SLOPE = 10.0, 0.0117
"""What the prior is where nothing was measured: ms, and ms per km of the way."""


def geography(regions: tuple[Coordinates, ...]) -> Field:
    """The field of these regions where nothing was measured."""
    count = len(regions)
    return Field(regions, (BASE_MS,) * count, (SLOPE,) * count, hubs(regions))


def hubs(regions: tuple[Coordinates, ...]) -> tuple[Hub, ...]:
    """Every hub with its ways to these regions, in km."""
    between = _ways()
    entries = [
        sorted((great_circle_km(region, point), name) for name, point in HUBS.items())[:ENTRIES]
        for region in regions
    ]
    return tuple(
        Hub(
            point,
            tuple(min(between[name][hub] + DETOUR * km for km, hub in near) for near in entries),
        )
        for name, point in HUBS.items()
    )


@cache
def _ways() -> dict[str, dict[str, float]]:
    """The shortest way between any two hubs, in km (Floyd and Warshall)."""
    ways = {a: {b: 0.0 if a == b else inf for b in HUBS} for a in HUBS}
    for line in _JOINED.strip().splitlines():
        a, _, others = line.partition(": ")
        for b in others.split(", "):
            ways[a][b] = ways[b][a] = LAID * great_circle_km(HUBS[a], HUBS[b]) + LANDED
    for by in HUBS:
        for a in HUBS:
            through = ways[a][by]
            for b in HUBS:
                ways[a][b] = min(ways[a][b], through + ways[by][b])
    return ways
