"""A daemon that probes many endpoints: its CPU, and how soon it says what they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside
from bench.health.bars import BARS
from bench.sections.markdown import number, of_figures, strong, table

OURS, PEER = "resolverd", "gdnsd"
# What there must be none of.
WRONG = {
    "healthy_failed": "endpoints that serve and were said to fail",
    "unseen": "deaths that no answer showed",
    "early": "answers that moved before the schedule allows",
}
# Most cores of 1,000 endpoints, by kind, and most milliseconds of delay at p99.
CORES = {bar.kind: bar.most["cores"] for bar in BARS.values() if "cores" in bar.most}
DELAY_MS = BARS["http"].most["delay_ms_p99"]


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Cores, CPU of a probe (to gdnsd's where it was beside) and delays."""
    asked, ours = results["settings"], results["servers"][OURS]
    of = f"{asked['endpoints']:,} `{asked['kind']}` endpoints at {asked['interval']:g} s"
    bar = CORES.get(asked["kind"]) if asked["endpoints"] == 1000 else None
    yield Figure(f"{of}: CPU of the daemon", ours["cores"], "core", bar=bar)
    theirs, per_probe = results["servers"].get(PEER), ours["microseconds_per_request"]
    if theirs:
        ratio = round(per_probe / theirs["microseconds_per_request"], 3)
        yield beside(f"{of}: CPU of a probe", per_probe, "µs", PEER, ratio)
    else:
        yield Figure(f"{of}: CPU of a probe", per_probe, "µs")
    for key, what in WRONG.items():
        if key in ours:
            yield Figure(f"{of}: {what}", ours[key], "", bar=0)
    if "delay_ms_p99" in ours:
        yield Figure(f"{of}: delay, median", ours["delay_ms_p50"], "ms")
        bar = DELAY_MS if asked["kind"] == "http" else None
        yield Figure(f"{of}: delay, p99", ours["delay_ms_p99"], "ms", bar=bar)


def tables(results: Mapping[str, Any]) -> str:
    """A line for each server where there are several; the figures."""
    text = of_figures([*figures(results)])
    if len(results["servers"]) < 2:
        return text
    head = ("server", "cores", "requests/s", "µs a probe", "delay p50 ms", "p99 ms")
    keys = (
        *("cores", "requests_per_second", "microseconds_per_request"),
        *("delay_ms_p50", "delay_ms_p99"),
    )
    rows = [
        (strong(name), *(number(row[key]) if key in row else "–" for key in keys))
        for name, row in results["servers"].items()
    ]
    return f"{text}\n{table(head, rows, left=1)}"
