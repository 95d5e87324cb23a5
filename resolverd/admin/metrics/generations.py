"""Published generations of configuration: which one is served, and how the one on trial stands."""

from __future__ import annotations

from resolverd.admin.generations import Generations, behind, wave_seconds
from resolverd.admin.metrics.family import Samples, counter, gauge
from resolverd.admin.metrics.values import Values

_LOCAL = "where the configuration is not taken from a fleet"


def _known(values: Values) -> list[Generations]:
    known = values.served.generations
    return [] if known is None else [known]


@gauge(
    "resolverd_generation_served",
    "Number of the published generation that is served; 0 for none.",
    absent=_LOCAL,
)
def generation_served(values: Values) -> Samples:
    for known in _known(values):
        serves = known.status.serves
        yield (), float(serves.number if serves else 0)


@gauge(
    "resolverd_generation_completed",
    "Number of the generation that every edge is to serve, as this edge has heard; 0 before any.",
    absent=_LOCAL,
)
def generation_completed(values: Values) -> Samples:
    for known in _known(values):
        yield (), float(known.ledger.completed)


@gauge(
    "resolverd_generation_on_trial",
    "1 while the generation that is served here is on trial, else 0.",
    absent=_LOCAL,
)
def generation_on_trial(values: Values) -> Samples:
    for known in _known(values):
        yield (), float(known.on_trial)


@gauge(
    "resolverd_generation_behind",
    "1 while this edge serves another generation than the completed one and none on trial, else 0.",
    absent=_LOCAL,
)
def generation_behind(values: Values) -> Samples:
    for known in _known(values):
        yield (), float(behind(known))


@gauge(
    "resolverd_generation_wave_seconds",
    "For how long the present wave of the generation on trial has lasted, as this edge has heard; "
    "0 while none is on trial.",
    absent=_LOCAL,
)
def generation_wave(values: Values) -> Samples:
    for known in _known(values):
        yield (), wave_seconds(known)


@counter(
    "resolverd_generations_returned_total",
    "Generations on trial from which this edge went back to the last good one.",
    absent=_LOCAL,
)
def generations_returned(values: Values) -> Samples:
    for known in _known(values):
        yield (), float(known.status.returned)
