"""Pages from the result files, without measuring again.

    python -m bench.write [--check]

Writes what stands between these lines in pages of docs/, once for each result and page of the
registry, and no more of the page:

    <!-- measured NAME: begin; made by python -m bench.write from …, do not edit -->
    <!-- measured NAME: end -->

and gives each result file its figures, and its charts. With --check nothing is written, and the
exit code is 1 where something would be.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.busy import is_quiet, words
from bench.registry import BENCHES, PERFORMANCE, Bench
from bench.report import RESULTS, ROOT
from bench.sections import figures_of, files_of, tables_of, with_figures
from bench.sections.markdown import table
from docs.parts import with_part

DOCS = ROOT / "docs"


def pages(results: Path = RESULTS, docs: Path = DOCS) -> dict[Path, str]:
    """Each page that shows results, as it should be.

    Raises ValueError for a page without the two lines of a result, or with these twice.
    """
    made: dict[Path, str] = {}
    for bench in BENCHES:
        text = part(results / f"{bench.result}.json", bench)
        for page in bench.pages:
            path = docs / page
            before = made[path] if path in made else path.read_text()
            try:
                made[path] = with_part(before, f"measured {bench.result}", text)
            except ValueError as error:
                raise ValueError(f"docs/{page}: {error}") from None
    path = docs / PERFORMANCE
    made[path] = with_part(made[path], "overview", overview(results))
    return made


def files(results: Path = RESULTS) -> dict[Path, str]:
    """The result files with their figures, and what is drawn of them beside them."""
    made: dict[Path, str] = {}
    for path in sorted(results.glob("*.json")):
        document = with_figures(read(path))
        made[path] = json.dumps(document, indent=2) + "\n"
        made |= {results / name: text for name, text in files_of(document).items()}
    return made


def part(path: Path, bench: Bench) -> str:
    """What a page shows of a result: where and when it was measured, the bars, the tables."""
    if not path.exists():
        return f'Not measured yet: `make bench ONLY="{bench.name}"`.'
    document = read(path)
    return f"{measured(document)}\n\n{tables_of(document).strip()}"


def overview(results: Path = RESULTS) -> str:
    """A line for each benchmark: its bars, its commit, and how quiet its machine was."""
    rows = []
    for bench in BENCHES:
        page = f"[{bench.pages[0].removesuffix('.md')}]({bench.pages[0]})"
        rows.append([f"`{bench.name}`", bench.doc, page, *_state(results / f"{bench.result}.json")])
    head = ("name", "measures", "page", "bars met", "commit", "machine")
    return table(head, rows, left=len(head)).strip()


def _state(path: Path) -> tuple[str, str, str]:
    """Of a result file its bars, its commit and its machine, for the overview."""
    if not path.exists():
        return "–", "not measured yet", "–"
    document = read(path)
    figures = figures_of(document)
    bars = [figure.met for figure in figures if figure.met is not None]
    met = f"{sum(bars)} of {len(bars)}" if bars else "–"
    steady = all(figure.steady for figure in figures)
    return (
        met if all(bars) else f"**{met}**",
        f"`{(document['commit'] or 'unknown')[:12]}`",
        "any" if steady else _quiet(document.get("busy")),
    )


def _quiet(state: Mapping[str, Any] | None) -> str:
    if not state:
        return "not recorded"
    return "quiet" if is_quiet(state) else "busy"


def measured(document: Mapping[str, Any]) -> str:
    """The commit and machine of a result, how busy that was, how many bars are met."""
    commit = f"`{(document['commit'] or 'unknown')[:12]}`"
    if document.get("changed"):
        commit += " with changes that were not committed"
    when = f", {document['measured_at'][:10]}" if document.get("measured_at") else ""
    figures = figures_of(document)
    bars = [figure.met for figure in figures if figure.met is not None]
    met = f" Bars met: {sum(bars)} of {len(bars)}." if bars else ""
    if all(figure.steady for figure in figures):
        return f"Computed at commit {commit}{when}; the machine does not enter into it.{met}"
    # Before a file had `busy`, some had a load average by one of these names.
    load = document.get("load_average", document.get("load"))
    busy = document.get("busy", {"load_average": load})
    return (
        f"Measured at commit {commit} on {document['cpu']}, {document['cores']} cores, "
        f"{document['platform']}{when}; {words(busy, document['cores'])}.{met}"
    )


def read(path: Path) -> dict[str, Any]:
    """A result file."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def stale_ones() -> dict[Path, str]:
    """What is not as it should be, and what it should say."""
    made = files() | pages()
    return {p: text for p, text in made.items() if not p.exists() or p.read_text() != text}


def write_pages() -> list[Path]:
    """Write what is not as it should be; which that was."""
    stale = stale_ones()
    for path, text in stale.items():
        path.write_text(text)
    return [*stale]


def main() -> int:
    """Write, or with --check say what is not up to date."""
    parser = argparse.ArgumentParser(description="pages from the result files")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where some would be")
    checked = parser.parse_args().check
    stale = [*stale_ones()] if checked else write_pages()
    for path in stale:
        print(f"{'not up to date' if checked else 'written'}: {path.relative_to(ROOT)}")
    return int(checked and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
