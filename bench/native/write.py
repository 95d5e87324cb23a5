"""Tables and chart again from the result file, without measuring again.

    python -m bench.native.write

Writes ``bench/results/native.md`` and ``.svg``, and the part of ``docs/performance.md`` between
its two markers.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.native.chart import chart
from bench.native.tables import tables
from bench.report import ROOT

RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- measured: made by `make bench`; do not edit below -->"
END = "<!-- measured: end -->"


def write_all(results: Path = RESULTS, page: Path = PAGE) -> None:
    """Raises FileNotFoundError without a result file, ValueError for a page without markers."""
    document = json.loads((results / "native.json").read_text())
    text = tables(document)
    (results / "native.svg").write_text(chart(document))
    (results / "native.md").write_text(text)
    page.write_text(embed(page.read_text(), text))


def embed(page: str, text: str) -> str:
    """`page` with the chart and `text` between the markers. Raises ValueError without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no lines {BEGIN!r} and {END!r}")
    picture = (
        "![CPU per answer of each server, as a ratio to the echo](../bench/results/native.svg)"
    )
    return f"{before}{begin}\n\n{picture}\n\n{text}\n{end}{after}"


if __name__ == "__main__":
    write_all()
