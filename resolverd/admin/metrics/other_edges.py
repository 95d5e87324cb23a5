"""The other edges of a fleet: who is heard, and where this edge sees things otherwise."""

from __future__ import annotations

from resolverd.admin.metrics.family import Samples, counter, gauge
from resolverd.admin.metrics.values import LABELS, Values
from resolverd.health.agreement import Standing

_ALONE = "without a fleet"


@gauge(
    "resolverd_fleet_live_edges",
    "Other edges of the fleet whose observations count now.",
    absent=_ALONE,
)
def live(values: Values) -> Samples:
    if values.served.fleet is not None:
        yield (), len(values.served.fleet.observations.live())


@gauge(
    "resolverd_fleet_edge_lag_seconds",
    "By how much the edge's last message took longer than its quickest of the last minute.",
    labels=("edge",),
    absent="for edges that are not live",
)
def lags(values: Values) -> Samples:
    if values.served.fleet is not None:
        for name, edge in values.served.fleet.observations.live().items():
            yield (name,), edge.lag


@counter(
    "resolverd_fleet_observations_total",
    "Messages of observations, by result: sent, heard, refused (not as they have to be).",
    labels=("result",),
    absent=_ALONE,
)
def messages(values: Values) -> Samples:
    if values.served.fleet is not None:
        observations = values.served.fleet.observations
        yield ("sent",), observations.sent
        yield ("heard",), observations.heard
        yield ("refused",), observations.refused


@gauge(
    "resolverd_fleet_standing",
    "1 for how this edge's own verdict stands with the other edges': path (down for this edge "
    "alone), doubted (down for the quorum alone), told (taken for down by others' word).",
    labels=(*LABELS, "standing"),
    absent="while they agree",
)
def standings(values: Values) -> Samples:
    if values.served.fleet is not None:
        found = values.served.fleet.observations.disagreements.standing
        for subject, agreement in values.known(found):
            if agreement.standing not in (Standing.AGREED, Standing.ALONE):
                yield (*subject, agreement.standing.value), 1


@counter(
    "resolverd_fleet_path_faults_total",
    "How often the endpoint was down for this edge alone.",
    labels=LABELS,
    absent="until it was, or edges disagreed about it",
)
def path_faults(values: Values) -> Samples:
    if values.served.fleet is not None:
        counted = values.served.fleet.observations.disagreements.counted
        for subject, known in values.known(counted):
            yield subject, known.path_faults


@counter(
    "resolverd_fleet_disagreements_total",
    "How often a live edge began to say otherwise of the endpoint than this one.",
    labels=LABELS,
    absent="until one did",
)
def disagreements(values: Values) -> Samples:
    if values.served.fleet is not None:
        counted = values.served.fleet.observations.disagreements.counted
        for subject, known in values.known(counted):
            yield subject, known.disagreements


@counter(
    "resolverd_fleet_disagreement_seconds_total",
    "For how long live edges have said otherwise of the endpoint than this one.",
    labels=LABELS,
    absent="until one did",
)
def disagreement_seconds(values: Values) -> Samples:
    if values.served.fleet is not None:
        found = values.served.fleet.observations.disagreements
        for target in found.counted:
            if target in values.subjects:
                yield values.subjects[target], found.seconds(target, values.now)


@counter(
    "resolverd_fleet_canaries_spared_total",
    "Probes that rested on another edge's canary, or an own one of before, and sent none.",
    labels=LABELS,
    absent="for endpoints that are asked for no tokens",
)
def spared(values: Values) -> Samples:
    if values.served.fleet is not None:
        turns = values.served.fleet.observations.turns.known()
        for subject, turn in values.known(turns):
            yield subject, turn.spared
