"""The process that announces this edge's service addresses, on its own page of metrics.

Its readers are given a `Routes`, and not a daemon: the process outlives the daemon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from resolverd.admin.metrics.family import Samples, counter, gauge


class Route(NamedTuple):
    """One address. `state` is withdrawn, raised or announced; `reasons` are codes."""

    address: str
    state: str
    reasons: frozenset[str]
    held: bool
    failing: bool
    proved_at: float | None
    other_edges: int | None
    changes: Mapping[str, int]


class Routes(NamedTuple):
    """The process at one moment; times are Unix seconds."""

    routes: Sequence[Route]
    codes: Sequence[str]
    states: Sequence[str]
    drained: bool
    turned_at: float


@gauge(
    "resolverd_anycast_state",
    "1 for what is announced of the address now: withdrawn, raised (with a higher metric) or "
    "announced; 0 for the others.",
    labels=("address", "state"),
)
def state(values: Routes) -> Samples:
    for route in values.routes:
        for name in values.states:
            yield (route.address, name), float(route.state == name)


@gauge(
    "resolverd_anycast_unfit",
    "1 while the reason speaks against announcing the address, else 0: answer, daemon, faults, "
    "isolated, draining, stopping, plan.",
    labels=("address", "reason"),
)
def unfit(values: Routes) -> Samples:
    for route in values.routes:
        for code in values.codes:
            yield (route.address, code), float(code in route.reasons)


@gauge(
    "resolverd_anycast_held",
    "1 while the address stays announced although it should be withdrawn, by the fleet's floor.",
    labels=("address",),
)
def held(values: Routes) -> Samples:
    for route in values.routes:
        yield (route.address,), float(route.held)


@gauge(
    "resolverd_anycast_unproved",
    "1 while what speaks BGP does not have the address as it should, or cannot be asked.",
    labels=("address",),
)
def unproved(values: Routes) -> Samples:
    for route in values.routes:
        yield (route.address,), float(route.failing)


@gauge(
    "resolverd_anycast_proved_timestamp_seconds",
    "When the address was last seen to be announced, or withdrawn, as it should.",
    labels=("address",),
    absent="before the first time",
)
def proved(values: Routes) -> Samples:
    for route in values.routes:
        if route.proved_at is not None:
            yield (route.address,), route.proved_at


@counter(
    "resolverd_anycast_changes_total",
    "How often the address came to be withdrawn, raised or announced.",
    labels=("address", "state"),
)
def changes(values: Routes) -> Samples:
    for route in values.routes:
        for name in values.states:
            yield (route.address, name), route.changes.get(name, 0)


@gauge(
    "resolverd_anycast_other_edges",
    "Other edges of the fleet that announce the address, as far as they were heard of late.",
    labels=("address",),
    absent="without a fleet",
)
def other_edges(values: Routes) -> Samples:
    for route in values.routes:
        if route.other_edges is not None:
            yield (route.address,), route.other_edges


@gauge("resolverd_anycast_drained", "1 while an operator has drained this edge, else 0.")
def drained(values: Routes) -> Samples:
    yield (), float(values.drained)


@gauge("resolverd_anycast_turn_timestamp_seconds", "When it last finished a look at this edge.")
def turned(values: Routes) -> Samples:
    yield (), values.turned_at
