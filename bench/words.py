"""What a run shows beside the last record, in sentences; with colours where they are wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum

from bench.figures import Figure
from bench.record import Change, Comparison
from bench.sections.markdown import quantity, ratio


class Colour(Enum):
    """Of what is said; each the parameters of ECMA-48's SGR."""

    BAD = "31"
    GOOD = "32"
    WARN = "33"
    FAINT = "2"
    STRONG = "1"


def coloured(text: str, colour: Colour | None, wanted: bool) -> str:
    """`text`, in its colour on a terminal and plain elsewhere."""
    return f"\x1b[{colour.value}m{text}\x1b[0m" if wanted and colour else text


def sentences(found: Comparison) -> Iterator[tuple[str, Colour | None]]:
    """A line for each regression, improvement, new and missing figure; the rest as counts."""
    for change in found.regressions:
        noisy = change.noise == "within" or change.weak
        yield of_change(change), Colour.WARN if noisy else Colour.BAD
    for change in found.improvements:
        yield of_change(change), Colour.GOOD
    for figure in found.new:
        yield f"{named(figure)}: {told(figure)}, new", None
    for figure in found.missing:
        yield f"{named(figure)}: was {told(figure)}, and is not measured any more", Colour.WARN
    if found.same:
        yield f"{_count(len(found.same), 'figure')} as before, give or take 5 %", Colour.FAINT
    if found.incomparable:
        count = _count(len(found.incomparable), "value")
        yield f"{count} not compared: of another machine, or measured otherwise", Colour.FAINT


def missed(figures: list[Figure]) -> Iterator[str]:
    """A line for each bar that is missed."""
    for figure in figures:
        if figure.met is False:
            least = "at most" if figure.better == "less" else "at least"
            bar = _compared(figure, figure.bar or 0.0)
            yield f"{named(figure)}: {told(figure)}, and is to be {least} {bar}"


def of_change(change: Change) -> str:
    """As "p99, beside gdnsd: 1.81, was 1.52: 19 % worse (rounds 1.20 to 3.00: within noise)"."""
    now, was = change.now, change.was
    parts = [f"{named(now)}: {told(now)}, was {told(was)}: {_by(change.worse)}"]
    remarks = [*_remarks(change)]
    if remarks:
        parts.append(f"({'; '.join(remarks)})")
    return " ".join(parts)


def named(figure: Figure) -> str:
    """Its name, and whom it was beside."""
    return f"{figure.name}, beside {figure.beside}" if figure.beside else figure.name


def told(figure: Figure) -> str:
    """What is compared of it."""
    return _compared(figure, figure.compared)


def _compared(figure: Figure, value: float) -> str:
    if figure.ratio is not None or figure.unit == "×":
        return ratio(value)
    return quantity(value, figure.unit)


def _by(worse: float) -> str:
    if math.isinf(worse):
        return "worse" if worse > 0 else "better"
    size = f"{abs(worse):.0%}".replace("%", " %")
    return f"{size} {'worse' if worse > 0 else 'better'}"


def _remarks(change: Change) -> Iterator[str]:
    rounds = change.now.range or change.was.range
    whose = "rounds" if change.now.range else "rounds of the record"
    if rounds is not None:
        reach = " to ".join(_compared(change.now, value) for value in rounds)
        yield f"{whose} {reach}: {change.noise} noise"
    if change.lost_bar:
        yield f"the bar {_compared(change.now, change.now.bar or 0.0)} was met and is missed"
    if change.weak:
        yield "weak: a value by itself, not a ratio"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
