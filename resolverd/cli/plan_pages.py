"""The tables of `resolverd plan`, as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolverd.cli.rows import Cell, Rows
from resolverd.planner.budgets import Budget, within
from resolverd.planner.cost import HOURS_PER_MONTH
from resolverd.planner.figures import Figures
from resolverd.planner.make import Keeping, Plan, Wishes
from resolverd.planner.users import Group

PLACES = 12
"""How many places of users are listed, the largest."""


def pages(groups: Sequence[Group], plan: Plan, wishes: Wishes, calls: int) -> Iterator[Rows]:
    """Every table that has something to say."""
    yield _regions(plan.now, wishes)
    yield _budgets(plan, groups, calls)
    yield _places(groups, plan.now)
    if plan.changed:
        yield _change(plan, wishes)
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


def _regions(now: Figures, wishes: Wishes) -> Rows:
    rows = Rows(
        "region", "GPUs", "USD/hour", f"USD/month ({HOURS_PER_MONTH:.0f} h)", *wishes.prices,
        "traffic", "GPUs by traffic", "USD/month then",
    )  # fmt: skip
    for region in now.regions:
        gpus = region.site.gpus
        rows.add_row(
            Cell(region.site.name, "" if region.site.serves else "yellow"),
            f"{gpus.count} {gpus.model}".rstrip(),
            f"{gpus.usd_per_hour:g}",
            usd(region.monthly),
            *(usd(region.others[name]) for name in wishes.prices),
            percent(region.share) if region.site.serves else "closed",
            "-" if region.sized is None else str(region.sized),
            usd(region.sized_monthly),
        )
    sized = [region.sized_monthly or 0.0 for region in now.regions]
    rows.add_row(
        Cell("total", "bold"),
        str(sum(region.site.gpus.count for region in now.regions)),
        "",
        usd(now.monthly),
        *(usd(now.other(name)) for name in wishes.prices),
        percent(sum(region.share for region in now.regions)),
        str(sum(region.sized or 0 for region in now.regions)),
        usd(sum(sized)),
    )
    return rows


def _budgets(plan: Plan, groups: Sequence[Group], calls: int) -> Rows:
    names = [r.site.name for r in plan.now.regions if r.site.serves]
    rows = Rows("application", "network", "users within", *(f"lost without {n}" for n in names))
    for one in plan.now.budgets:
        rows.add_row(
            one.budget.name,
            _limit(one.budget, calls),
            percent(within(groups, plan.now.served, one.budget)),
            *(percent(one.lost[name]) for name in names),
        )
    return rows


def _limit(budget: Budget, calls: int) -> str:
    if budget.ms is None:
        return "any"
    if budget.calls == 1:
        return f"{budget.ms:g} ms"
    return f"{budget.ms:g} ms x {calls} = {budget.ms * calls:g} ms"


def _places(groups: Sequence[Group], now: Figures) -> Rows:
    names = [region.site.name for region in now.regions]
    rows = Rows("users at", "share", "region", "round trip")
    for group, served in list(zip(groups, now.served, strict=True))[:PLACES]:
        region = Cell("none", "red") if served.region is None else names[served.region]
        rows.add_row(group.name, percent(group.share), region, ms(served.ms))
    if len(groups) > PLACES:
        rest = sum(group.share for group in groups[PLACES:])
        rows.add_row(f"{len(groups) - PLACES} more places", percent(rest), "", "")
    rows.add_row(
        Cell("all", "bold"),
        percent(1.0),
        f"{percent(now.unserved)} without one" if now.unserved else "",
        f"mean {ms(now.mean)}, p50 {ms(now.p50)}, p95 {ms(now.p95)}, worst {ms(now.worst)}",
    )
    return rows


def _change(plan: Plan, wishes: Wishes) -> Rows:
    now, then = plan.now, plan.changed
    assert then is not None, "asked for where there is a change"
    what = [f"without {name}" for name in sorted(wishes.without)]
    what += [f"with {site.name} ({site.gpus.count} GPUs)" for site in wishes.added]
    rows = Rows("", "now", " and ".join(what))
    rows.add_row("USD a month", usd(now.monthly), usd(then.monthly))
    rows.add_row("mean round trip", ms(now.mean), ms(then.mean))
    rows.add_row("p95", ms(now.p95), ms(then.p95))
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
    for one in plan.smaller:
        rows.add_row(
            one.region,
            f"{wishes.bits}-bit weights: {one.needed} GPUs of {one.gpus}",
            usd(one.saved),
        )
    for region in plan.now.regions:
        if region.site.gpus.saved:
            hours = f"{HOURS_PER_MONTH * region.site.gpus.open:.0f} h of service"
            rows.add_row(region.site.name, f"GPUs for {hours} alone", usd(region.site.gpus.saved))
    return rows


def _keeping(keeping: Keeping | None, wishes: Wishes) -> Rows:
    rows = Rows("fewest regions", f"users within {wishes.budget.name}", "method")
    if keeping is None:
        rows.add_row(Cell("no set is enough", "red"), f"{percent(wishes.keep)} wanted", "")
        return rows
    method = f"exact: every set of {keeping.possible}"
    if not keeping.found.exact:
        method = f"greedy; no set of fewer than {keeping.found.least} can do"
    rows.add_row(", ".join(keeping.regions), percent(keeping.found.covered), method)
    return rows
