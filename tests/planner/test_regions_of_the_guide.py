"""How many regions each application needs: the guide's table, by its own cities and regions."""

from __future__ import annotations

import pytest

from resolverd.config.registered import KNOWN
from resolverd.planner.budgets import BUDGETS
from resolverd.planner.fewest import fewest
from resolverd.rtt.cables import HUBS, geography

SAN_FRANCISCO = (37.8, -122.4)  # no hub
NAMES = ("New York", "London", "Frankfurt", "Tokyo", "Sydney", "São Paulo")
CITIES = (SAN_FRANCISCO, *(HUBS[name] for name in NAMES))


@pytest.mark.parametrize(
    ("application", "least", "most"),
    [
        ("voice", 4, 6),
        ("code completion", 3, 4),
        ("chat", 2, 3),
        ("agent", 3, 5),
        ("batch", 1, 1),
    ],
)
def test_six_of_seven_cities_need_as_many_regions_as_the_guide_says(
    application: str, least: int, most: int
) -> None:
    budget = next(budget for budget in BUDGETS if budget.name == application)
    field = geography(tuple(KNOWN.values()))
    covers = []
    for city in CITIES:
        times = field.expected(city, None)
        within = [n for n, ms in enumerate(times) if budget.ms is None or ms <= budget.ms]
        covers.append((sum(1 << n for n in within), 1 / len(CITIES)))
    found = fewest(covers, len(KNOWN), 6 / 7)
    assert found is not None
    assert found.exact
    assert least <= len(found.regions) <= most
