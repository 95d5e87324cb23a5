"""The picture of `resolverd plan --chart`: who is served how fast, for what money, and what if.

One screen of a terminal. Bars are told apart by their characters, and by colour beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from resolverd.cli.bars import Glyphs, bar, column, line, stacked
from resolverd.cli.plan_asked import Asked
from resolverd.cli.plan_pages import method_of, ms, percent, usd
from resolverd.cli.plan_regions import STEPS, rows_of
from resolverd.cli.rows import Cell, width_of
from resolverd.planner.areas import areas
from resolverd.planner.budgets import BUDGETS, BudgetLimit, is_within, limits
from resolverd.planner.cost import HOURS_PER_MONTH
from resolverd.planner.figures import Figures
from resolverd.planner.make import Plan
from resolverd.planner.users import Group

NARROWEST, WIDEST = 50, 100
"""Columns that a picture has at least, whatever the terminal; and at most."""

REGIONS, AREAS, CANDIDATES = 12, 5, 8
"""How many of each are drawn, those that matter most."""

_STYLES = ("cyan", "green", "yellow", "red")
_INDENT = "  "


class Canvas:
    """How wide the picture is, what its bars are made of, and whether it is coloured."""

    def __init__(self, width: int, glyphs: Glyphs, *, colour: bool) -> None:
        """`width` in columns, within what a picture can have."""
        self.width = min(max(width, NARROWEST), WIDEST)
        self.glyphs, self.colour = glyphs, colour
        # In colour the last band, which is what matters, need not be the palest to be told apart.
        self.bands = glyphs.bands[:3] + glyphs.bands[0] if colour else glyphs.bands

    def line(self, *cells: Cell | str) -> str:
        """One line of these cells."""
        return line(cells, colour=self.colour)

    def names(self, names: Sequence[str]) -> int:
        """The width of a column of these names: a third of the picture at most."""
        return min(max(map(width_of, names), default=0), self.width // 3)

    def name(self, text: str, width: int) -> str:
        """A name in such a column, indented, and a gap."""
        return _INDENT + column(text, width, self.glyphs) + _INDENT

    def bar(self, part: float, cells: int, style: str = "", band: int = 0) -> Cell:
        """A bar, and spaces up to its full length."""
        text = bar(part, cells, self.glyphs, self.bands[band] if band else "")
        return Cell(text + " " * (cells - len(text)), style)


def drawing(
    asked: Asked, groups: Sequence[Group], plan: Plan, width: int, glyphs: Glyphs, *, colour: bool
) -> list[str]:
    """The lines of the picture."""
    canvas = Canvas(width, glyphs, colour=colour)
    parts = [
        _title(canvas, asked, plan),
        _regions(canvas, groups, plan),
        _budgets(canvas, plan, asked.calls),
        _deaths(canvas, plan.then, asked),
        _beyond(canvas, groups, plan.then, asked),
        _next(canvas, plan),
        _fewest(canvas, plan, asked),
    ]
    lines: list[str] = []
    for part in map(list, parts):
        lines += ["", *part] if lines and part else part
    return lines


def _title(canvas: Canvas, asked: Asked, plan: Plan) -> Iterator[str]:
    now, then = plan.now, plan.changed
    yield canvas.line(
        Cell(asked.service, "bold"),
        f" at {asked.moment}: {_gpus(now)} GPUs, {usd(now.monthly)} USD a month"
        f" ({HOURS_PER_MONTH:.0f} h)",
    )
    yield _times(now, asked.calls)
    if then:
        yield canvas.line(
            Cell(asked.change, "cyan"), f": {_gpus(then)} GPUs, {usd(then.monthly)} USD"
        )
        yield _times(then, asked.calls)


def _gpus(figures: Figures) -> int:
    return sum(region.site.gpus.count for region in figures.regions)


def _times(figures: Figures, calls: int) -> str:
    agent = f"an agent's {calls} calls p95 {ms(calls * figures.p95)}"
    return f"round trip mean {ms(figures.mean)}, p95 {ms(figures.p95)}; {agent}"


def _regions(canvas: Canvas, groups: Sequence[Group], plan: Plan) -> Iterator[str]:
    """Each region's users beside what it costs, now and with the change, on one scale."""
    titled = [("users by region", plan.now)]
    if plan.changed:
        titled = [("users by region, now", plan.now), ("with the change", plan.changed)]
    tables = [(title, rows_of(groups, figures, REGIONS)) for title, figures in titled]
    every = [row for _, rows in tables for row in rows]
    wide = canvas.names([row.name for row in every])
    room = canvas.width - wide - 24
    users, money = room - room // 3, room // 3
    most = max((sum(row.bands) for row in every), default=0.0) or 1.0
    dearest = max((row.usd for row in every), default=0.0) or 1.0
    for title, rows in tables:
        head = column(title, wide + users + 13, canvas.glyphs)
        yield canvas.line(Cell(head + "USD a month", "bold"))
        for row in rows:
            yield canvas.line(
                canvas.name(row.name, wide),
                *_stack(canvas, [part / most for part in row.bands], users),
                f" {percent(sum(row.bands)):>6}  ",
                canvas.bar(row.usd / dearest, money),
                f" {usd(row.usd):>9}",
            )
    yield canvas.line(_INDENT, *_legend(canvas))


def _stack(canvas: Canvas, parts: Sequence[float], cells: int) -> Iterator[Cell | str]:
    counts = stacked(parts, cells)
    for glyph, style, count in zip(canvas.bands, _STYLES, counts, strict=True):
        yield Cell(glyph * count, style)
    yield " " * (cells - sum(counts))


