"""Latency budgets of kinds of application, and who is within them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from resolverd.planner.assignment import Served
from resolverd.planner.users import Group


class Budget(NamedTuple):
    """How many ms of network one call of an application may take, None without a limit.

    `calls` is how many calls follow one another before its user has an answer.
    """

    name: str
    ms: float | None
    calls: int = 1


BUDGETS = (
    Budget("voice", 50),
    Budget("code completion", 100),
    Budget("chat", 150),
    Budget("agent", 50, calls=10),
    Budget("batch", None),
)
"""The five kinds of application that the guide to multi-region inference names."""


class BudgetLimit(NamedTuple):
    """The budgets of so many ms a call; None for those without a limit."""

    ms: float | None
    budgets: tuple[Budget, ...]


def limits() -> list[BudgetLimit]:
    """The limits there are, the narrowest first, and none last."""
    every = sorted({b.ms for b in BUDGETS}, key=lambda ms: float("inf") if ms is None else ms)
    return [BudgetLimit(ms, tuple(b for b in BUDGETS if b.ms == ms)) for ms in every]


def is_within(served: Served, budget: Budget) -> bool:
    """Whether whoever is served so is within the budget; nobody is who has no region."""
    limit = float("inf") if budget.ms is None else budget.ms
    return served.region is not None and served.ms <= limit


def within(groups: Sequence[Group], served: Sequence[Served], budget: Budget) -> float:
    """The share of users, from 0 to 1, whose every call is within the budget."""
    return sum(g.share for g, s in zip(groups, served, strict=True) if is_within(s, budget))


def lost(
    groups: Sequence[Group],
    served: Sequence[tuple[Served, Served]],
    names: Sequence[str],
    budget: Budget,
) -> dict[str, float]:
    """By region, the share of users who are within the budget, and not once it dies.

    Of `served`, the first is what a group has, the second what it has then.
    """
    found = dict.fromkeys(names, 0.0)
    for group, (now, then) in zip(groups, served, strict=True):
        if now.region is not None and is_within(now, budget) and not is_within(then, budget):
            found[names[now.region]] += group.share
    return found
