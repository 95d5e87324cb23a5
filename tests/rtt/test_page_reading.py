"""A region's page, which is not trusted: what of it is taken, what is left out, what refused."""

from __future__ import annotations

import contextlib
import gzip
import time
import zlib
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import Coordinates
from resolverd.rtt.light import PlaceOf
from resolverd.rtt.networks import NetworkTime
from resolverd.rtt.page import HEADER, MAX_PAGE, MAX_ROWS, page_of
from resolverd.rtt.page_reading import PageError, PageOf, PageRow, PageRows, read_page

DUBLIN = (53.3, -6.3)
OF = PageOf("eu-west", DUBLIN, 86_400.0)
NAN = float("nan")


def nowhere(_: Prefix) -> None:
    return None


def ended(steps: Generator[None, None, PageRows]) -> PageRows:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: PageRows = end.value
            return found


def read(text: str | bytes, place_of: PlaceOf = nowhere, *, gzipped: bool = False) -> PageRows:
    body = text if isinstance(text, bytes) else text.encode()
    return ended(read_page(body, OF, place_of, gzipped=gzipped))


def rows(*lines: str) -> list[PageRow]:
    return list(read("\n".join([HEADER, *lines]) + "\n").unpacked())


def test_what_a_region_serves_is_what_an_edge_reads() -> None:
    times = [
        NetworkTime(Prefix(32, 8 << 24, 24), 23.4, 14, 30.0),
        NetworkTime(Prefix(128, 0x2001486000010000 << 64, 48), 150.0, 5, 700.0),
    ]
    page = page_of(times, "eu-west", 5)
    expected = [
        PageRow("8.0.0.0/24", 23.0, 10, 600.0),
        PageRow("2001:4860:1::/48", 150.0, 5, 1200.0),
    ]
    for found in (read(page.text), read(page.compressed, gzipped=True)):
        assert list(found.unpacked()) == expected
        assert (found.rows, found.left_out) == (2, "")


def test_columns_may_stand_in_any_order_and_two_may_be_missing() -> None:
    text = "ms, region ,where,more\n20.5,eu-west,8.8.8.0/24,x\n"
    assert list(read(text).unpacked()) == [PageRow("8.8.8.0/24", 20.5, 1, 0.0)]


def test_comments_and_a_byte_order_mark_are_passed_over() -> None:
    found = read(f"\ufeff# by us\n#\n{HEADER}\n# more\n8.8.8.0/24,eu-west,20,5,600\n# end")
    assert (found.rows, found.left_out) == (1, "")
    with pytest.raises(PageError, match="no table"):
        read("# nothing else")


def test_a_page_without_a_row_is_one() -> None:
    assert (read(HEADER).rows, read(f"{HEADER}\n").left_out) == (0, "")


GOOD = "8.8.8.0/24,eu-west,20,5,600"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_lines_may_end_in_any_way(end: str) -> None:
    text = f"{HEADER}{end or chr(10)}{GOOD}{end}"
    assert list(read(text).unpacked()) == [PageRow("8.8.8.0/24", 20.0, 5, 600.0)]


@pytest.mark.parametrize(
    "line",
    [
        "8.8.8.8/32,eu-west,20,5,600", "8.8.8.1/24,eu-west,20,5,600", "8.0.0.0/7,eu-west,20,5,600",
        "2001:4860::/64,eu-west,20,5,600", "2000::/3,eu-west,20,5,600", "DE,eu-west,20,5,600",
        "AS64500,eu-west,20,5,600", "50.1 8.7,eu-west,20,5,600", "0.0.0.0/0,eu-west,1,5,600",
        "8.8.8.0/24,eu-west,0,5,600", "8.8.8.0/24,eu-west,-1,5,600", "8.8.8.0/24,eu-west,nan,5,600",
        "8.8.8.0/24,eu-west,inf,5,600", "8.8.8.0/24,eu-west,10001,5,600",
        "8.8.8.0/24,eu-west,20,0,600", "8.8.8.0/24,eu-west,20,-5,600",
        "8.8.8.0/24,eu-west,20,5,-1", "8.8.8.0/24,eu-west,20,5,nan", "8.8.8.0/24,eu-west",
        "8.8.8.0/24,eu-west,20,5," + "9" * 400, "\xff\xfe", "<html>",
    ],
)  # fmt: skip
def test_what_is_no_row_is_left_out_and_said(line: str) -> None:
    others = [f"9.9.{i}.0/24,eu-west,20,5,600" for i in range(20)]
    found = read("\n".join([HEADER, *others[:10], line, *others[10:]]))
    assert [row.where for row in found.unpacked()] == [other.split(",")[0] for other in others]
    assert found.left_out == "1 of 21 rows cannot be read"


def test_rows_of_another_region_are_left_out_and_said() -> None:
    found = read(f"{HEADER}\n{GOOD}\n9.9.9.0/24,us-east,1,5,600\n9.9.9.0/24,EU-WEST,1,5,600\n")
    assert [row.where for row in found.unpacked()] == ["8.8.8.0/24"]
    assert found.left_out == "2 of 3 rows speak of another region"


