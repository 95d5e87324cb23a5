"""Policy `latency` beside `nearest`: what maps and answers cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside
from bench.sections.markdown import number, table

PEER = "nearest"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Ratios of answers by turns, of the maps' octets and of the CPU that compiled them."""
    for row in results["answers"]:
        ns = row["nanoseconds"]["latency"]["median"]
        ratio = {**row["ratio"], "middle_half": row["middle_half"]}
        yield beside(f"{row['clients']}, {row['how']}: an answer", ns, "ns", PEER, ratio)
    octets = results["latency_bytes"]
    yield beside("the map's memory", octets, "octets", PEER, results["memory_ratio"])
    for which, name in (("latency", "the map's compilation"), ("again", "its compilation anew")):
        seconds = results[f"{which}_cpu_seconds"]
        ratio = round(seconds / results["nearest_cpu_seconds"], 3)
        yield beside(f"{name}, CPU", seconds, "s", PEER, ratio)


def tables(results: Mapping[str, Any]) -> str:
    """What was compiled, in a sentence; a line for each kind of answer."""
    head = ("clients", "asked", "`nearest` ns", "`latency` ns", "ratio")
    rows = [
        (
            row["clients"],
            row["how"],
            *(number(row["nanoseconds"][policy]["median"]) for policy in ("nearest", "latency")),
            f"{row['ratio']['median']:.3f} "
            f"({row['middle_half'][0]:.3f}–{row['middle_half'][1]:.3f})",
        )
        for row in results["answers"]
    ]
    return f"{table(head, rows)}\n{_compiled(results)}\n"


def _compiled(results: Mapping[str, Any]) -> str:
    seconds = {name: results[f"{name}_seconds"] for name in ("nearest", "latency", "again")}
    megabytes = [results[f"{name}_bytes"] / 1e6 for name in ("nearest", "latency")]
    return (
        f"Of {sum(results['networks']) / 1e6:.1f} million networks, {results['regions']} regions "
        f"and {results['prefixes']:,} measured prefixes the map of `nearest` "
        f"({results['nearest_map_prefixes'] / 1e6:.1f} million prefixes, {megabytes[0]:.0f} MB) "
        f"compiles in {seconds['nearest']:.1f} s, that of `latency` "
        f"({results['latency_map_prefixes'] / 1e6:.1f} million, {megabytes[1]:.0f} MB) in "
        f"{seconds['latency']:.1f}, or {seconds['again']:.1f} after an earlier one. The ratios "
        f"are medians of {results['turns']} turns and their middle half."
    )
