"""Regions, as each service has them: `monitoring/resolverd.rules.yml` is written on these."""

from __future__ import annotations

from resolverd.admin.metrics.family import Samples, counter, gauge
from resolverd.admin.metrics.values import SERVICE_REGION, Values
from resolverd.health.verdict import State
from resolverd.snapshot.unserved import withdrawn


@gauge(
    "resolverd_region_state",
    "1 for the state that the region is in for the service, overrides included; else 0.",
    labels=(*SERVICE_REGION, "state"),
)
def states(values: Values) -> Samples:
    for service, region in values.by_service():
        for state in State:
            yield (service, region.region, state.value), float(region.verdict.state is state)


@gauge(
    "resolverd_service_region_serving",
    "1 while the region serves the service, else 0.",
    labels=SERVICE_REGION,
)
def serving(values: Values) -> Samples:
    for service, region in values.by_service():
        yield (service, region.region), float(region.verdict.serves)


@gauge(
    "resolverd_pin_serving",
    "1 while a region serves the service to clients of the pin (empty: of none), else 0.",
    labels=("service", "pin"),
)
def fences(values: Values) -> Samples:
    outages = values.served.outages
    wanted = [fence for fence in outages.fences if fence.regions]
    without = {(fence.service, fence.pins) for fence in outages.unserved}
    for fence in wanted:
        whose = [fence.pins, *((pin,) for pin in fence.pins)]
        served = not any((fence.service, pins) in without for pins in whose)
        yield (fence.service, fence.pin), float(served)


@gauge(
    "resolverd_service_region_withdrawn",
    "1 while the region does not serve by overrides or its hours alone, else 0.",
    labels=SERVICE_REGION,
)
def withdrawals(values: Values) -> Samples:
    for service, region in values.by_service():
        yield (service, region.region), float(withdrawn(region))


@counter(
    "resolverd_region_transitions_total",
    "Changes of the region's state for the service, by the state entered.",
    labels=(*SERVICE_REGION, "state"),
    absent="until there is one",
)
def transitions(values: Values) -> Samples:
    for (site, state), count in values.served.transitions.regions.items():
        if (region := values.judged.get(site)) is not None:
            for service in region.services:
                yield (service, region.region, state), count


@gauge(
    "resolverd_region_open",
    "1 within the region's hours of service, 0 outside.",
    labels=("region",),
    absent="for regions without hours",
)
def within_hours(values: Values) -> Samples:
    for region, window in values.served.world.service_windows.items():
        yield (region,), float(window.open)
