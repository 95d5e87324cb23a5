"""A figure: one number of a benchmark by which runs are compared, with its bar where it has one.

A result file holds a list of them, each a mapping of

    name     what is measured, unique in its file, and the same in every run
    value    the number, in `unit`
    unit     "µs", "MiB", "s", "ns", "octets"; "share" for a part of 1; "" for a count; "×" for what
             is a ratio and nothing else
    better   "less" or "more"
    beside   whom it was measured beside in the same run, by turns (a peer, the echo, an earlier
             state of our own); null for nobody
    ratio    value to theirs; null without `beside`
    range    the least and the most of what is compared over the rounds, or where there are many,
             their middle half; null where not known
    bar      what the ratio, or without one the value, is to hold to; null without a bar
    met      whether it does; null without a bar
    steady   whether the machine does not enter into it: octets, shares, what a seed decides

What is compared is the ratio where there is one, else the value. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Better = Literal["less", "more"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """One number, and what it is to be compared by; the module says what each field means."""

    name: str
    value: float
    unit: str
    better: Better = "less"
    beside: str | None = None
    ratio: float | None = None
    range: Range | None = None
    bar: float | None = None
    steady: bool = False

    @property
    def compared(self) -> float:
        """What is held to the bar and to the record: the ratio where there is one."""
        return self.value if self.ratio is None else self.ratio

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.bar is None:
            return None
        return self.compared <= self.bar if self.better == "less" else self.compared >= self.bar

    @property
    def comparable(self) -> bool:
        """Whether it says the same on any machine, as a ratio within one run nearly does."""
        return self.steady or self.ratio is not None or self.unit == "×"


def beside(
    name: str,
    value: float,
    unit: str,
    peer: str,
    ratio: Mapping[str, Any] | float,
    *,
    bar: float | None = None,
    better: Better = "less",
) -> Figure:
    """A figure with its ratio to `peer`: a number, or a spread of rounds.

    A spread has `median`, `min` and `max`, and where there are many rounds, `middle_half`.
    """
    if isinstance(ratio, Mapping):
        least, most = ratio.get("middle_half", (ratio["min"], ratio["max"]))
        rounds = (least, most)
        return Figure(name, value, unit, better, peer, ratio["median"], rounds, bar)
    return Figure(name, value, unit, better, peer, ratio, None, bar)


def spread_of(spread: Mapping[str, float]) -> tuple[float, Range]:
    """Median and range of a spread as result files have them."""
    return spread["median"], (spread["min"], spread["max"])


def written(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """Figures as a result file has them."""
    return [_written(figure) for figure in figures]


def read(rows: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """Figures of a result file. Raises ValueError for a row that is none."""
    return [_read(row) for row in rows]


def _written(figure: Figure) -> dict[str, Any]:
    fields = asdict(figure)
    if figure.range is not None:
        fields["range"] = [*figure.range]
    return {**fields, "met": figure.met}


def _read(row: Mapping[str, Any]) -> Figure:
    known = dict(row)
    known.pop("met", None)
    if known.get("range") is not None:
        least, most = known["range"]
        known["range"] = (float(least), float(most))
    try:
        figure = Figure(**known)
    except TypeError as error:
        raise ValueError(f"no figure: {row!r} ({error})") from None
    if figure.better not in ("less", "more"):
        raise ValueError(f"no figure: {row!r} (better is {figure.better!r})")
    return figure
