"""Spilling, simulated beside other policies: times of clients, and what they cost in queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.figures import Figure
from bench.spill.chart import chart
from bench.spill.trace import read

# As `bench.spill.experiment` names them, and holds them: ours below all others over the trace,
# and ttft nowhere above nearest or least-loaded.
TRACE, PRODUCT, BY_COST = "the trace", ("spill", "ttft"), "ttft"
SIMPLE = ("nearest", "least-loaded")


def figures(document: Mapping[str, Any]) -> Iterator[Figure]:
    """The p95 of ours in each setting. Seeds decide all of it, so that any change is the code's."""
    rows = {(row["setting"], row["policy"]): row for row in document["rows"]}
    for (setting, policy), row in rows.items():
        if policy not in PRODUCT:
            continue
        p95 = row["p95"]
        yield Figure(
            f"{policy}, {setting}: p95", p95["median"], "s",
            range=(p95["min"], p95["max"]), bar=_bar(rows, setting, policy), steady=True,
        )  # fmt: skip
    for policy in PRODUCT:
        asked = rows[TRACE, policy]["asked"]["median"]
        yield Figure(f"{policy}, {TRACE}: DNS queries, of requests", asked, "share", steady=True)


def files(document: Mapping[str, Any]) -> dict[str, str]:
    """The chart."""
    return {"spill.svg": chart(document, read())}


def _bar(rows: Mapping[Any, Mapping[str, Any]], setting: str, policy: str) -> float | None:
    if policy != BY_COST:
        return None
    return float(min(rows[setting, simple]["p95"]["median"] for simple in SIMPLE))


def tables(document: Mapping[str, Any]) -> str:
    """The whole generated part, as Markdown."""
    base = [row for row in document["rows"] if row["setting"] == TRACE]
    others = [row for row in document["rows"] if row["setting"] != TRACE]
    return "\n".join(
        [
            "![Network and queueing time of each minute](../bench/results/spill.svg)",
            "",
            f"Median and range of {document['seeds']} seeds over the trace, "
            f"{document['varied_seeds']} elsewhere.",
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
