"""Ask a new Plan about itself before it serves anybody.

Each zone is asked for its SOA over a real message, made and read by dnspython and so by
other code than what answers. Each service is ranked from each of its regions' own coordinates,
where `nearest` must prefer that very region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dns.exception
import dns.flags
import dns.message
import dns.name

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
    apex = dns.name.from_wire(zone.apex, 0)[0]
    response = ask(dns.message.make_query(apex, "SOA").to_wire())
    if response is None:
        yield f"{apex} SOA is not answered"
        return
    try:
        message = dns.message.from_wire(response)
    except dns.exception.DNSException as fault:
        yield f"{apex} SOA is answered with a broken message: {fault}"
        return
    serial = int.from_bytes(zone.soa.rdatas[0][-1][:4], "big")
    answered = [rdata.serial for rrset in message.answer for rdata in rrset]
    if answered != [serial] or not message.flags & dns.flags.AA:
        yield f"{apex} SOA is answered with {answered}, not serial {serial}"


def _service_faults(service: ServicePlan) -> Iterator[str]:
    for region in service.regions:
        preference, distances = service.clients.from_region(region)
        if not set(preference) <= set(service.regions):
            yield f"service {service.name} prefers regions that it does not have"
        elif preference and distances and distances[preference[0]] > distances[region]:
            yield f"service {service.name} does not prefer {region} where {region} stands"
