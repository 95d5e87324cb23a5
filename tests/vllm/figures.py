"""What was measured against the bars of docs/health.md, told at the end of the run."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """One measurement, and the most that it may be."""

    what: str
    measured: float
    most: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether the bar is kept."""
        return self.measured <= self.most

    def __str__(self) -> str:
        verdict = "" if self.kept else "  NOT KEPT"
        measured, most = (f"{number:.4g}" for number in (self.measured, self.most))
        return f"{self.what:<66} {measured:>7} of at most {most} {self.unit}{verdict}"


class Figures(list[Figure]):
    """All that one run has measured."""

    def bar(self, what: str, measured: float, most: float, unit: str) -> None:
        """Record a measurement; fails the test whose bar is not kept."""
        figure = Figure(what, measured, most, unit)
        self.append(figure)
        assert figure.kept, str(figure)