def _legend(canvas: Canvas) -> Iterator[Cell | str]:
    yield "within "
    named = zip(canvas.bands, _STYLES, [*(f"{step:g} ms" for step in STEPS), "beyond"], strict=True)
    for glyph, style, text in named:
        yield Cell(glyph, style)
        yield f" {text}  "


def _budgets(canvas: Canvas, plan: Plan, calls: int) -> Iterator[str]:
    """The share of users within each budget; below it that with the change."""
    known = [limit for limit in limits() if limit.ms is not None]
    wide = canvas.names([_called(limit, calls) for limit in known])
    cells = canvas.width - wide - 22
    yield canvas.line(Cell("users within the budget of", "bold"))
    for limit in known:
        number = BUDGETS.index(limit.budgets[0])
        now = plan.now.budgets[number].within
        yield canvas.line(
            canvas.name(_called(limit, calls), wide), canvas.bar(now, cells, "cyan"),
            f" {percent(now):>6}",
        )  # fmt: skip
        if plan.changed:
            then = plan.changed.budgets[number].within
            yield canvas.line(
                canvas.name(_INDENT + "then", wide), canvas.bar(then, cells, "green", 1),
                f" {percent(then):>6}", _more(then - now),
            )  # fmt: skip


def _more(share: float) -> Cell:
    """A difference of shares in percentage points."""
    points = round(100 * share, 1)
    return Cell(f" {points:+.1f}" if points else "", "red" if points < 0 else "green")


def _called(limit: BudgetLimit, calls: int) -> str:
    names = [
        f"{budget.name} x {calls}" if budget.calls > 1 else budget.name for budget in limit.budgets
    ]
    return f"{limit.ms:g} ms: {', '.join(names)}"


def _deaths(canvas: Canvas, figures: Figures, asked: Asked) -> Iterator[str]:
    """Who loses the budget with each region."""
    budget = asked.wishes.budget
    (lost,) = (one.lost for one in figures.budgets if one.budget.name == budget.name)
    rows = sorted(lost.items(), key=lambda row: (-row[1], row[0]))[:REGIONS]
    if not rows:
        return
    wide = canvas.names([name for name, _ in rows])
    cells = canvas.width - wide - 12
    yield canvas.line(Cell(f"users who lose {_budget(asked)} if a region dies", "bold"))
    for name, share in rows:
        yield canvas.line(
            canvas.name(name, wide), canvas.bar(share, cells, "red", 3), f" {percent(share):>6}"
        )


def _budget(asked: Asked) -> str:
    budget = asked.wishes.budget
    return budget.name if budget.ms is None else f"{budget.name} ({budget.ms:g} ms)"


def _beyond(
    canvas: Canvas, groups: Sequence[Group], figures: Figures, asked: Asked
) -> Iterator[str]:
    """Where the most users are who are not within the budget."""
    pairs = zip(groups, figures.served, strict=True)
    far = areas((g, s) for g, s in pairs if not is_within(s, asked.wishes.budget))
    if not far:
        return
    drawn = far[:AREAS]
    wide = canvas.names([area.name for area in drawn])
    cells = canvas.width - wide - 22
    whole = percent(sum(area.share for area in far))
    yield canvas.line(Cell(f"users without {_budget(asked)}: {whole}, most of them at", "bold"))
    for area in drawn:
        yield canvas.line(
            canvas.name(area.name, wide),
            canvas.bar(area.share / drawn[0].share, cells, "red", 3),
            f" {percent(area.share):>6}  {ms(area.ms):>7}",
        )


def _fewest(canvas: Canvas, plan: Plan, asked: Asked) -> Iterator[str]:
    """What --keep asks for, in words."""
    wishes, keeping = asked.wishes, plan.keeping
    if not wishes.keep:
        return
    wanted = f"{percent(wishes.keep)} of users with {_budget(asked)}"
    if keeping is None:
        yield canvas.line(Cell(f"no set of regions keeps {wanted}", "red"))
        return
    yield canvas.line(Cell(f"fewest regions for {wanted}", "bold"))
    regions, found = ", ".join(keeping.regions), keeping.found
    yield from wrap(
        f"{regions}: {percent(found.covered)}, {method_of(keeping)}", canvas.width,
        initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False,
    )  # fmt: skip


def _next(canvas: Canvas, plan: Plan) -> Iterator[str]:
    """The candidates that give most for the money; where they cost none, most at all."""
    found = [gain for gain in plan.gains if gain.ms > 0 or gain.reached][:CANDIDATES]
    if not found:
        return
    free = any(gain.per_kusd is None for gain in found)
    worth = [gain.ms if free else gain.per_kusd or 0.0 for gain in found]
    new = [f", {percent(g.reached)} with none now" if g.reached else "" for g in found]
    wide = canvas.names([gain.candidate.name for gain in found])
    cells = max(4, canvas.width - wide - 19 - max(map(len, new)))
    unit = "" if free else " for 1,000 USD a month"
    yield canvas.line(Cell(f"add next: ms less in the mean{unit}; users who have it", "bold"))
    most = max(worth) or 1.0
    for gain, value, reached in zip(found, worth, new, strict=True):
        yield canvas.line(
            canvas.name(gain.candidate.name, wide),
            canvas.bar(max(0.0, value) / most, cells, "cyan"),
            f" {value:6.2f} {percent(gain.share):>6}{reached}",
        )
