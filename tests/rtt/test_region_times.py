"""What an edge keeps of a region: pages over what was kept, within bounds of age and number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolverd.rtt.kept_table import KeptRow
from resolverd.rtt.page import HEADER
from resolverd.rtt.page_reading import NO_ROWS, PageOf, PageRow, PageRows, read_page
from resolverd.rtt.region_times import PageContent, RegionTimes, rows_to_keep

NOW, HERE = 1_800_000_000.0, "50.1 8.7"
OLDEST = NOW - 1000
OWN = KeptRow(1.5, 9, NOW)
UNREAD = PageContent(NO_ROWS, None)


def page(*rows: PageRow, as_of: float = NOW) -> PageContent:
    lines = [f"{where},eu,{ms},{clients},{age}" for where, ms, clients, age in rows]
    steps = read_page(
        "\n".join([HEADER, *lines]).encode(), PageOf("eu", (0, 0), 1e9), lambda _: None
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            content: PageRows = end.value
            return PageContent(content, as_of)


def keep(*pages: PageContent, own: KeptRow | None = None, implausible: bool = False) -> RegionTimes:
    return RegionTimes(own, implausible, pages)


EARLIER = {
    HERE: KeptRow(2.0, 5, NOW - 10),
    "48 2": KeptRow(2.0, 5, NOW - 10),
    "8.8.8.0/24": KeptRow(20.0, 5, NOW - 10),
    "9.9.9.0/24": KeptRow(20.0, 5, OLDEST - 1),
}


def test_what_was_kept_holds_until_each_page_has_been_read_again() -> None:
    read = page(PageRow("1.1.1.0/24", 7.0, 5, 0.0), PageRow("8.8.8.0/24", 30.0, 5, 60.0))
    assert rows_to_keep(keep(UNREAD), EARLIER, HERE, OLDEST).keys() == {HERE, "8.8.8.0/24"}
    assert rows_to_keep(keep(UNREAD, read), EARLIER, HERE, OLDEST) == {
        HERE: EARLIER[HERE],
        "8.8.8.0/24": KeptRow(30.0, 5, NOW - 60),
        "1.1.1.0/24": KeptRow(7.0, 5, NOW),
    }
    assert rows_to_keep(keep(read), EARLIER, HERE, OLDEST).keys() == {
        HERE,
        "8.8.8.0/24",
        "1.1.1.0/24",
    }
    assert rows_to_keep(keep(page()), EARLIER, HERE, OLDEST).keys() == {HERE}
    assert rows_to_keep(keep(), EARLIER, HERE, OLDEST).keys() == {HERE}


def test_this_edges_own_row_is_the_newest_and_none_where_it_is_doubted() -> None:
    assert rows_to_keep(keep(own=OWN), EARLIER, HERE, OLDEST)[HERE] == OWN
    assert rows_to_keep(keep(implausible=True), EARLIER, HERE, OLDEST) == {}
    old = {HERE: KeptRow(2.0, 5, OLDEST - 1)}
    assert rows_to_keep(keep(), old, HERE, OLDEST) == {}


def test_two_pages_of_one_network_are_joined() -> None:
    pages = [page(PageRow("8.8.8.0/24", ms, n, 0.0)) for ms, n in ((10.0, 30), (20.0, 10))]
    assert rows_to_keep(keep(*pages), {}, HERE, OLDEST) == {"8.8.8.0/24": KeptRow(12.5, 40, NOW)}


def test_rows_grow_old_while_a_page_cannot_be_read() -> None:
    rows = PageRow("8.8.8.0/24", 10.0, 5, 500.0), PageRow("9.9.9.0/24", 10.0, 5, 0.0)
    kept = rows_to_keep(keep(page(*rows, as_of=NOW - 600)), {}, HERE, OLDEST)
    assert kept == {"9.9.9.0/24": KeptRow(10.0, 5, NOW - 600)}


@given(st.lists(st.integers(1, 50), max_size=30, unique=True), st.integers(1, 40))
def test_of_too_many_rows_those_of_the_most_clients_stay(clients: list[int], most: int) -> None:
    rows = [PageRow(f"8.8.{n}.0/24", 10.0, n, 0.0) for n in clients]
    kept = rows_to_keep(keep(page(*rows), own=OWN), {}, HERE, OLDEST, most)
    assert kept.pop(HERE) == OWN
    assert sorted(row.samples for row in kept.values()) == sorted(clients)[-most:]


def test_the_same_content_says_the_same_whatever_its_age() -> None:
    content = page(PageRow("8.8.8.0/24", 10.0, 5, 0.0))
    older = content._replace(as_of=NOW - 100)
    same = [
        (keep(content, own=OWN), keep(older, own=OWN._replace(ms=2.0, samples=99))),
        (keep(UNREAD), keep(UNREAD)),
        (keep(), keep()),
    ]
    other = [
        (keep(content), keep(page(PageRow("8.8.8.0/24", 10.0, 5, 0.0)))),
        (keep(content), keep(UNREAD)),
        (keep(content), keep(content, content)),
        (keep(own=OWN), keep()),
        (keep(own=OWN), keep(own=OWN._replace(ms=9.0))),
        (keep(), keep(implausible=True)),
    ]
    assert all(
        one.same_but_for_age(another) and another.same_but_for_age(one) for one, another in same
    )
    assert not any(
        one.same_but_for_age(another) or another.same_but_for_age(one) for one, another in other
    )
