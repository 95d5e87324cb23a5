"""The picture of `resolverd plan --svg`: how many users are how far away, and by region."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from xml.sax.saxutils import escape

from resolverd.cli.plan_asked import Asked
from resolverd.cli.plan_pages import percent, usd
from resolverd.cli.plan_regions import STEPS, RegionRow, rows_of
from resolverd.cli.rows import shown, width_of
from resolverd.planner.assignment import Served
from resolverd.planner.budgets import BUDGETS
from resolverd.planner.cost import HOURS_PER_MONTH
from resolverd.planner.make import Plan
from resolverd.planner.users import Group

REGIONS = 20
"""How many regions are drawn, those with most users."""

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 380, 60, 40, 60, 40
_LONGEST = 300.0
"""Milliseconds at the right end."""

_NOW, _CHANGE = "#1b6ca8", "#d95f02"
_BANDS = ("#1b6ca8", "#74add1", "#fdae61", "#d73027")
"""Colours of bands of the round trip, which those who see no red or no green can tell apart too."""

_ROW, _NAME, _BARS = 20, 150, 360
"""Pixels: the height of a region's row, where its bar begins, and how long the longest is."""


def chart(asked: Asked, groups: Sequence[Group], plan: Plan) -> str:
    """An SVG: the share of users within so many ms, the budgets, and each region's users.

    With the change beside, where one is tried.
    """
    parts = [_axes(), *map(_budget, STEPS)]
    if plan.changed:
        parts.append(_curve(groups, plan.changed.served, _CHANGE))
        parts.append(_legend(asked.change))
    parts.append(_curve(groups, plan.now.served, _NOW))
    tables = [("Users by region", rows_of(groups, plan.now, REGIONS))]
    if plan.changed:
        tables.append(("With the change", rows_of(groups, plan.changed, REGIONS)))
    longest = max((sum(row.bands) for _, rows in tables for row in rows), default=0.0) or 1.0
    height = float(_HEIGHT)
    for title, rows in tables:
        parts.append(_table(height, title, rows, longest))
        height += (len(rows) + 2.5) * _ROW
    label = escape(f"{asked.service} at {asked.moment}: users by round trip and by region")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{label}</title>'
        '<rect width="100%" height="100%" fill="white"/>' + "".join(parts) + "</svg>\n"
    )


def _legend(change: str) -> str:
    """Below the title, so that no curve is met."""
    return (
        f'<text x="{_LEFT}" y="42" fill="{_NOW}">now</text>'
        f'<text x="{_LEFT + 40}" y="42" fill="{_CHANGE}">{escape(_cut(change, 100))}</text>'
    )


def _table(top: float, title: str, rows: Sequence[RegionRow], longest: float) -> str:
    """Regions below one another: users in bands, their share, and what the region costs."""
    bands = [*(f"within {step:g} ms" for step in STEPS), "beyond"]
    parts = [f'<text x="20" y="{top + 14}" font-size="14">{escape(title)}</text>']
    for number, (name, colour) in enumerate(zip(bands, _BANDS, strict=True)):
        x = _WIDTH - 400 + 100 * number
        parts.append(
            f'<rect x="{x}" y="{top + 5}" width="10" height="10" fill="{colour}"/>'
            f'<text x="{x + 14}" y="{top + 14}" font-size="11">{name}</text>'
        )
    for number, row in enumerate(rows):
        parts.append(_region(top + (number + 1.2) * _ROW, row, longest))
    return "".join(parts)


def _region(y: float, row: RegionRow, longest: float) -> str:
    name = escape(_cut(row.name, 18))
    parts = [f'<text x="{_NAME - 8}" y="{y + 14}" text-anchor="end">{name}</text>']
    ends = [0.0, *accumulate(row.bands)]
    for start, part, colour in zip(ends, row.bands, _BANDS, strict=False):
        if part:
            x, width = _NAME + start / longest * _BARS, part / longest * _BARS
            parts.append(
                f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="14" fill="{colour}"/>'
            )
    cost = f"{usd(row.usd)} USD a month ({HOURS_PER_MONTH:.0f} h)" if row.usd else ""
    parts.append(
        f'<text x="{_NAME + _BARS + 60}" y="{y + 14}" text-anchor="end">'
        f'{percent(ends[-1])}</text><text x="{_WIDTH - 10}" y="{y + 14}" '
        f'text-anchor="end">{cost}</text>'
    )
    return "".join(parts)


def _cut(text: str, width: int) -> str:
    """A text of at most so many columns, without what XML cannot have."""
    text = shown(text)
    while width_of(text) > width:
        text = text[:-2] + "…"
    return text


def _x(ms: float) -> float:
    return _LEFT + min(ms, _LONGEST) / _LONGEST * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _axes() -> str:
    lines = [
        f'<text x="{_LEFT}" y="22" font-size="14">Users within so many ms of their region</text>'
    ]
    for part in range(0, 101, 25):
        y = _y(part / 100)
        lines.append(
            f'<line x1="{_LEFT}" x2="{_x(_LONGEST)}" y1="{y}" y2="{y}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{part}%</text>'
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


def _curve(groups: Sequence[Group], served: Sequence[Served], colour: str) -> str:
    points, within = [f"{_x(0):.1f},{_y(0):.1f}"], 0.0
    for ms, share in sorted((s.ms, g.share) for g, s in zip(groups, served, strict=True)):
        if ms > _LONGEST:
            break
        points.append(f"{_x(ms):.1f},{_y(within):.1f}")
        within += share
        points.append(f"{_x(ms):.1f},{_y(within):.1f}")
    points.append(f"{_x(_LONGEST):.1f},{_y(within):.1f}")
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(points)}"/>'
