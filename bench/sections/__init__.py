"""Result files as figures and tables: a module for each shape of them.

A section has ``figures(document)``, an iterable of `bench.figures.Figure`, and may have
``tables(document)``, Markdown, and ``files(document)``, of charts by name; it reads the document
alone. `bench.registry` says which section a result has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from bench.figures import Figure, written
from bench.registry import BY_RESULT
from bench.sections.markdown import of_figures

Document = Mapping[str, Any]


class Section(Protocol):
    """What a module of this package has at least."""

    def figures(self, document: Document) -> Iterable[Figure]:
        """What runs are compared by."""


def figures_of(document: Document) -> list[Figure]:
    """All figures of a result, by its name; none for one that is in no row of the registry.

    Raises KeyError for a document that its section cannot read.
    """
    bench = BY_RESULT.get(document["name"])
    return [*section(bench.section).figures(document)] if bench else []


def tables_of(document: Document) -> str:
    """What a page shows of a result: its section's own tables, else one of its figures."""
    of_result = section(BY_RESULT[document["name"]].section)
    own = getattr(of_result, "tables", None)
    return cast(str, own(document)) if own else of_figures(_ordered(of_result.figures(document)))


def files_of(document: Document) -> dict[str, str]:
    """What stands beside the result file, by name: charts."""
    bench = BY_RESULT.get(document["name"])
    made = getattr(section(bench.section), "files", None) if bench else None
    return cast(dict[str, str], made(document)) if made else {}


def with_figures(document: Document) -> dict[str, Any]:
    """The same with its figures, before what is only its benchmark's."""
    rest = {key: value for key, value in document.items() if key not in (*_FIRST, "figures")}
    first = {key: document[key] for key in _FIRST if key in document}
    return {**first, "figures": written(figures_of(document)), **rest}


def section(name: str) -> Section:
    """The module of that name."""
    return cast(Section, import_module(f"bench.sections.{name}"))


_FIRST = (
    *("name", "platform", "cpu", "cores", "python", "commit", "changed", "measured_at", "busy"),
)


def _ordered(figures: Iterable[Figure]) -> Sequence[Figure]:
    """Those with a bar before those without, each as its section has them."""
    return sorted(figures, key=lambda figure: figure.bar is None)
