"""What `resolverd plan --json` prints, as a typed model and made from a plan."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

from resolverd.admin.documents.base import Document, Part, key
from resolverd.cli.plan_asked import Asked
from resolverd.planner.cost import HOURS_PER_MONTH
from resolverd.planner.figures import Figures
from resolverd.planner.make import Plan
from resolverd.planner.users import Group


class PlannedRegionPart(Part):
    """One region."""

    name: str = key("Its name.")
    serves: bool = key("Whether it is within its hours of service.")
    gpu_model: str = key("GPU model.")
    gpus: int = key("GPUs.")
    usd_per_hour: float = key("Price of one, US dollars an hour.")
    usd_per_month: float = key("What it costs, US dollars a month.")
    usd_per_month_elsewhere: dict[str, float | None] = key(
        "The same by price list; null where the model is not on it."
    )
    share: float = key("Its share of the traffic, 0 to 1.")
    gpus_by_traffic: int | None = key("GPUs that its share would be given.")
    usd_per_month_by_traffic: float | None = key("What these would cost.")
    open_ratio: float = key("The part of the week in which it serves, 0 to 1.")


class BudgetPart(Part):
    """One kind of application."""

    name: str = key("Its name.")
    ms: float | None = key("Network budget of a call, ms; null for none.")
    calls: int = key("Calls that follow one another.")
    total_ms: float | None = key("Network budget of all of them, ms.")
    within_ratio: float = key("Share of users within it, 0 to 1.")
    lost_ratios: dict[str, float] = key("Share of users who would lose it without each region.")


class FiguresPart(Part):
    """The figures of one set of regions."""

    regions: list[PlannedRegionPart] = key("The regions.")
    usd_per_month: float = key("What they cost, US dollars a month.")
    mean_ms: float | None = key("Mean round-trip time of users, ms; null where none has a region.")
    p50_ms: float | None = key("Median, ms; null where those users have no region.")
    p95_ms: float | None = key("95th percentile, ms; likewise.")
    worst_ms: float | None = key("The longest, ms; likewise.")
    unserved_ratio: float = key("Share of users without a region, 0 to 1.")
    budgets: list[BudgetPart] = key("Who is within which budget.")


class UsersPart(Part):
    """Users of one place and fence."""

    name: str = key("What the traffic file calls the largest of them.")
    latitude: float = key("Degrees north.")
    longitude: float = key("Degrees east.")
    country: str | None = key("ISO 3166 code of the country, if it is known.")
    fence: list[str] | None = key("Regions that pins leave them; null where no pin holds.")
    share: float = key("Share of the traffic, 0 to 1.")
    region: str | None = key("The region they are given; null if there is none.")
    ms: float | None = key("Round-trip time to it, ms.")
    agent_ms: float | None = key("Of all calls of an agent, ms.")


class GainPart(Part):
    """A region that could be added."""

    name: str = key("Its name.")
    gpus: int = key("GPUs.")
    usd_per_month: float = key("What it would cost, US dollars a month.")
    share: float = key("Share of users who would be given it.")
    reached_ratio: float = key("Share of users who have no region without it.")
    gain_ms: float = key("Mean round-trip time less, over all users, ms.")
    gain_ms_per_1000_usd: float | None = key("The same for 1,000 US dollars a month.")


class SmallerPart(Part):
    """A minor region with a smaller model."""

    region: str = key("Its name.")
    gpus: int = key("GPUs now.")
    gpus_needed: int = key("GPUs that would do.")
    usd_per_month_saved: float = key("What that saves, US dollars a month.")


class KeepingPart(Part):
    """The fewest regions that keep a share of users within a budget."""

    regions: list[str] = key("The regions.")
    within_ratio: float = key("Share of users within the budget, 0 to 1.")
    exact: bool = key("Whether no fewer can do; else they were found greedily.")
    minimum: int = key("No set of fewer than this can do.")


class PlanDocument(Document):
    """`resolverd plan --json`."""

    service: str = key("The service.")
    at: str = key("The time that hours of service are looked at, UTC, ISO 8601.")
    hours_per_month: float = key("Length of the month that prices are for, hours.")
    now: FiguresPart = key("With the regions as they are.")
    changed: FiguresPart | None = key("With --without and --add; null without them.")
    users: list[UsersPart] = key("Users by place, as they are served now, the largest first.")
    add: list[GainPart] = key("Candidates, the best first; after the change where one is tried.")
    smaller: list[SmallerPart] = key("What a smaller model would save; likewise.")
    keep: KeepingPart | None = key("For --keep; null without it, or if no set is enough.")


def plain(asked: Asked, groups: Sequence[Group], plan: Plan) -> dict[str, object]:
    """The plan as plain JSON values, in the shape of `PlanDocument`."""
    calls = asked.calls
    names = [region.site.name for region in plan.now.regions]
    return {
        "service": asked.service,
        "at": asked.moment,
        "hours_per_month": HOURS_PER_MONTH,
        "now": _figures(plan.now, calls),
        "changed": None if plan.changed is None else _figures(plan.changed, calls),
        "users": [
            {
                "name": group.name,
                "latitude": group.point[0],
                "longitude": group.point[1],
                "country": group.country,
                "fence": None if group.fence is None else sorted(group.fence),
                "share": group.share,
                "region": None if served.region is None else names[served.region],
                "ms": _finite(served.ms),
                "agent_ms": _finite(calls * served.ms),
            }
            for group, served in zip(groups, plan.now.served, strict=True)
        ],
        "add": [
            {
                "name": gain.candidate.name,
                "gpus": gain.candidate.gpus,
                "usd_per_month": gain.candidate.monthly,
                "share": gain.share,
                "reached_ratio": gain.reached,
                "gain_ms": gain.ms,
                "gain_ms_per_1000_usd": gain.per_kusd,
            }
            for gain in plan.gains
        ],
        "smaller": [
            {
                "region": one.region,
                "gpus": one.gpus,
                "gpus_needed": one.needed,
                "usd_per_month_saved": one.saved,
            }
            for one in plan.smaller
        ],
        "keep": None
        if plan.keeping is None
        else {
            "regions": plan.keeping.regions,
            "within_ratio": plan.keeping.found.covered,
            "exact": plan.keeping.found.exact,
            "minimum": plan.keeping.found.least,
        },
    }


def _figures(figures: Figures, calls: int) -> dict[str, object]:
    return {
        "regions": [
            {
                "name": region.site.name,
                "serves": region.site.serves,
                "gpu_model": region.site.gpus.model,
                "gpus": region.site.gpus.count,
                "usd_per_hour": region.site.gpus.usd_per_hour,
                "usd_per_month": region.monthly,
                "usd_per_month_elsewhere": region.others,
                "share": region.share,
                "gpus_by_traffic": region.sized,
                "usd_per_month_by_traffic": region.sized_monthly,
                "open_ratio": region.site.gpus.open,
            }
            for region in figures.regions
        ],
        "usd_per_month": figures.monthly,
        "mean_ms": _finite(figures.mean),
        "p50_ms": _finite(figures.p50),
        "p95_ms": _finite(figures.p95),
        "worst_ms": _finite(figures.worst),
        "unserved_ratio": figures.unserved,
        "budgets": [
            {
                "name": one.budget.name,
                "ms": one.budget.ms,
                "calls": calls if one.budget.calls > 1 else 1,
                "total_ms": None
                if one.budget.ms is None
                else one.budget.ms * (calls if one.budget.calls > 1 else 1),
                "within_ratio": one.within,
                "lost_ratios": one.lost,
            }
            for one in figures.budgets
        ],
    }


def _finite(ms: float) -> float | None:
    return None if isinf(ms) else ms
