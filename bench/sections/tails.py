"""The latest answers beside gdnsd: quantiles of latency, and their ratios over the rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench.figures import Figure, Range
from bench.sections.bars import rounds_of
from bench.sections.markdown import ratio, strong, table

OURS, PEER = "resolverd native", "gdnsd"
_MIDDLE = "of the middle turn"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """A quantile of ours in each state of things, to gdnsd's of the same round."""
    rows = {(row["threads"], row["server"], row["meanwhile"]): row for row in results["rows"]}
    for bar in results["bars"]:
        threads, meanwhile, quantile = bar["threads"], bar["meanwhile"], bar["quantile"]
        ours, theirs = rows[threads, OURS, meanwhile], rows[threads, PEER, "nothing"]
        name = f"{quantile}, {threads} thread{'s' * (threads > 1)}"
        if meanwhile != "nothing":
            name += f", both {meanwhile}" if _is_alike(bar) else f", {meanwhile}"
        yield Figure(
            name,
            ours[quantile],
            "µs",
            beside=PEER,
            ratio=bar["ratio"],
            range=rounds_of(bar) or _rounds(ours, theirs, quantile),
            bar=bar["bar"],
        )
        if "seen" in bar:
            seen = ours[f"{quantile} seen"]
            more = {"beside": PEER, "ratio": bar["seen"], "bar": bar["bar"]}
            yield Figure(f"{name}, as the generator saw it", seen, "µs", **more)
        if "middle turn" in bar:
            middle = ours[f"{quantile} {_MIDDLE}"]
            more = {"beside": PEER, "ratio": bar["middle turn"]}
            yield Figure(f"{name}, {_MIDDLE}", middle, "µs", **more)


def _rounds(ours: Mapping[str, Any], theirs: Mapping[str, Any], quantile: str) -> Range | None:
    """The least and the most ratio within a round, of a file that has each round."""
    if "all" not in ours:
        return None
    pairs = zip(ours["all"][quantile], theirs["all"][quantile], strict=True)
    each = [round(own / peer, 2) for own, peer in pairs]
    return min(each), max(each)


def tables(results: Mapping[str, Any]) -> str:
    """A line for each server and state of things, with what each ratio is held to; then, where a
    run has them, the same of the middle turn."""
    rows, quantiles = results["rows"], _quantiles(results)
    lost = ["lost"] if any("lost" in row for row in rows) else []
    seen = any(f"{quantile} seen" in row for row in rows for quantile in quantiles)
    both = _table(
        results,
        [*lost, *(f"{quantile} µs{' (as seen)' * seen}" for quantile in quantiles)],
        lambda row: [
            *(f"{row[key]:.2%}" for key in lost),
            *(_microseconds(row, quantile) for quantile in quantiles),
        ],
        _held,
    )
    middle = [f"{quantile} {_MIDDLE}" for quantile in quantiles]
    if any(key in row for row in rows for key in middle):
        both += "\n" + _table(
            results,
            [f"{quantile} µs {_MIDDLE}" for quantile in quantiles],
            lambda row: [f"{row[key]:,.0f}" for key in middle],
            lambda bar: ratio(bar["middle turn"]),
        )
    return both


def _table(
    results: Mapping[str, Any],
    columns: Sequence[str],
    cells: Callable[[Mapping[str, Any]], list[str]],
    said: Callable[[Mapping[str, Any]], str],
) -> str:
    """Each row with `cells` below these `columns`, and with what is `said` of each bar of ours."""
    bars = {(b["threads"], b["meanwhile"], b["quantile"], _is_alike(b)): b for b in results["bars"]}
    # Beside gdnsd's quiet tail, and, where a run has it, beside gdnsd's at the same work.
    sides = sorted({alike for *_, alike in bars})
    besides = [(quantile, alike) for alike in sides for quantile in _quantiles(results)]
    ratios = [f"{quantile} ÷ {PEER}{' at the same' * alike}" for quantile, alike in besides]
    lines = []
    for row in results["rows"]:
        threads, meanwhile = row["threads"], row["meanwhile"]
        told = [strong(row["server"]), "–" if meanwhile == "nothing" else meanwhile, str(threads)]
        found = [bars.get((threads, meanwhile, *beside)) for beside in besides]
        held = [said(bar) if row["server"] == OURS and bar else "–" for bar in found]
        lines.append([*told, *cells(row), *held])
    return table(["server", "meanwhile", "threads", *columns, *ratios], lines)


def _quantiles(results: Mapping[str, Any]) -> list[str]:
    return [*dict.fromkeys(bar["quantile"] for bar in results["bars"])]


def _is_alike(bar: Mapping[str, Any]) -> bool:
    """Whether gdnsd did meanwhile what ours did, and was not quiet."""
    return bool(bar.get("gdnsd meanwhile", "nothing") != "nothing")


def _microseconds(row: Mapping[str, Any], quantile: str) -> str:
    """A quantile; in brackets as the generator saw it, its own delays with it."""
    seen = row.get(f"{quantile} seen")
    return f"{row[quantile]:,.0f}" + (f" ({seen:,.0f})" if seen is not None else "")


def _held(bar: Mapping[str, Any]) -> str:
    """A ratio; in brackets as the generator saw it. The bar is for both.

    One that is over it, but might be under it by chance, is said to be neither.
    """
    most = f"≤ {ratio(bar['bar'])}"
    told = " ".join([ratio(bar["ratio"]), *([f"({ratio(bar['seen'])})"] if "seen" in bar else [])])
    if max(bar["ratio"], bar.get("seen", 0.0)) <= bar["bar"]:
        return f"{told}, {most}"
    low, high = rounds_of(bar) or (bar["ratio"], bar["ratio"])
    if low <= bar["bar"] < high:
        return f"**{told}**, {most} or not (by chance {low:.2f}–{high:.2f})"
    return f"**{told}**, not {most}"
