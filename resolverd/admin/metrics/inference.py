"""What probes of inference servers know beyond a verdict: conditions, canaries, identities."""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.admin.metrics.family import Samples, counter, gauge, info
from resolverd.admin.metrics.values import LABELS, Subject, Values
from resolverd.health.outcome import Condition
from resolverd.health.peers import find_outliers
from resolverd.health.probes.inference import Canaries, InferenceReadings

_NONE_SENT = "where no canary has been sent"
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


@counter(
    "resolverd_canaries_total",
    "Canaries sent, by whether a token came back in time: token, none.",
    labels=(*LABELS, "result"),
    absent=_NONE_SENT,
)
def canaries(values: Values) -> Samples:
    for subject, counted in _canaries(values):
        yield (*subject, "token"), counted.answered
        yield (*subject, "none"), counted.sent - counted.answered


@counter(
    "resolverd_canary_tokens_total",
    "The most tokens that canaries have taken.",
    labels=LABELS,
    absent=_NONE_SENT,
)
def canary_tokens(values: Values) -> Samples:
    for subject, counted in _canaries(values):
        yield subject, counted.tokens


@gauge(
    "resolverd_canary_ttft_seconds",
    "Time to the last canary's token.",
    labels=LABELS,
    absent="where no canary has been answered",
)
def canary_ttft(values: Values) -> Samples:
    for subject, counted in _canaries(values):
        if counted.ttft is not None:
            yield subject, counted.ttft


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


def _canaries(values: Values) -> Iterator[tuple[Subject, Canaries]]:
    for subject, read in values.known(values.served.monitor.readings()):
        if isinstance(read, InferenceReadings):
            yield subject, read.canaries
