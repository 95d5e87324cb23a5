"""Whether this edge is fit to answer over its service addresses: each reason against, in words.

Pure. A `Seen` is one look at the edge; `Limits` are the options that judge it. Reasons of the edge
hold for all addresses, those of an address for it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Code = Literal["answer", "daemon", "faults", "isolated", "draining", "stopping", "plan"]
CODES: tuple[Code, ...] = (
    "answer", "daemon", "faults", "isolated", "draining", "stopping", "plan",
)  # fmt: skip

_OPERATORS = ("draining", "stopping")


class Reason(NamedTuple):
    """Why an address is not to be announced. `code` is stable; `text` says it to people."""

    code: Code
    text: str


class Daemon(NamedTuple):
    """What the daemon says of itself (GET /fitness)."""

    faults: tuple[str, ...] = ()
    isolation: str = ""
    plan_generation: int = 0
    plan_behind: float | None = None
    zone: str = ""
    queries: int = 0


class Seen(NamedTuple):
    """One look.

    `unanswered` has, of each address, why the last looks got no right DNS answer, empty where the
    last one did; `failures` how many in a row did not. `daemon` is what the daemon said last, None
    if it never did; `silent` why it says nothing now, empty while it does, and `silent_for` the
    seconds since it last did.
    """

    unanswered: Mapping[str, str]
    failures: Mapping[str, int]
    daemon: Daemon | None
    silent: str = ""
    silent_for: float = 0.0
    draining: str = ""
    stopping: bool = False


class Limits(NamedTuple):
    """How much is borne: looks, and seconds; a `plan_behind` of 0 bears any."""

    failures: int
    daemon_grace: float
    plan_behind: float


class Fitness(NamedTuple):
    """The reasons against this edge, and those against each address."""

    edge: tuple[Reason, ...]
    addresses: Mapping[str, tuple[Reason, ...]]

    def of(self, address: str) -> tuple[Reason, ...]:
        """Every reason against one address; none: it is fit."""
        return (*self.addresses.get(address, ()), *self.edge)


def fitness(seen: Seen, limits: Limits) -> Fitness:
    """The judgement of one look."""
    answers = {
        address: (Reason("answer", f"no right answer over {address}: {why}"),)
        for address, why in seen.unanswered.items()
        if why and seen.failures.get(address, 0) >= limits.failures
    }
    return Fitness((*_daemon(seen, limits), *_operators(seen)), answers)


def is_dead(reasons: tuple[Reason, ...]) -> bool:
    """Whether the DNS answer itself is dead: then no other way is better than none."""
    return any(reason.code == "answer" for reason in reasons)


def is_operators(reasons: tuple[Reason, ...]) -> bool:
    """Whether an operator wants it withdrawn."""
    return any(reason.code in _OPERATORS for reason in reasons)


def is_planned(reasons: tuple[Reason, ...]) -> bool:
    """Whether an operator wants it withdrawn, and nothing else is against it."""
    return bool(reasons) and all(reason.code in _OPERATORS for reason in reasons)


def _daemon(seen: Seen, limits: Limits) -> tuple[Reason, ...]:
    if seen.daemon is None:
        return (Reason("daemon", f"the daemon has not been heard yet: {seen.silent}"),)
    if seen.silent:
        if seen.silent_for < limits.daemon_grace:
            return ()
        return (
            Reason("daemon", f"the daemon is silent for {seen.silent_for:.0f} s: {seen.silent}"),
        )
    found = [Reason("faults", text) for text in seen.daemon.faults]
    if seen.daemon.isolation:
        found.append(Reason("isolated", seen.daemon.isolation))
    behind = seen.daemon.plan_behind
    if limits.plan_behind and behind is not None and behind > limits.plan_behind:
        found.append(
            Reason(
                "plan",
                f"what is served is older than its files for {behind:.0f} s, and "
                f"{limits.plan_behind:.0f} s are allowed",
            )
        )
    return tuple(found)


def _operators(seen: Seen) -> tuple[Reason, ...]:
    found = [Reason("draining", f"drained: {seen.draining}")] if seen.draining else []
    if seen.stopping:
        found.append(Reason("stopping", "it is being stopped"))
    return tuple(found)
