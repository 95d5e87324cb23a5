"""The result file as a chart: CPU per answer as a ratio to the echo, one thread (SVG 1.1).

Colours come from a style sheet with a dark variant, so that the picture suits either page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 870, 192, 150
_ROW, _BAR, _TOP, _GAP = 30, 18, 76, 46
# Bars beyond this are cut, and their label tells the length.
_MOST = 5.0
BAR = 1.10
"""What the native engine is held to."""

_STYLE = """\
  text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 } .group { font-weight: 600 }
  .note, .tick { font-size: 12px; fill: #57606a } .tick { text-anchor: middle }
  .name { text-anchor: end } .ours-name { text-anchor: end; font-weight: 700 }
  .ours { fill: #0969da } .peer { fill: #8c959f } .echo { fill: #c4cad1 }
  .grid { stroke: #d0d7de } .unit { stroke: #57606a } .spread { stroke: #24292f; stroke-width: 1.5 }
  .bar-line { stroke: #cf222e; stroke-dasharray: 4 3; stroke-width: 1.5 }
  .bar-note { fill: #cf222e }
  .paper { fill: #ffffff }
  .label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note, .tick { fill: #9198a1 }
    .ours { fill: #4493f8 } .peer { fill: #767e88 } .echo { fill: #4b535d }
    .grid { stroke: #30363d } .unit { stroke: #9198a1 } .spread { stroke: #e6edf3 }
    .bar-line { stroke: #ff7b72 } .bar-note { fill: #ff7b72 } .paper { fill: #0d1117 }
    .label { stroke: #0d1117 }
  }"""


def chart(results: Mapping[str, Any]) -> str:
    """The SVG, as text."""
    rows = [row for row in results["rows"] if row["threads"] == _fewest(results)]
    groups = [
        ("geo + ECS", "steered by the client subnet of the query, which is random"),
        ("static", "one A record"),
    ]
    parts, at = [], _TOP
    for mode, meaning in groups:
        shown = sorted((r for r in rows if r["mode"] == mode), key=_cost)
        parts += _group(mode, meaning, shown, at)
        at += _GAP + _ROW * len(shown) + 14
    height = at + 34
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title">',
        '<title id="title">CPU per answer of each server, as a ratio to the echo</title>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
        _text(24, 32, "CPU per answer, as a ratio to the echo", "title"),
        _text(24, 53, _subtitle(results), "note"),
    ]
    return "\n".join([*head, *parts, *_axis(at), "</svg>", ""])


def _subtitle(results: Mapping[str, Any]) -> str:
    commit = (results["commit"] or "unknown")[:9]
    return (
        f"One thread on one core, loopback, {results['cpu']}; median and range of "
        f"{results['rounds']} rounds; commit {commit}. Shorter is better."
    )


def _group(mode: str, meaning: str, rows: Sequence[Mapping[str, Any]], top: int) -> list[str]:
    below = top + _GAP + _ROW * len(rows) - 8
    parts = [_text(24, top + 22, mode, "group"), _text(_LEFT, top + 22, meaning, "note")]
    for value in range(1, int(_MOST) + 1):
        kind = "unit" if value == 1 else "grid"
        parts.append(_line(_x(value), top + 34, _x(value), below, kind))
    parts.append(_line(_x(BAR), top + 34, _x(BAR), below, "bar-line"))
    for number, row in enumerate(rows):
        parts += _bar(row, top + _GAP + _ROW * number - 4)
    return parts


def _bar(row: Mapping[str, Any], y: int) -> list[str]:
    name, ratio = row["server"], row["cost_to_echo"]
    ours = name.startswith("resolverd")
    kind = "ours" if ours else "echo" if name == "echo" else "peer"
    middle = y + _BAR / 2
    length = _x(min(ratio["median"], _MOST)) - _LEFT
    parts = [
        _text(_LEFT - 10, middle + 5, name, "ours-name" if ours else "name"),
        f'<rect class="{kind}" data-server="{escape(name)}" x="{_LEFT}" y="{y}" '
        f'width="{length:.1f}" height="{_BAR}" rx="2"/>',
    ]
    end = _x(min(ratio["median"], _MOST))
    if ratio["median"] > _MOST:
        notch = f"M{end - 16:.1f} {y + _BAR + 3} l8 -{_BAR + 6} h5 l-8 {_BAR + 6} z"
        parts.append(f'<path class="paper" d="{notch}"/>')
    elif ratio["max"] <= _MOST:
        parts.append(_line(_x(ratio["min"]), middle, _x(ratio["max"]), middle, "spread"))
        end = max(end, _x(ratio["max"]))
    cost = row["cpu_s_per_million"]["median"]
    label = f"{ratio['median']:.2f} × · {cost:.2f} µs"
    parts.append(_text(max(end, _x(BAR)) + 9, middle + 5, label, "label"))
    return parts


def _axis(y: int) -> list[str]:
    ticks = [_text(_x(n), y + 4, f"{n} ×", "tick") for n in range(int(_MOST) + 1)]
    note = f"dashed: {BAR:.2f} ×, the bar for resolverd native"
    return [*ticks, _text(_LEFT, y + 24, note, "note bar-note")]


def _fewest(results: Mapping[str, Any]) -> int:
    return min(int(row["threads"]) for row in results["rows"])


def _cost(row: Mapping[str, Any]) -> float:
    return float(row["cost_to_echo"]["median"])


def _x(ratio: float) -> float:
    return _LEFT + ratio / _MOST * (_WIDTH - _LEFT - _RIGHT)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
