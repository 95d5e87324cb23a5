"""The table that an edge keeps: what of it can be read again, and what makes it another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.rtt.kept_table import KeptRow, differs, has_changed, joined, lines_of, rows_of

NOW = 1_800_000_000.0
ROWS = st.dictionaries(
    st.sampled_from(["50.1 8.7", "8.8.8.0/24", "2001:4860::/48", "9.9.9.0/24"]),
    st.builds(
        KeptRow,
        st.floats(0.001, 5000).map(lambda ms: float(f"{ms:.7g}")),
        st.integers(1, 10**6),
        st.integers(0, int(NOW)).map(float),
    ),
)


@given(st.dictionaries(st.sampled_from(["eu-west", "us"]), ROWS))
def test_a_table_is_read_as_it_was_written(table: dict[str, dict[str, KeptRow]]) -> None:
    lines = [line for region, rows in table.items() for line in lines_of(region, rows)]
    assert rows_of(lines, NOW) == {region: rows for region, rows in table.items() if rows}


@given(st.text())
def test_what_is_damaged_is_passed_over(text: str) -> None:
    good = "8.8.8.0/24,eu-west,20,5,2026-11-29T06:00:00Z"
    known = rows_of([*text.splitlines(), good], NOW)
    assert known["eu-west"]["8.8.8.0/24"].ms == 20.0


def test_times_to_come_count_as_now() -> None:
    [line] = lines_of("eu", {"8.8.8.0/24": KeptRow(20.0, 5, NOW + 1000)})
    assert rows_of([line], NOW)["eu"]["8.8.8.0/24"].measured == NOW


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (10.0, 11.9, False), (10.0, 12.0, True), (12.0, 10.0, True), (100.0, 109.0, False),
        (100.0, 110.0, True), (0.1, 1.0, False), (200.0, 199.0, False),
    ],
)  # fmt: skip
def test_a_time_is_another_one_by_two_milliseconds_and_a_tenth(
    before: float, after: float, changed: bool
) -> None:
    assert differs(before, after) is changed
    rows = [{"8.8.8.0/24": KeptRow(ms, 5, NOW)} for ms in (before, after)]
    assert has_changed(*rows) is changed


@pytest.mark.parametrize(("coming", "changed"), [(0, False), (2, False), (3, True)])
@pytest.mark.parametrize("turned", [False, True])
def test_clients_who_come_and_go_are_news_from_one_in_a_hundred_on(
    coming: int, changed: bool, turned: bool
) -> None:
    row = KeptRow(20.0, 5, NOW)
    before = {f"8.8.{i}.0/24": row for i in range(200)}
    after = {**before, **{f"9.9.{i}.0/24": row for i in range(coming)}}
    tables = (after, before) if turned else (before, after)
    assert has_changed(*tables) is changed


def test_ages_alone_are_no_news() -> None:
    old, new = ({"8.8.8.0/24": KeptRow(20.0, 5, at)} for at in (NOW, NOW + 600))
    assert not has_changed(old, new)


def test_the_first_row_and_the_last_are_news() -> None:
    row = {"50.1 8.7": KeptRow(20.0, 5, NOW)}
    assert has_changed({}, row)
    assert has_changed(row, {})
    assert not has_changed({}, {})


def test_two_front_doors_have_the_mean_of_their_clients() -> None:
    one, other = KeptRow(10.0, 30, NOW), KeptRow(20.0, 10, NOW - 5)
    assert joined(one, other) == joined(other, one) == KeptRow(12.5, 40, NOW)
