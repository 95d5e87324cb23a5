"""Sets of regions to judge a placement by: four to seven, as those who steer by place have them.

How many clients get another region is a question of how many live about as far from one region as
from another: few where regions stand on both sides of oceans, many where three share a continent.
"""

from __future__ import annotations

from bench.report import ROOT
from resolverd.config.load import load_config

Regions = dict[str, tuple[float, float]]

CITIES: Regions = {
    "Amsterdam": (52.4, 4.9),
    "Bahrain": (26.1, 50.6),
    "Dallas": (32.8, -96.8),
    "Des Moines": (41.6, -93.6),
    "Dublin": (53.3, -6.3),
    "Frankfurt": (50.1, 8.7),
    "London": (51.5, -0.1),
    "Milan": (45.5, 9.2),
    "Mumbai": (19.1, 72.9),
    "Paris": (48.9, 2.4),
    "Portland": (45.6, -122.7),
    "San Jose": (37.3, -121.9),
    "Seoul": (37.6, 127.0),
    "Singapore": (1.3, 103.8),
    "Stockholm": (59.3, 18.1),
    "Sydney": (-33.9, 151.2),
    "São Paulo": (-23.5, -46.6),
    "Tokyo": (35.7, 139.7),
    "Washington": (38.9, -77.0),
}

SEVENS = {
    # Those to which the round-trip times of docs/rtt.md were measured.
    "seven": "Washington, San Jose, Dublin, Frankfurt, Tokyo, Sydney, São Paulo",
    "pairs": "Washington, Portland, Dublin, Frankfurt, Singapore, Sydney, São Paulo",
    "inland": "Des Moines, Portland, London, Frankfurt, Mumbai, Tokyo, Sydney",
    "america": "Washington, Dallas, San Jose, London, Frankfurt, Singapore, Tokyo",
    "europe": "Washington, San Jose, London, Paris, Stockholm, Milan, Singapore",
    "asia": "Washington, Frankfurt, Mumbai, Singapore, Tokyo, Seoul, Sydney",
    "wide": "Washington, Portland, Amsterdam, Bahrain, Singapore, Tokyo, São Paulo",
}
"""Sets of seven, each by what it tries."""


def region_sets() -> dict[str, Regions]:
    """The regions of the example configuration, and each set of seven."""
    return {"example": example()} | {
        name: {city: CITIES[city] for city in cities.split(", ")} for name, cities in SEVENS.items()
    }


def example() -> Regions:
    """The regions of the example configuration."""
    config = load_config(ROOT / "resolverd.toml").config
    return {
        name: region.coordinates for name, region in config.region.items() if region.coordinates
    }
