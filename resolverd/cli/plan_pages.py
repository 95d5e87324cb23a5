"""The tables of `resolverd plan`, as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolverd.cli.plan_asked import Asked
from resolverd.cli.rows import Cell, Rows
from resolverd.planner.budgets import Budget
from resolverd.planner.cost import HOURS_PER_MONTH, total
from resolverd.planner.fewest import EXACT
from resolverd.planner.figures import Figures
from resolverd.planner.make import Keeping, Plan, Wishes
from resolverd.planner.users import Group

PLACES = 12
"""How many places of users are listed, the largest."""


def pages(asked: Asked, groups: Sequence[Group], plan: Plan) -> Iterator[Rows]:
    """Every table that has something to say."""
    wishes = asked.wishes
    yield _regions(plan.now, asked)
    yield _budgets(plan, asked)
    yield _deaths(plan.now)
    yield _places(groups, plan.now, asked)
    if plan.changed:
        yield _change(plan, asked)
    yield _gains(plan)
    yield _savings(plan, wishes)
    if wishes.keep:
        yield _keeping(plan.keeping, wishes)


def usd(amount: float | None) -> str:
    """US dollars without cents; a dash where unknown."""
    return "-" if amount is None else f"{amount:,.0f}"


def ms(amount: float) -> str:
    """Milliseconds; a dash for users whom no region serves."""
    return "-" if amount == float("inf") else f"{amount:.0f} ms"


def percent(share: float) -> str:
    """A share in per cent, with one decimal."""
    return f"{100 * share:.1f}%"


def _regions(now: Figures, asked: Asked) -> Rows:
    prices = asked.wishes.prices
    rows = Rows(
        "region", "GPUs", "USD/hour", f"USD/month ({HOURS_PER_MONTH:.0f} h)", *prices,
        "traffic", "GPUs by traffic", "USD/month then",
    )  # fmt: skip
    for region in now.regions:
        gpus = region.site.gpus
        rows.add_row(
            Cell(region.site.name, "" if region.site.serves else "yellow"),
            f"{gpus.count} {gpus.model}".rstrip(),
            f"{gpus.usd_per_hour:g}" if gpus.count else "-",
            usd(region.monthly),
            *(usd(region.others[name]) for name in prices),
            percent(region.share) if region.site.serves else f"closed {asked.moment}",
            "-" if region.sized is None else str(region.sized),
            usd(region.sized_monthly),
        )
    sized = [region.sized_monthly for region in now.regions]
    counts = [region.sized for region in now.regions if region.sized is not None]
    rows.add_row(
        Cell("total", "bold"),
        str(sum(region.site.gpus.count for region in now.regions)),
        "",
        usd(now.monthly),
        *(usd(now.other(name)) for name in prices),
        percent(sum(region.share for region in now.regions)),
        str(sum(counts)) if counts else "-",
        usd(total(sized)),
    )
    return rows


def _budgets(plan: Plan, asked: Asked) -> Rows:
    rows = Rows("application", "network", "users within")
    for one in plan.now.budgets:
        rows.add_row(one.budget.name, _limit(one.budget, asked.calls), percent(one.within))
    return rows


def _limit(budget: Budget, calls: int) -> str:
    if budget.ms is None:
        return "any"
    if budget.calls == 1:
        return f"{budget.ms:g} ms"
    return f"{budget.ms:g} ms x {calls} = {budget.ms * calls:g} ms"


def _deaths(now: Figures) -> Rows:
    rows = Rows("if it dies, users lose", *(one.budget.name for one in now.budgets))
    for region in now.regions:
        name = region.site.name
        if region.site.serves:
            rows.add_row(name, *(percent(one.lost[name]) for one in now.budgets))
    return rows


def _places(groups: Sequence[Group], now: Figures, asked: Asked) -> Rows:
    names = [region.site.name for region in now.regions]
    calls = asked.calls
    rows = Rows("users at", "share", "region", "round trip", f"agent, {calls} calls")
    for group, served in list(zip(groups, now.served, strict=True))[:PLACES]:
        region = Cell("none", "red") if served.region is None else names[served.region]
        rows.add_row(group.name, percent(group.share), region, ms(served.ms), ms(calls * served.ms))
    if len(groups) > PLACES:
        rest = sum(group.share for group in groups[PLACES:])
        rows.add_row(f"{len(groups) - PLACES} more places", percent(rest), "", "", "")
    nowhere = f"{percent(now.unserved)} without one" if now.unserved else ""
    rows.add_row(Cell("all", "bold"), percent(1.0), nowhere, "", "")
    for name, value in (("mean", now.mean), ("p50", now.p50), ("p95", now.p95)):
        rows.add_row(f"  {name}", "", "", ms(value), ms(calls * value))
    rows.add_row("  worst", "", "", ms(now.worst), ms(calls * now.worst))
    return rows


def _change(plan: Plan, asked: Asked) -> Rows:
    now, then = plan.now, plan.changed
    assert then is not None, "asked for where there is a change"
    rows = Rows("", "now", asked.change)
    rows.add_row("USD a month", usd(now.monthly), usd(then.monthly))
    rows.add_row("mean round trip", ms(now.mean), ms(then.mean))
    rows.add_row("p95", ms(now.p95), ms(then.p95))
    agent = f"agent, {asked.calls} calls, p95"
    rows.add_row(agent, ms(asked.calls * now.p95), ms(asked.calls * then.p95))
    for before, after in zip(now.budgets, then.budgets, strict=True):
        rows.add_row(f"within {before.budget.name}", percent(before.within), percent(after.within))
    rows.add_row("without a region", percent(now.unserved), percent(then.unserved))
    return rows


def _gains(plan: Plan) -> Rows:
    rows = Rows("add next", "GPUs", "USD/month", "users", "mean gain", "gain for 1,000 USD")
    for gain in plan.gains:
        one = gain.candidate
        share = percent(gain.share)
        if gain.reached:
            share += f", {percent(gain.reached)} who have none"
        worth = "-" if gain.per_kusd is None else f"{gain.per_kusd:.2f} ms"
        rows.add_row(one.name, str(one.gpus), usd(one.monthly), share, f"{gain.ms:.1f} ms", worth)
    return rows


def _savings(plan: Plan, wishes: Wishes) -> Rows:
    rows = Rows("could be saved in", "by", "USD/month")
    model = f"{wishes.lighter.bits}-bit weights"
    if wishes.lighter.size < 1:
        model += f" of a model of {100 * wishes.lighter.size:g}%"
    for one in plan.smaller:
        rows.add_row(one.region, f"{model}: {one.needed} GPUs of {one.gpus}", usd(one.saved))
    for region in plan.then.regions:
        if region.site.gpus.saved:
            hours = f"{HOURS_PER_MONTH * region.site.gpus.open:.0f} h of service"
            rows.add_row(region.site.name, f"GPUs for {hours} alone", usd(region.site.gpus.saved))
    return rows


def _keeping(keeping: Keeping | None, wishes: Wishes) -> Rows:
    rows = Rows("fewest regions", f"users within {wishes.budget.name}", "method")
    if keeping is None:
        rows.add_row(Cell("no set is enough", "red"), f"{percent(wishes.keep)} wanted", "")
        return rows
    covered = percent(keeping.found.covered)
    rows.add_row(", ".join(keeping.regions), covered, method_of(keeping))
    return rows


def method_of(keeping: Keeping) -> str:
    """How the fewest regions were found, and how far from the least that may be."""
    if keeping.possible <= EXACT:
        return f"every set of {keeping.possible} looked at: exact"
    return f"greedy, of {keeping.possible}; no set of fewer than {keeping.found.least} can do"
