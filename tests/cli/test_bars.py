"""Bars of text and the names beside them: lengths, what stays visible, scripts of every width."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from resolverd.cli.bars import ASCII, BLOCKS, Glyphs, bar, column, glyphs_for, line, stacked
from resolverd.cli.rows import Cell


@pytest.mark.parametrize(
    ("encoding", "glyphs"),
    [
        ("utf-8", BLOCKS),
        ("UTF-8", BLOCKS),
        ("cp437", ASCII),  # it has the blocks, and no ellipsis
        ("ascii", ASCII),
        ("iso8859-1", ASCII),
        ("no-such-encoding", ASCII),
        (None, BLOCKS),
    ],
)
def test_blocks_are_for_encodings_that_have_them(encoding: str | None, glyphs: Glyphs) -> None:
    assert glyphs_for(encoding) is glyphs


@pytest.mark.parametrize(
    ("part", "blocks", "ascii_"),
    [
        (0.0, "", ""),
        (0.001, "▌", "#"),
        (0.25, "██▌", "###"),
        (0.5, "█████", "#####"),
        (1.0, "██████████", "##########"),
        (1.7, "██████████", "##########"),
    ],
)
def test_a_bar_of_ten_cells(part: float, blocks: str, ascii_: str) -> None:
    assert bar(part, 10, BLOCKS) == blocks
    assert bar(part, 10, ASCII) == ascii_


def test_a_bar_of_another_band_has_whole_cells() -> None:
    assert bar(0.25, 10, BLOCKS, "▒") == "▒▒▒"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.integers(8, 60))
def test_stacked_parts_are_seen_and_end_where_their_sum_does(
    weights: list[float], cells: int
) -> None:
    parts = [weight / len(weights) for weight in weights]
    counts = stacked(parts, cells)
    assert all((count > 0) == (part > 0) for count, part in zip(counts, parts, strict=True))
    # The sum is rounded; what would be invisible may add to it where there is nothing to take from.
    assert abs(sum(counts) - cells * sum(parts)) <= 0.5 + len(parts)
    assert sum(counts) <= cells
    assert stacked([0.5, 0.25, 0.25], 40) == [20, 10, 10]
    assert stacked([0.98, 0.01, 0.01], 10) == [8, 1, 1]


@given(st.text(), st.integers(3, 30), st.sampled_from([BLOCKS, ASCII]))
def test_a_column_is_as_wide_as_it_says_whatever_the_script(
    text: str, width: int, glyphs: Glyphs
) -> None:
    shown = column(text, width, glyphs)
    assert cell_len(shown) == width
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tokyo", "tokyo   "),
        ("ap-northeast", "ap-nort…"),
        ("東京", "東京    "),
        ("東京データ", "東京デ… "),
        ("Sa\u0303o Paulo Sul", "Sa\u0303o Pau…"),
        ("bell\a", "bell\\x07"),
    ],
)
def test_a_name_is_cut_between_letters(text: str, shown: str) -> None:
    assert column(text, 8, BLOCKS) == shown
    cut = shown.rstrip().removesuffix("…")
    rest = text[len(cut) :]
    assert not (rest and unicodedata.combining(rest[0]))


def test_a_line_has_no_spaces_at_its_end_and_colour_only_where_it_is_wanted() -> None:
    cells: list[Cell | str] = ["a ", Cell("bar   ", "red"), "   ", Cell("", "green")]
    assert line(cells, colour=False) == "a bar"
    assert line(cells, colour=True) == "a \x1b[31mbar\x1b[0m"
