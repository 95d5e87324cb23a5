"""What probes know beyond a verdict: conditions, loads, identities, and what their kinds export."""

from __future__ import annotations

from typing import Any

from resolverd.admin.metrics.family import Family, Samples, gauge, info
from resolverd.admin.metrics.values import LABELS, Values
from resolverd.health.kinds.kind import Metric
from resolverd.health.outcome import Condition
from resolverd.health.peers import find_outliers
from resolverd.health.readings import Readings

_UNKNOWN = "where the probe does not learn it"


@gauge(
    "resolverd_endpoint_condition",
    "1 for the condition that the endpoint's last probe saw it in.",
    labels=(*LABELS, "condition"),
    absent="while it is in none",
)
def conditions(values: Values) -> Samples:
    for subject, (_, verdict) in values.endpoints.items():
        if verdict.condition is not Condition.NONE:
            yield (*subject, verdict.condition.value), 1


@gauge(
    "resolverd_endpoint_lost_ratio",
    "Share of the endpoint's capacity that is known to serve nobody while the rest does.",
    labels=LABELS,
    absent=_UNKNOWN,
)
def lost(values: Values) -> Samples:
    for subject, readings in values.known(values.served.monitor.loads()):
        yield subject, readings.lost


@info(
    "resolverd_endpoint_identity_info",
    "Who the endpoint's server says it is.",
    labels=(*LABELS, "model", "root", "max_model_len", "version", "fingerprint"),
    absent=_UNKNOWN,
)
def identities(values: Values) -> Samples:
    for subject, identity in values.known(values.served.monitor.identities()):
        model = identity.models[0] if identity.models else ""
        length = str(identity.max_model_len or "")
        yield (
            (*subject, model, identity.root, length, identity.version, identity.fingerprint),
            1,
        )


@gauge(
    "resolverd_endpoint_differs",
    "1 for each field in which the endpoint's server differs from most of the service's.",
    labels=("service", *LABELS, "field"),
    absent="where there is none",
)
def differences(values: Values) -> Samples:
    inputs = values.served.inputs
    known = values.served.monitor.identities()
    for odd in find_outliers(inputs.config, inputs.targets, known):
        yield (odd.service, *values.subjects[odd.target], odd.difference.field), 1


def of_kind(readings: type[Readings], metric: Metric[Any]) -> Family:
    """A metric that a kind of probe declares, read from all endpoints that it has `readings` of."""

    def read(values: Values) -> Samples:
        for subject, known in values.known(values.served.monitor.readings()):
            if isinstance(known, readings):
                for labels, value in metric.read(known):
                    yield (*subject, *labels), value

    return Family(
        metric.type, metric.name, metric.doc, (*LABELS, *metric.labels), metric.absent, read
    )
