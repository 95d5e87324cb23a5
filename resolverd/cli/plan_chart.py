"""The picture of `resolverd plan --svg`: how many users are how far from their region."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from resolverd.planner.assignment import Served
from resolverd.planner.budgets import BUDGETS
from resolverd.planner.make import Plan
from resolverd.planner.users import Group

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 760, 380, 60, 40, 50
_LONGEST = 300.0
"""Milliseconds at the right end."""


def chart(groups: Sequence[Group], plan: Plan) -> str:
    """An SVG: the share of users within so many ms, the budgets, and the change in grey beside."""
    parts = [_axes(), *map(_budget, sorted({b.ms for b in BUDGETS if b.ms is not None}))]
    if plan.changed:
        parts.append(_curve(groups, plan.changed.served, "#d95f02", "with the change"))
    parts.append(_curve(groups, plan.now.served, "#1b6ca8", "now"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">'
        '<rect width="100%" height="100%" fill="white"/>' + "".join(parts) + "</svg>\n"
    )


def _x(ms: float) -> float:
    return _LEFT + min(ms, _LONGEST) / _LONGEST * (_WIDTH - _LEFT - 20)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _axes() -> str:
    lines = [
        f'<text x="{_LEFT}" y="22" font-size="14">Users within so many ms of their region</text>'
    ]
    for percent in range(0, 101, 25):
        y = _y(percent / 100)
        lines.append(
            f'<line x1="{_LEFT}" x2="{_x(_LONGEST)}" y1="{y}" y2="{y}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{percent}%</text>'
        )
    lines += [
        f'<text x="{_x(ms)}" y="{_y(0) + 18}" text-anchor="middle">{ms} ms</text>'
        for ms in range(0, int(_LONGEST) + 1, 50)
    ]
    return "".join(lines)


def _budget(ms: float) -> str:
    names = ", ".join(budget.name for budget in BUDGETS if budget.ms == ms)
    return (
        f'<line x1="{_x(ms)}" x2="{_x(ms)}" y1="{_y(1)}" y2="{_y(0)}" stroke="#999" '
        f'stroke-dasharray="4 3"/><text x="{_x(ms) + 4}" y="{_y(0) - 6}" fill="#666">'
        f"{escape(names)}</text>"
    )


def _curve(groups: Sequence[Group], served: Sequence[Served], colour: str, name: str) -> str:
    points, within = [f"{_x(0):.1f},{_y(0):.1f}"], 0.0
    for ms, share in sorted((s.ms, g.share) for g, s in zip(groups, served, strict=True)):
        if ms > _LONGEST:
            break
        points.append(f"{_x(ms):.1f},{_y(within):.1f}")
        within += share
        points.append(f"{_x(ms):.1f},{_y(within):.1f}")
    points.append(f"{_x(_LONGEST):.1f},{_y(within):.1f}")
    return (
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(points)}"/>'
        f'<text x="{_x(_LONGEST)}" y="{_y(within) - 6}" text-anchor="end" fill="{colour}">'
        f"{escape(name)}</text>"
    )