def test_rows_that_are_too_old_are_left_out_and_said() -> None:
    found = read(f"{HEADER}\n{GOOD}\n9.9.9.0/24,eu-west,20,5,86401\n")
    assert [row.where for row in found.unpacked()] == ["8.8.8.0/24"]
    assert found.left_out == "1 of 2 rows are too old"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html>not here</html>", "no table of round-trip times"),
        ("", "no table"),
        ("where,ms\n8.8.8.0/24,20\n", "lacks region"),
        (f"{HEADER}\n8.8.8.0/24,us-east,1,5,600\n", "1 of 1 rows speak of another region"),
        (f"{HEADER}\n8.8.8.0/24,eu-west,1,5,99999\n", "too old"),
        (f"{HEADER}\n{GOOD}\nx\n", "1 of 2 lines cannot be read"),
        (f"{HEADER}\n" + f"{GOOD}\n" * (MAX_ROWS + 1), "more than 65536 rows"),
        (b"\0" * (MAX_PAGE + 1), "over 4 MiB"),
    ],
)
def test_what_is_no_such_page_is_refused(text: str | bytes, words: str) -> None:
    with pytest.raises(PageError, match=words):
        read(text)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no gzip", "is not"),
        (b"", "cut short"),
        (gzip.compress(f"{HEADER}\n{GOOD}\n".encode(), mtime=0)[:-12], "cut short"),
        (gzip.compress(bytes(64 << 20), mtime=0), "over 4 MiB"),
    ],
)
def test_what_is_no_gzip_or_far_too_much_of_it_is_refused(body: bytes, words: str) -> None:
    before = time.process_time()
    with pytest.raises(PageError, match=words):
        read(body, gzipped=True)
    assert time.process_time() - before < 1


FAR: Coordinates = (35.7, 139.7)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.3, 1.0])
def test_a_page_is_refused_where_light_could_not_have_been_so_fast(share: float) -> None:
    """One in five may seem so, for databases are wrong; a page that lies is wrong of most."""
    lines = [f"8.{i // 250}.{i % 250}.0/24,eu-west,20,5,600" for i in range(2000)]

    def place_of(network: Prefix) -> Coordinates:
        number = (network.address >> 16 & 255) * 250 + (network.address >> 8 & 255)
        return FAR if number * 7919 % 1000 < 1000 * share else DUBLIN

    text = "\n".join([HEADER, *lines])
    if share < 0.2:
        assert read(text, place_of).rows == 2000
    else:
        with pytest.raises(PageError, match="nearer than light in fibre"):
            read(text, place_of)


def test_a_few_networks_whose_place_is_known_prove_nothing() -> None:
    assert read(f"{HEADER}\n{GOOD}\n", lambda _: FAR).rows == 1


def test_of_a_long_page_some_hundreds_are_looked_up() -> None:
    asked = []

    def place_of(network: Prefix) -> None:
        asked.append(network)

    lines = [
        f"{8 + i // 65536}.{i // 256 % 256}.{i % 256}.0/24,eu-west,20,5,600" for i in range(60_000)
    ]
    read("\n".join([HEADER, *lines]), place_of)
    assert 250 <= len(asked) <= 350


def test_the_longest_page_is_read_in_short_steps() -> None:
    times = [NetworkTime(Prefix(32, i << 8, 24), 20.0, 5, 0.0) for i in range(MAX_ROWS)]
    page = page_of(times, "eu-west", 5)
    steps = read_page(page.compressed, OF, nowhere, gzipped=True)
    count, began = 0, time.process_time()
    with contextlib.suppress(StopIteration):
        while True:
            next(steps)
            count += 1
    assert count > 300
    assert time.process_time() - began < 2


CELLS = st.sampled_from(
    [
        "8.8.8.0/24",
        "2001:db8::/48",
        "eu-west",
        "us",
        "20",
        "-1",
        "nan",
        "1e999",
        "",
        "x",
        "\x00",
        " ",
    ]
)


@given(
    st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=20),
    st.sampled_from([HEADER, "ms,where,region", "where", ""]),
    st.booleans(),
)
def test_whatever_a_page_says_raises_nothing_else(
    lines: list[str], header: str, gzipped: bool
) -> None:
    body = "\n".join([header, *lines]).encode()
    try:
        found = read(gzip.compress(body, mtime=0) if gzipped else body, gzipped=gzipped)
    except PageError:
        return
    taken = list(found.unpacked())
    assert len(taken) == found.rows
    assert all(0 < row.ms <= 10_000 and row.clients > 0 and row.age >= 0 for row in taken)
    assert bool(found.left_out) == (found.rows < sum(bool(line.strip("\r")) for line in lines))


@given(st.binary(max_size=300), st.booleans())
def test_any_octets_raise_nothing_else(octets: bytes, packed: bool) -> None:
    with contextlib.suppress(PageError):
        read(octets, gzipped=packed)
    with contextlib.suppress(PageError):
        read(HEADER.encode() + b"\n" + octets)
    with contextlib.suppress(PageError):
        read(zlib.compress(octets, wbits=31)[:-1] + octets, gzipped=True)
