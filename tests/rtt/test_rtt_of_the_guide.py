"""The prior against the table of round-trip times in the guide that the product comes from."""

from __future__ import annotations

import pytest

from resolverd.config.registered import KNOWN
from resolverd.rtt.cables import HUBS, geography

USERS = {
    "New York": ("us-east", (5, 15), None),
    "San Francisco": ("us-west", (10, 20), (65, 85)),
    "London": ("eu-west", (10, 20), (80, 120)),
    "Frankfurt": ("eu-central", (10, 20), (90, 130)),
    "Tokyo": ("ap-northeast", (10, 20), (150, 200)),
    "Sydney": ("ap-southeast", (10, 20), (180, 250)),
    "São Paulo": ("sa-east", (10, 20), (120, 160)),
}
"""By where users are: the nearest region, ms to it, and ms to us-east."""


@pytest.mark.parametrize("city", USERS)
def test_what_is_expected_without_measurements_is_what_the_guide_says(city: str) -> None:
    point = HUBS.get(city, (37.8, -122.4))  # San Francisco is no hub
    times = dict(zip(KNOWN, geography(tuple(KNOWN.values())).expected(point, None), strict=True))
    nearest, near, far = USERS[city]
    assert min(times, key=times.__getitem__) == nearest
    assert near[0] <= round(times[nearest]) <= near[1]
    assert far is None or far[0] <= times["us-east"] <= far[1]
