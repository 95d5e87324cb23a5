"""Every server beside the others: CPU of an answer, latency, start-up, sizes, changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.figures import Figure, beside, spread_of
from bench.native.chart import BAR, chart
from bench.sections.markdown import strong, table

NATIVE, PEER = "resolverd native", "gdnsd"
PICTURE = "![CPU per answer of each server, as a ratio to the echo](../bench/results/native.svg)"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Of our engines; peers are what they are beside."""
    rows = {(row["server"], row["mode"], row["threads"]): row for row in results["rows"]}
    for (server, mode, threads), row in rows.items():
        if not server.startswith("resolverd"):
            continue
        where = f"{server}, {mode}, {threads} thread{'s' * (threads > 1)}"
        bar = BAR if server == NATIVE else None
        cost = row["cpu_s_per_million"]["median"]
        yield beside(
            f"{where}: CPU of an answer", cost, "µs", "the echo", row["cost_to_echo"], bar=bar
        )
        if row["cost_to_best_peer"] is not None:
            rounds = row.get("cost_to_best_peer_rounds")
            yield Figure(
                f"{where}: CPU",
                *(cost, "µs"),
                beside="the best peer",
                ratio=row["cost_to_best_peer"],
                range=(rounds[0], rounds[1]) if rounds else None,
            )
        peer = rows.get((PEER, mode, threads))
        if peer and server == NATIVE:
            ours, theirs = row["half_load"]["p99"], peer["half_load"]["p99"]
            yield beside(f"{where}: p99 at half load", ours, "µs", PEER, round(ours / theirs, 3))
    yield from _of_hosts(results["servers"])
    for row in results["sizes"]:
        if row["cost_to_base"]["max"] != 1.0:
            name, cost = f"{row['server']}, {row['size']}", row["cpu_s_per_million"]["median"]
            yield beside(f"{name}: CPU", cost, "µs", "the smallest size", row["cost_to_base"])
    for row in results["while_serving"]:
        name = f"{row['server']}, {row['size']}"
        wire, reload = spread_of(row["override"]["to_wire_ms"]), spread_of(row["reload"]["seconds"])
        yield Figure(f"{name}: override to wire", wire[0], "ms", range=wire[1])
        yield Figure(f"{name}: reload", reload[0], "s", range=reload[1])


def files(results: Mapping[str, Any]) -> dict[str, str]:
    """The chart."""
    return {"native.svg": chart(results)}


def _of_hosts(hosts: Mapping[str, Mapping[str, Any]]) -> Iterator[Figure]:
    if NATIVE not in hosts or PEER not in hosts:
        return
    ours, theirs = hosts[NATIVE], hosts[PEER]
    for what, key, unit in (("start-up", "start_s", "s"), ("memory", "resident_mib", "MiB")):
        ratio = round(ours[key] / theirs[key], 3)
        yield beside(f"{NATIVE}: {what}", ours[key], unit, PEER, ratio)


