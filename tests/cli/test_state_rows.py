"""The lines of `resolverd state`: as wide as the terminal at most, and with nothing cut off."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.cli.rows import Cell, Rows

WORDS = st.text(st.sampled_from("abcdefgh "), min_size=1, max_size=60)
TABLES = st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=8)


def made(rows: list[list[str]]) -> Rows:
    """A table of three columns."""
    table = Rows("one", "two", "three")
    for row in rows:
        table.add_row(*row)
    return table


@given(TABLES, st.integers(30, 200))
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(
    rows: list[list[str]], width: int
) -> None:
    lines = list(made(rows).lines(width))
    assert all(len(line) <= width for line in lines)
    letters = sorted("".join("".join(lines[1:]).split()))
    assert letters == sorted("".join("".join(cell for row in rows for cell in row).split()))


@given(TABLES)
def test_in_a_pipe_each_row_is_one_line(rows: list[list[str]]) -> None:
    assert len(list(made(rows).lines())) == len(rows) + 1


def test_colours_are_for_terminals_alone_and_move_nothing() -> None:
    table = Rows("region", "state")
    table.add_row("eu-west", Cell("down", "red"))
    plain, coloured = list(table.lines()), list(table.lines(colour=True))
    assert plain == ["region   state", "eu-west  down"]
    assert "\x1b[31mdown" in coloured[1]
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in coloured] == plain


@pytest.mark.parametrize("text", ["\x1b[2J", "two\nlines", "bell\a", "\u202eleft"])
def test_what_a_server_says_moves_no_cursor(text: str) -> None:
    table = Rows("why")
    table.add_row(text)
    (_, line) = table.lines()
    assert line.isprintable()


def test_a_table_without_rows_has_no_head() -> None:
    assert list(Rows("region").lines(80)) == []
