"""Tables and chart again from the result file, without simulating again.

    python -m bench.spill.write

Writes ``bench/results/spill.svg`` and the part of ``docs/spill.md`` between its two markers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.report import ROOT
from bench.spill.chart import chart
from bench.spill.experiment import BASE, PRODUCT
from bench.spill.trace import read

RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "spill.md"
BEGIN = "<!-- simulated: made by `make bench`; do not edit below -->"
END = "<!-- simulated: end -->"


def write_page(results: Path = RESULTS, page: Path = PAGE) -> None:
    """Raises FileNotFoundError without a result file, ValueError for a page without markers."""
    document = json.loads((results / "spill.json").read_text())
    (results / "spill.svg").write_text(chart(document, read()))
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no lines {BEGIN!r} and {END!r}")
    page.write_text(f"{before}{begin}\n\n{tables(document)}\n{end}{after}")


def tables(document: Mapping[str, Any]) -> str:
    """The whole generated part, as Markdown."""
    base = [row for row in document["rows"] if row["setting"] == BASE.name]
    others = [row for row in document["rows"] if row["setting"] != BASE.name]
    return "\n".join(
        [
            "![Network and queueing time of each minute](../bench/results/spill.svg)",
            "",
            f"Simulated at commit `{(document['commit'] or 'unknown')[:12]}`; median and range of "
            f"{document['seeds']} seeds over the trace, {document['varied_seeds']} elsewhere.",
            "",
            "### Over the trace",
            "",
            *_over_the_trace(base),
            "",
            "### In other settings",
            "",
            *_elsewhere(others),
            "",
        ]
    )


def _over_the_trace(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield (
        "| policy | p50 | p95 | p99 | longest | p95 in the long burst | away from home "
        "| at 456 ms | queries | episodes |"
    )
    yield f"| --- |{' ---: |' * 9}"
    for row in rows:
        name = _name(row["policy"])
        times = " | ".join(_time(row[column]) for column in ("p50", "p95", "p99", "most", "burst"))
        shares = " | ".join(
            f"{row[column]['median']:.1%}" for column in ("away", "farthest", "asked")
        )
        episodes = f"{row['episodes']['median']:.0f}" if row["policy"] in PRODUCT else "–"
        yield f"| {name} | {times} | {shares} | {episodes} |"


def _elsewhere(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    policies = list(dict.fromkeys(row["policy"] for row in rows))
    document = {(row["setting"], row["policy"]): row for row in rows}
    yield f"| p95 | {' | '.join(policies)} | least | sent on | queries | episodes |"
    yield f"| --- |{' ---: |' * len(policies)} --- |{' ---: |' * 3}"
    for scenario in dict.fromkeys(row["setting"] for row in rows):
        cells = [_time(document[scenario, policy]["p95"]) for policy in policies]
        medians = {policy: document[scenario, policy]["p95"]["median"] for policy in policies}
        lowest = [policy for policy, median in medians.items() if median == min(medians.values())]
        best = " and ".join(_name(name) for name in lowest)
        ours = [document[scenario, policy] for policy in PRODUCT]
        more = " | ".join(
            ", ".join(f"{row[column]['median']:{form}}" for row in ours)
            for column, form in (("away", ".1%"), ("asked", ".0%"), ("episodes", ".0f"))
        )
        yield f"| {scenario} | {' | '.join(cells)} | {best} | {more} |"


def _name(policy: str) -> str:
    return f"**{policy}**" if policy in PRODUCT else policy


def _time(spread: Mapping[str, float]) -> str:
    """The median, and the range where there is one worth telling."""
    middle, lowest, maximum = (
        _seconds(spread[statistic]) for statistic in ("median", "min", "max")
    )
    return middle if lowest == maximum else f"{middle} ({lowest}–{maximum})"


def _seconds(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


if __name__ == "__main__":
    write_page()