def tables(results: Mapping[str, Any]) -> str:
    """The chart and all tables, with a line of how they came to be before them."""
    parts = [f"{PICTURE}\n", _rounds(results), *_sides(results), _hosts(results)]
    if results["sizes"]:
        parts.append(_sizes(results["sizes"]))
    if results["while_serving"]:
        parts.append(_changes(results["while_serving"]))
    if results["absent"]:
        lines = [f"- {name}: {why.splitlines()[0]}" for name, why in results["absent"].items()]
        parts.append("Not measured:\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _rounds(results: Mapping[str, Any]) -> str:
    first, last = _drift(results, "first"), _drift(results, "last")
    busy = max(
        row["generator_busy"]["median"] for row in results["rows"] if row["server"] == "echo"
    )
    return (
        f"{results['rounds']} rounds of {results['seconds']:g} s each, "
        f"{results['took_s'] / 60:.0f} minutes in all. The echo cost {first:.2f} µs at the start "
        f"of a round and {last:.2f} at its end. The generator alone sends "
        f"{results['generator']['queries_per_s']:,} queries a second; beside the echo it had work "
        f"for {busy:.0%} of the time.\n"
    )


def _drift(results: Mapping[str, Any], which: str) -> float:
    values: list[float] = sorted(next(iter(results["drift"].values()))[which])
    return values[len(values) // 2]


def _sides(results: Mapping[str, Any]) -> list[str]:
    parts = []
    for threads in sorted({row["threads"] for row in results["rows"]}):
        head = (
            *("server", "asked", "CPU-s per million", "÷ echo", "÷ best peer"),
            *("answers/s", "÷ echo", "lost", "wrong", "p50 µs", "p99 µs"),
        )
        rows = [
            (
                strong(row["server"]),
                row["mode"],
                _spread(row["cpu_s_per_million"]),
                _spread(row["cost_to_echo"]),
                _ratio(row),
                _thousands(row["answers_per_s"]),
                f"{row['rate_to_echo']['median']:.2f}",
                f"{row['lost']:,}",
                f"{row['wrong']:,}",
                f"{row['half_load']['p50']:,.0f}",
                f"{row['half_load']['p99']:,.0f}",
            )
            for row in sorted(results["rows"], key=_by_mode_and_cost)
            if row["threads"] == threads
        ]
        title = "One thread" if threads == 1 else f"{threads} threads"
        parts.append(f"### {title}\n\n{table(head, rows)}")
    return parts


def _by_mode_and_cost(row: Mapping[str, Any]) -> tuple[bool, float]:
    return row["mode"] == "static", row["cpu_s_per_million"]["median"]


def _hosts(results: Mapping[str, Any]) -> str:
    head = ("server", "version", "start-up s", "reload s", "resident MiB", "same region")
    rows = [
        (
            strong(name),
            host["version"] or "–",
            f"{host['start_s']:.2f}",
            "–" if host["reload_s"] is None else f"{host['reload_s']:.3f}",
            f"{host['resident_mib']:,.0f}",
            "–" if host["same_answers"] is None else f"{host['same_answers']:.1%}",
        )
        for name, host in results["servers"].items()
    ]
    return f"### Start-up, reload and memory\n\n{table(head, rows)}"


def _sizes(sizes: Sequence[Mapping[str, Any]]) -> str:
    head = (
        *("server", "size", "CPU-s per million", "÷ first line", "answering ÷ echo"),
        *("lost", "wrong", "start-up s", "resident MiB"),
    )
    rows = [
        (
            strong(row["server"]),
            row["size"],
            _spread(row["cpu_s_per_million"]),
            _spread(row["cost_to_base"]),
            _spread(row["answering_to_echo"]),
            f"{row['lost']:,}",
            f"{row['wrong']:,}",
            f"{row['start_s']:.2f}",
            f"{row['resident_mib']:,.0f}",
        )
        for row in sizes
    ]
    return f"### Size\n\n{table(head, rows)}"


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    head = (
        *("server", "size", "queries/s meanwhile", "override to wire ms", "lost"),
        *("reload s", "lost", "p99 µs meanwhile"),
    )
    rows = [
        (
            strong(row["server"]),
            row["size"],
            f"{row['override']['rate']:,}",
            _spread(row["override"]["to_wire_ms"]),
            f"{row['override']['lost']:,} of {row['override']['sent']:,}",
            _spread(row["reload"]["seconds"], 3),
            f"{row['reload']['lost']:,} of {row['reload']['sent']:,}",
            f"{row['reload']['p99_us']:,.0f}",
        )
        for row in changes
    ]
    return f"### Changes while serving\n\n{table(head, rows)}"


def _spread(value: Mapping[str, float], digits: int = 2) -> str:
    minimum, middle, maximum = (f"{value[key]:,.{digits}f}" for key in ("min", "median", "max"))
    return f"{middle} ({minimum}–{maximum})"


def _thousands(value: Mapping[str, float]) -> str:
    minimum, middle, maximum = (f"{value[key] / 1e3:,.0f}" for key in ("min", "median", "max"))
    return f"{middle} k ({minimum}–{maximum})"


def _ratio(row: Mapping[str, Any]) -> str:
    ratio = row["cost_to_best_peer"]
    return "–" if ratio is None or row["server"] == "echo" else f"{ratio:.2f}"
