"""Endpoints: their states, the way to them, and the look-ups of their hostnames."""

from __future__ import annotations

from resolverd.admin.metrics.family import Samples, counter, gauge, info
from resolverd.admin.metrics.values import LABELS, Values
from resolverd.health.verdict import State


@gauge(
    "resolverd_endpoint_state",
    "1 for the state that the endpoint is in for the service, overrides included; else 0.",
    labels=("service", *LABELS, "state"),
)
def states(values: Values) -> Samples:
    for service, region in values.by_service():
        for subject, verdict in values.known(region.endpoints):
            for state in State:
                yield (service, *subject, state.value), float(verdict.state is state)


@info(
    "resolverd_endpoint_probe_info",
    "Which probe judges the endpoint for the service, and of which kind it is; joins what is "
    "measured by probe with what is served by service.",
    labels=("service", *LABELS, "kind"),
)
def probes(values: Values) -> Samples:
    targets = values.served.inputs.targets
    for (service, _), ids in targets.ids.items():
        for id_ in ids:
            yield (service, *values.subjects[id_], targets.by_id[id_].settings.kind), 1


@gauge(
    "resolverd_endpoint_held",
    "1 while flap damping alone keeps the endpoint down, else 0.",
    labels=LABELS,
)
def held(values: Values) -> Samples:
    for subject, (_, verdict) in values.endpoints.items():
        yield subject, float(verdict.held_until is not None)


@counter(
    "resolverd_endpoint_transitions_total",
    "Changes of the endpoint's measured state, by the state entered.",
    labels=(*LABELS, "state"),
    absent="until there is one",
)
def transitions(values: Values) -> Samples:
    for (target, state), count in values.served.transitions.endpoints.items():
        if target in values.subjects:
            yield (*values.subjects[target], state), count


@gauge(
    "resolverd_endpoint_connect_seconds",
    "How long the last TCP handshake took.",
    labels=LABELS,
    absent="until there was one",
)
def connects(values: Values) -> Samples:
    for subject, known in values.known(values.served.monitor.connections()):
        if known.connect is not None:
            yield subject, known.connect


@gauge(
    "resolverd_endpoint_certificate_expiry_timestamp_seconds",
    "When the last certificate that the endpoint has shown ends.",
    labels=LABELS,
    absent="for endpoints without TLS",
)
def expiries(values: Values) -> Samples:
    for subject, known in values.known(values.served.monitor.connections()):
        if known.certificate_expires is not None:
            yield subject, known.certificate_expires


@gauge(
    "resolverd_endpoint_family_up",
    "1 where the last probe reached the endpoint over the address family, 0 where it did not.",
    labels=(*LABELS, "family"),
    absent="for endpoints that are asked over one family alone",
)
def families_up(values: Values) -> Samples:
    for subject, results in values.known(values.served.monitor.families()):
        for family, result in results.items():
            yield (*subject, family.value), float(result.ok)


@gauge(
    "resolverd_endpoint_family_withheld",
    "1 while the endpoint's addresses of the family are not handed out, else 0.",
    labels=(*LABELS, "family"),
    absent="for endpoints that are asked over one family alone",
)
def families_withheld(values: Values) -> Samples:
    results = values.served.monitor.families()
    for subject, (target, verdict) in values.endpoints.items():
        for family in results.get(target, {}):
            yield (*subject, family.value), float(family in verdict.withheld)


@counter(
    "resolverd_hostname_lookups_total",
    "Lookups of endpoints' hostnames, by result: ok, failed.",
    labels=("hostname", "result"),
    absent="where no endpoint has a hostname",
)
def lookups(values: Values) -> Samples:
    for hostname, entry in values.served.names.items():
        yield (hostname, "ok"), entry.refreshes - entry.failures
        yield (hostname, "failed"), entry.failures


@counter(
    "resolverd_hostname_refused_addresses_total",
    "Addresses of endpoints' hostnames that lead nowhere and were not taken.",
    labels=("hostname",),
    absent="where no endpoint has a hostname",
)
def refused_addresses(values: Values) -> Samples:
    for hostname, entry in values.served.names.items():
        yield (hostname,), entry.refused
