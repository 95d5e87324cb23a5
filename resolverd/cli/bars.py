"""Bars of text: how long, of which characters, and names of any script in a column beside them.

The characters are blocks that every terminal font has, the Linux console's too; where the output's
encoding lacks them, ASCII.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from resolverd.cli.rows import Cell, coloured, shown, width_of


class Glyphs(NamedTuple):
    """What bars are made of: four bands that are told apart without colour, a half, a cut name."""

    bands: str
    half: str
    cut: str


BLOCKS = Glyphs("█▓▒░", "▌", "…")
ASCII = Glyphs("#=-.", "", "~")


def glyphs_for(encoding: str | None) -> Glyphs:
    """Blocks where this encoding has them, else ASCII; None is of text that is not encoded."""
    try:
        "".join(BLOCKS).encode(encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return BLOCKS


def bar(part: float, cells: int, glyphs: Glyphs, character: str = "") -> str:
    """A bar of `part` (0 to 1) of so many cells; anything above 0 is seen.

    To half a cell, unless of another character than the first band's.
    """
    halves = round(2 * cells * min(part, 1.0))
    if part > 0:
        halves = max(1, halves)
    if character or not glyphs.half:
        return (character or glyphs.bands[0]) * ((halves + 1) // 2)
    return glyphs.bands[0] * (halves // 2) + glyphs.half * (halves % 2)


def stacked(parts: Sequence[float], cells: int) -> list[int]:
    """How many of `cells` each part has, which are shares of 1 and at most 1 together.

    The whole is rounded, not each part; anything above 0 has one, which the largest gives.
    """
    ends, reached = [0], 0.0
    for part in parts:
        reached += part
        ends.append(round(cells * min(reached, 1.0)))
    found = [end - start for start, end in pairwise(ends)]
    for number, part in enumerate(parts):
        largest = max(range(len(found)), key=found.__getitem__)
        if part > 0 and not found[number]:
            found[number] = 1
            found[largest] -= found[largest] > 1
    return found


def column(text: str, width: int, glyphs: Glyphs, *, right: bool = False) -> str:
    """The text in so many columns of a terminal, cut where it is wider, never within a letter."""
    text = shown(text)
    if width_of(text) > width:
        kept, room = "", width - width_of(glyphs.cut)
        for letter in _letters(text):
            if width_of(kept + letter) > room:
                break
            kept += letter
        text = kept + glyphs.cut
    pad = " " * (width - width_of(text))
    return pad + text if right else text + pad


def line(cells: Iterable[Cell | str], *, colour: bool) -> str:
    """Cells side by side, without spaces at the end."""
    found = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
    while found and not found[-1].text.rstrip():
        found.pop()
    if found:
        found[-1] = found[-1]._replace(text=found[-1].text.rstrip())
    return "".join(coloured(c.text, c.style) if colour and c.text else c.text for c in found)


def _letters(text: str) -> Iterable[str]:
    """Each character with the marks that combine with it."""
    letter = ""
    for character in text:
        joined = unicodedata.combining(character) or width_of(character) == 0
        if letter and not joined:
            yield letter
            letter = ""
        letter += character
    if letter:
        yield letter
