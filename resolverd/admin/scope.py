"""To which edges an operator's word is said: to all of the fleet, or to the one that is named.

Without a fleet it is said to this daemon, which has no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolverd.admin.served import Served
from resolverd.config.explain import did_you_mean
from resolverd.config.fleet import EVERY_EDGE
from resolverd.errors import ResolverdError

if TYPE_CHECKING:
    from resolverd.fleet.word import Kind
    from resolverd.fleet.words import Told


class UnknownEdgeError(ResolverdError):
    """The fleet has no edge of that name, or there is no fleet; `hint` says what to write."""

    def __init__(self, message: str, hint: str) -> None:
        self.hint = hint
        super().__init__(message)


class SaidMeanwhileError(ResolverdError):
    """Another operator's word on it was written first, and stands."""

    def __init__(self, target: str) -> None:
        self.hint = "see resolverd state, and say it again if it is still wanted"
        super().__init__(f'another operator has said something of "{target}" meanwhile')


def scope_of(served: Served, edge: str) -> str:
    """`edge`, or all edges where it is empty. Raises UnknownEdgeError."""
    if not edge:
        return EVERY_EDGE
    if served.fleet is None:
        raise UnknownEdgeError(
            f'there is no fleet here that could have an edge "{edge}"',
            "leave the edge out, or ask that edge's own daemon (--socket)",
        )
    known = served.fleet.every_edge()
    if edge not in known:
        raise UnknownEdgeError(f'the fleet has no edge "{edge}"', did_you_mean(edge, sorted(known)))
    return edge


def is_said_here(served: Served, scope: str) -> bool:
    """Whether a word of this scope holds at this edge too."""
    return served.fleet is None or scope in (EVERY_EDGE, served.fleet.words.edge)


async def told(
    served: Served, target: str, keys: tuple[str, ...], scope: str, kind: Kind = "override"
) -> Told | None:
    """Wait until the other edges obey what was said of `keys`; None without a fleet.

    Raises SaidMeanwhileError.
    """
    if served.fleet is None:
        return None
    known = await served.fleet.words.told(keys, scope, kind)
    if known.lost:
        raise SaidMeanwhileError(target)
    return known


def told_json(told: Told | None) -> dict[str, Any] | None:
    """It as JSON; None without a fleet."""
    if told is None:
        return None
    return {
        "scope": told.scope,
        "pending": told.pending,
        "edges": list(told.edges),
        "without": list(told.without),
    }
