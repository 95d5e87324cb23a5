"""How this edge stands with its fleet: NATS, the other edges, what operators said here only."""

from __future__ import annotations

from resolverd.admin.metrics.family import Samples, gauge
from resolverd.admin.metrics.values import Values

_ALONE = "without a fleet"


@gauge(
    "resolverd_fleet_connected",
    "1 while a NATS server of the fleet answers this edge, else 0.",
    absent=_ALONE,
)
def connected(values: Values) -> Samples:
    if values.served.fleet is not None:
        yield (), int(values.served.fleet.link.state.connected)


@gauge(
    "resolverd_fleet_quorum",
    "1 while a quorum of NATS servers confirms what this edge writes and delivers it, else 0.",
    absent=_ALONE,
)
def quorum(values: Values) -> Samples:
    if values.served.fleet is not None:
        yield (), int(values.served.fleet.link.state.quorum)


@gauge(
    "resolverd_fleet_edges",
    "Edges of the fleet that were heard within the last 10 s, this one too.",
    absent=_ALONE,
)
def edges(values: Values) -> Samples:
    if values.served.fleet is not None:
        yield (), len(values.served.fleet.link.store.edges())


@gauge(
    "resolverd_fleet_pending_words",
    "Words of operators that were said at this edge, and that the fleet does not have yet.",
    absent=_ALONE,
)
def pending_words(values: Values) -> Samples:
    if values.served.fleet is not None:
        yield (), len(values.served.fleet.words.pending)
