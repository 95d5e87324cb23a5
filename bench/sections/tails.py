"""The latest answers beside gdnsd: quantiles of latency, and their ratios over the rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, Range
from bench.sections.bars import rounds_of
from bench.sections.markdown import ratio, strong, table

OURS, PEER = "resolverd native", "gdnsd"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """A quantile of ours in each state of things, to gdnsd's of the same round."""
    rows = {(row["threads"], row["server"], row["meanwhile"]): row for row in results["rows"]}
    for bar in results["bars"]:
        threads, meanwhile, quantile = bar["threads"], bar["meanwhile"], bar["quantile"]
        ours, theirs = rows[threads, OURS, meanwhile], rows[threads, PEER, "nothing"]
        name = f"{quantile}, {threads} thread{'s' * (threads > 1)}"
        yield Figure(
            name if meanwhile == "nothing" else f"{name}, {meanwhile}",
            ours[quantile],
            "µs",
            beside=PEER,
            ratio=bar["ratio"],
            range=rounds_of(bar) or _rounds(ours, theirs, quantile),
            bar=bar["bar"],
        )


def _rounds(ours: Mapping[str, Any], theirs: Mapping[str, Any], quantile: str) -> Range | None:
    """The least and the most ratio within a round, of a file that has each round."""
    if "all" not in ours:
        return None
    pairs = zip(ours["all"][quantile], theirs["all"][quantile], strict=True)
    each = [round(own / peer, 2) for own, peer in pairs]
    return min(each), max(each)


def tables(results: Mapping[str, Any]) -> str:
    """A line for each server and state of things, with what each ratio is held to."""
    quantiles = [*dict.fromkeys(bar["quantile"] for bar in results["bars"])]
    bars = {(b["threads"], b["meanwhile"], b["quantile"]): b for b in results["bars"]}
    tells_lost = any("lost" in row for row in results["rows"])
    head = ["server", "meanwhile", "threads", *(["lost"] if tells_lost else [])]
    head += [f"{q} µs" for q in quantiles] + [f"{q} ÷ {PEER}" for q in quantiles]
    return table(head, [_row(row, quantiles, bars, tells_lost) for row in results["rows"]])


def _row(
    row: Mapping[str, Any], quantiles: list[str], bars: Mapping[Any, Any], tells_lost: bool
) -> list[str]:
    found = [bars.get((row["threads"], row["meanwhile"], quantile)) for quantile in quantiles]
    return [
        strong(row["server"]),
        "–" if row["meanwhile"] == "nothing" else row["meanwhile"],
        str(row["threads"]),
        *([f"{row['lost']:.2%}"] if tells_lost else []),
        *(f"{row[quantile]:,.0f}" for quantile in quantiles),
        *(_held(bar) if row["server"] == OURS and bar else "–" for bar in found),
    ]


def _held(bar: Mapping[str, Any]) -> str:
    if bar["ratio"] <= bar["bar"]:
        return f"{ratio(bar['ratio'])}, ≤ {ratio(bar['bar'])}"
    return f"**{ratio(bar['ratio'])}**, not ≤ {ratio(bar['bar'])}"
