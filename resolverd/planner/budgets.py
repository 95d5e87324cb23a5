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


def within(groups: Sequence[Group], served: Sequence[Served], budget: Budget) -> float:
    """The share of users, from 0 to 1, whose every call is within the budget."""
    limit = float("inf") if budget.ms is None else budget.ms
    pairs = zip(groups, served, strict=True)
    return sum(g.share for g, s in pairs if s.region is not None and s.ms <= limit)


def lost(
    groups: Sequence[Group], before: Sequence[Served], after: Sequence[Served], budget: Budget
) -> float:
    """The share of users who are within the budget before, and not after."""
    limit = float("inf") if budget.ms is None else budget.ms
    return sum(
        group.share
        for group, one, other in zip(groups, before, after, strict=True)
        if one.region is not None and one.ms <= limit and (other.region is None or other.ms > limit)
    )
