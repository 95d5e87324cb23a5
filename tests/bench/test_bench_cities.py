"""The bench of the city table: sets of regions, and what is made of several draws."""

from __future__ import annotations

from bench.map.cities import summary
from bench.map.region_sets import SEVENS, region_sets


def test_each_set_of_regions_has_as_many_as_it_says() -> None:
    sets = region_sets()
    assert [len(sets[name]) for name in SEVENS] == [7] * len(SEVENS)
    assert set(sets) == {"example", *SEVENS}


def test_of_several_draws_the_mean_counts_and_the_worst_is_shown() -> None:
    draw = {"family": "IPv4", "regions": "seven", "country": 0.0, "table_other": 0.04}
    rows = [draw | {"own": own, "full_other": 0.04} for own in (0.001, 0.003)]
    (row,) = summary(rows)
    assert (row["own"], row["worst_own"], row["full_other"]) == (0.002, 0.003, 0.04)
