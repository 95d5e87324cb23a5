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


def _rounds(ours: Mapping[str, Any], theirs: Mapping[str, Any], quantile: str) -> Range | None:
    """The least and the most ratio within a round, of a file that has each round."""
    if "all" not in ours:
        return None
    pairs = zip(ours["all"][quantile], theirs["all"][quantile], strict=True)
    each = [round(own / peer, 2) for own, peer in pairs]
    return min(each), max(each)


def tables(results: Mapping[str, Any]) -> str:
    """A line for each server and state of things, with what each ratio is held to."""
    bars = {(b["threads"], b["meanwhile"], b["quantile"], _is_alike(b)): b for b in results["bars"]}
    quantiles = [*dict.fromkeys(quantile for _, _, quantile, _ in bars)]
    # Beside gdnsd's quiet tail, and, where a run has it, beside gdnsd's at the same work.
    besides = [(q, alike) for alike in sorted({key[-1] for key in bars}) for q in quantiles]
    tells_lost = any("lost" in row for row in results["rows"])
    head = ["server", "meanwhile", "threads", *(["lost"] if tells_lost else [])]
    tells_seen = any(f"{quantile} seen" in row for row in results["rows"] for quantile in quantiles)
    head += [f"{q} µs{' (as seen)' * tells_seen}" for q in quantiles]
    head += [f"{q} ÷ {PEER}{' at the same' * alike}" for q, alike in besides]
    lines = []
    for row in results["rows"]:
        threads, meanwhile = row["threads"], row["meanwhile"]
        found = [bars.get((threads, meanwhile, *beside)) for beside in besides]
        lines.append(
            [
                strong(row["server"]),
                "–" if meanwhile == "nothing" else meanwhile,
                str(threads),
                *([f"{row['lost']:.2%}"] if tells_lost else []),
                *(_microseconds(row, quantile) for quantile in quantiles),
                *(_held(bar) if row["server"] == OURS and bar else "–" for bar in found),
            ]
        )
    return table(head, lines)


def _is_alike(bar: Mapping[str, Any]) -> bool:
    """Whether gdnsd did meanwhile what ours did, and was not quiet."""
    return bool(bar.get("gdnsd meanwhile", "nothing") != "nothing")


def _microseconds(row: Mapping[str, Any], quantile: str) -> str:
    """A quantile; in brackets as the generator saw it, its own delays with it."""
    seen = row.get(f"{quantile} seen")
    return f"{row[quantile]:,.0f}" + (f" ({seen:,.0f})" if seen is not None else "")


def _held(bar: Mapping[str, Any]) -> str:
    """A ratio; in brackets as the generator saw it. The bar is for both."""
    most = f"≤ {ratio(bar['bar'])}"
    told = [ratio(bar["ratio"]), *([f"({ratio(bar['seen'])})"] if "seen" in bar else [])]
    if max(bar["ratio"], bar.get("seen", 0.0)) <= bar["bar"]:
        return f"{' '.join(told)}, {most}"
    return f"**{' '.join(told)}**, not {most}"
