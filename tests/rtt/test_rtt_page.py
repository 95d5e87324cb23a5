"""The page of a region: rounded, bounded, and the same while nothing has changed."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.rtt.networks import NetworkTime
from resolverd.rtt.page import AGE_STEP, HEADER, MAX_PAGE, MAX_ROWS, Page, page_of

NET = parse_prefix("8.8.8.0/24")


def rows(page: Page) -> list[list[str]]:
    head, *lines = page.text.decode().splitlines()
    assert head == HEADER
    assert page.rows == len(lines)
    return [line.split(",") for line in lines]


@pytest.mark.parametrize(
    ("time", "row"),
    [
        (NetworkTime(NET, 23.4, 14, 0.0), "8.8.8.0/24,eu-west,23,10,600"),
        (NetworkTime(NET, 0.2, 5, 599.0), "8.8.8.0/24,eu-west,1,5,600"),
        (NetworkTime(NET, 99.6, 19, 601.0), "8.8.8.0/24,eu-west,100,15,1200"),
        (
            NetworkTime(parse_prefix("2001:4860::/48"), 7.0, 5, 0.0),
            "2001:4860::/48,eu-west,7,5,600",
        ),
    ],
)
def test_a_row_is_rounded(time: NetworkTime, row: str) -> None:
    assert rows(page_of([time], "eu-west", 5)) == [row.split(",")]


def test_a_network_of_too_few_clients_is_left_out() -> None:
    assert rows(page_of([NetworkTime(NET, 20.0, 4, 0.0)], "eu-west", 5)) == []


@given(
    st.lists(
        st.builds(
            NetworkTime,
            st.just(NET),
            st.floats(0.001, 2000),
            st.integers(1, 200),
            st.floats(0, 1e6),
        ),
        max_size=20,
    ),
    st.integers(1, 10),
)
def test_no_row_tells_more_than_it_may(times: list[NetworkTime], minimum: int) -> None:
    shown = rows(page_of(times, "eu-west", minimum))
    assert len(shown) == sum(time.clients >= minimum for time in times)
    for _, region, ms, count, age in shown:
        assert region == "eu-west"
        assert int(ms) >= 1
        assert int(count) >= minimum
        assert int(count) % minimum == 0
        assert int(age) % AGE_STEP == 0 < int(age)


def test_of_too_many_networks_those_of_the_most_clients_are_shown_in_their_order() -> None:
    times = [NetworkTime(Prefix(32, i << 8, 24), 10.0, 1 + i % 7, 0.0) for i in range(MAX_ROWS + 9)]
    page = page_of(times, "eu-west", 1)
    assert page.rows == MAX_ROWS
    assert len(page.text) <= MAX_PAGE
    shown = [parse_prefix(where) for where, *_ in rows(page)]
    assert shown == sorted(shown)
    left = {time.network: time.clients for time in times}
    for network in shown:
        del left[network]
    assert set(left.values()) == {1}


def test_a_page_is_cut_at_a_row_where_names_are_long() -> None:
    times = [NetworkTime(Prefix(32, i << 8, 24), 10.0, 1, 0.0) for i in range(MAX_ROWS)]
    page = page_of(times, "r" * 200, 1)
    assert MAX_PAGE - 300 < len(page.text) <= MAX_PAGE
    assert all(len(row) == 5 for row in rows(page))


def test_the_compressed_page_is_the_page() -> None:
    page = page_of([NetworkTime(NET, 20.0, 5, 0.0)], "eu-west", 5)
    assert zlib.decompress(page.compressed, 31) == page.text


def test_the_tag_is_that_of_the_content() -> None:
    one, same, other = (
        page_of([NetworkTime(NET, ms, 5, age)], "eu-west", 5)
        for ms, age in ((20.0, 1.0), (20.3, 9.0), (21.0, 1.0))
    )
    assert one.etag == same.etag != other.etag
