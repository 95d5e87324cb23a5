"""Ask a new Plan about itself before it serves anybody.

Each zone is asked for its SOA over a real message, made and read by dnslib and so by other
code than what answers. Each service is ranked from each of its regions' own coordinates,
where `nearest` must prefer that very region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dnslib

from resolverd.dns.names import to_text
from resolverd.errors import PlanError
from resolverd.snapshot.model import Plan, ServicePlan, ZonePlan

Ask = Callable[[bytes], bytes | None]


def verify(plan: Plan, ask: Ask) -> None:
    """Raises PlanError with everything that `plan` gets wrong; `ask` answers one packet."""
    wrong = [fault for zone in plan.zones.values() for fault in _zone_faults(zone, ask)]
    wrong += [fault for service in plan.services.values() for fault in _service_faults(service)]
    if wrong:
        raise PlanError("the new plan fails its own check: " + "; ".join(wrong))


def _zone_faults(zone: ZonePlan, ask: Ask) -> Iterator[str]:
    apex = to_text(zone.apex)
    response = ask(bytes(dnslib.DNSRecord.question(apex, "SOA").pack()))
    if response is None:
        yield f"{apex} SOA is not answered"
        return
    try:
        message = dnslib.DNSRecord.parse(response)
    except dnslib.DNSError as fault:
        yield f"{apex} SOA is answered with a broken message: {fault}"
        return
    serial = int.from_bytes(zone.soa.rdatas[0][-1][:4], "big")
    answered = [rr.rdata.times[0] for rr in message.rr if rr.rtype == dnslib.QTYPE.SOA]
    if answered != [serial] or not message.header.aa:
        yield f"{apex} SOA is answered with {answered}, not serial {serial}"


def _service_faults(service: ServicePlan) -> Iterator[str]:
    for region in service.regions:
        preference, distances = service.clients.from_region(region)
        if not set(preference) <= set(service.regions):
            yield f"service {service.name} prefers regions that it does not have"
        elif preference and distances and distances[preference[0]] > distances[region]:
            yield f"service {service.name} does not prefer {region} where {region} stands"
