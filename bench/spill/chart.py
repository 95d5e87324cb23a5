"""The first run as a chart: what comes, what is sent on, and what requests wait (SVG 1.1).

Colours come from a style sheet with a dark variant, so that the picture suits either page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 870, 70, 190
_TOP, _LOAD, _GAP, _TIMES = 82, 120, 56, 250
# The axis of times, in seconds; a decade is as high everywhere.
_LEAST, _MOST = 0.02, 300.0
_STEP_PER_MINUTE = 6
_DRAWN = {"nearest": "nearest", "least-loaded": "least", "spill": "ours"}

_STYLE = """\
  text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 } .group { font-weight: 600 }
  .note, .tick, .tick-y { font-size: 12px; fill: #57606a } .tick-y { text-anchor: end }
  .tick { text-anchor: middle } .full-note { font-size: 12px }
  .ours-name { font-weight: 700; fill: #0969da }
  .nearest-name { fill: #8c959f } .least-name { fill: #bc4c00 }
  path { fill: none; stroke-width: 2 } .ours { stroke: #0969da; stroke-width: 2.5 }
  .nearest { stroke: #8c959f } .least { stroke: #bc4c00 } .demand { stroke: #57606a }
  .moved { fill: #0969da; fill-opacity: 0.25; stroke: none } .grid { stroke: #d0d7de }
  .full { stroke: #cf222e; stroke-dasharray: 4 3; stroke-width: 1.5 } .full-note { fill: #cf222e }
  .paper { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note, .tick, .tick-y { fill: #9198a1 }
    .ours { stroke: #4493f8 } .ours-name { fill: #4493f8 } .moved { fill: #4493f8 }
    .nearest { stroke: #767e88 } .nearest-name { fill: #9198a1 } .least { stroke: #f0883e }
    .least-name { fill: #f0883e } .demand { stroke: #9198a1 } .grid { stroke: #30363d }
    .full { stroke: #ff7b72 } .full-note { fill: #ff7b72 } .paper { fill: #0d1117 }
  }"""


def chart(results: Mapping[str, Any], rates: Sequence[Sequence[float]]) -> str:
    """The SVG, as text; `rates` is the trace."""
    height = _TOP + _LOAD + _GAP + _TIMES + 52
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title">',
        '<title id="title">Network and queueing time of each minute, by policy</title>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
        _text(24, 32, "A burst at one of three regions, and what requests wait", "title"),
        _text(24, 53, _subtitle(results), "note"),
    ]
    minutes = len(rates) // _STEP_PER_MINUTE
    below = _TOP + _LOAD + _GAP
    return "\n".join(
        [
            *head,
            *_loads(results, rates, minutes),
            *_times(results, minutes, below),
            *_axis(minutes, below + _TIMES),
            "</svg>",
            "",
        ]
    )


def _subtitle(results: Mapping[str, Any]) -> str:
    commit = (results["commit"] or "unknown")[:9]
    seeds, ttl = results["seeds"], results["ttl"]
    return f"Simulated, first of {seeds} seeds; TTL {ttl:.0f} s; commit {commit}."


def _loads(results: Mapping[str, Any], rates: Sequence[Sequence[float]], minutes: int) -> list[str]:
    """The nearest region's own clients, and the share of them that others serve."""
    largest = 1.5
    floor = _TOP + _LOAD

    def y(part: float) -> float:
        return floor - part / largest * _LOAD

    demand = [
        math.fsum(row[0] for row in rates[m * _STEP_PER_MINUTE : (m + 1) * _STEP_PER_MINUTE])
        / _STEP_PER_MINUTE
        for m in range(minutes)
    ]
    moved = [
        share * part
        for share, part in zip(results["by_minute"]["spill"]["moved"], demand, strict=False)
    ]
    area = f"M{_x(0, minutes):.1f} {floor} " + _line_to(moved, minutes, y)
    last = _x(len(moved) - 1, minutes)
    return [
        _text(24, _TOP - 8, "Requests of the clients near it ÷ what the region can bear", "group"),
        *(_text(_LEFT - 8, y(part) + 4, f"{part:g}", "tick-y") for part in (0, 0.5, 1)),
        f'<path class="moved" d="{area} L{last:.1f} {floor} z"/>',
        f'<path class="demand" d="M{_line_to(demand, minutes, y)[1:]}"/>',
        _rule(y(1), "full"),
        _text(_WIDTH - _RIGHT + 12, y(1) + 4, "all that it can bear", "full-note"),
        _text(_WIDTH - _RIGHT + 12, y(0) - 6, "of these, sent on by spill", "note"),
    ]


def _times(results: Mapping[str, Any], minutes: int, top: int) -> list[str]:
    def y(seconds: float) -> float:
        decades = math.log10(_MOST / _LEAST)
        return top + _TIMES * (1 - math.log10(max(seconds, _LEAST) / _LEAST) / decades)

    parts = [
        _text(24, top - 12, "p95 of network and queue, all requests of each minute", "group"),
        *(
            mark
            for seconds, label in ((0.1, "100 ms"), (1, "1 s"), (10, "10 s"), (100, "100 s"))
            for mark in (
                _rule(y(seconds), "grid"),
                _text(_LEFT - 8, y(seconds) + 4, label, "tick-y"),
            )
        ),
    ]
    names = []
    for policy, kind in _DRAWN.items():
        values = results["by_minute"][policy]["p95"]
        parts.append(
            f'<path class="{kind}" data-policy="{escape(policy)}" '
            f'd="M{_line_to(values, minutes, y)[1:]}"/>'
        )
        whole = next(r for r in results["rows"] if r["policy"] == policy)["p95"]["median"]
        names.append((y(values[-1]), f"{policy}: {_seconds(whole)}", kind))
    parts.append(_text(_WIDTH - _RIGHT + 12, top + 8, "p95 over the whole trace:", "note"))
    at = top + 30.0
    for _, label, kind in sorted(names):
        parts.append(_text(_WIDTH - _RIGHT + 12, at, label, f"{kind}-name"))
        at += 20
    return parts


def _axis(minutes: int, y: float) -> list[str]:
    ticks = [_text(_x(m, minutes), y + 20, str(m), "tick") for m in range(0, minutes + 1, 15)]
    return [_rule(y, "grid"), *ticks, _text(_x(minutes, minutes) + 12, y + 20, "minutes", "note")]


def _line_to(values: Sequence[float], minutes: int, y: Any) -> str:
    return " ".join(f"L{_x(m, minutes):.1f} {y(value):.1f}" for m, value in enumerate(values))


def _x(minute: float, minutes: int) -> float:
    return _LEFT + minute / minutes * (_WIDTH - _LEFT - _RIGHT)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.0f} s"


def _rule(y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
