"""What a client of a pair is given: by an edge service, and by the core service behind it.

An edge service answers by its own regions while one of the client's own serves, be it with a share
sent on among them. Where none serves, the regions of its core stand behind them in the preference
list, as the core's own list has them for that client, less those that the edge's own pins do not
allow.

The core behind an edge is answered in two steps: which region the edge service gives this very
client now, and then, of the regions that the core's own list has for the client, the first that
serves in the order in which they are near to that region. So the answer holds in the longer of both
scopes, and for the shorter of both TTLs. The native engine does the same
(`native/src/answer/tiers.rs`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.model import (
    CachedAnswer,
    Core,
    Dyna,
    MapEntry,
    Plan,
    ServicePlan,
    Snapshot,
    Steering,
)


class Given(NamedTuple):
    """What a client is given by `service`: by which entry, which answer, and in which scope.

    `edge` is what the edge service gives it, where that had a part.
    """

    service: ServicePlan
    entry: MapEntry
    cached: CachedAnswer
    scope: int
    edge: Given | None = None


def honours_ecs(plan: Plan, dyna: Dyna) -> bool:
    """Whether client subnets are honoured: by every service that has a part in the answer."""
    return plan.services[dyna.service].ecs and plan.service_of(dyna).ecs


def give(snapshot: Snapshot, dyna: Dyna, client: Prefix) -> Given:
    """What a client is given now at a DYNA."""
    plan, steering = snapshot
    service = plan.services[dyna.service]
    entry = service.clients.lookup(client)
    if service.core is not None:
        entry = widened(entry, service, service.core, snapshot, client)
    given = Given(service, entry, *steering.answer(service, client, entry))
    if service.core is None or not dyna.behind:
        return given
    return _behind(given, service.core, plan.services[service.core.service], steering, client)


def widened(
    entry: MapEntry, edge: ServicePlan, core: Core, snapshot: Snapshot, client: Prefix
) -> MapEntry:
    """The entry of an edge service's client, with the core's regions where they have a part.

    A client too short for its entry hears of their scope even where they have none: they have one
    in what a part of it is answered.
    """
    if not core.fallback:
        return entry
    plan, steering = snapshot
    statuses = steering.statuses[edge.name]
    serves = any(statuses[region].serves for region in entry.preference)
    if serves and entry.scope <= client.length:
        return entry
    regions, scope = regions_behind(core, plan, client)
    added = () if serves else regions
    return MapEntry((*entry.preference, *added), max(entry.scope, scope), entry.pins)


def regions_behind(core: Core, plan: Plan, client: Prefix) -> tuple[PreferenceList, int]:
    """The regions that answer a client where no own region of an edge service serves.

    With them the scope in which they are the same.
    """
    if not core.fallback:
        return (), 0
    found = plan.services[core.service].clients.lookup(client)
    scope, allowed = found.scope, core.behind
    if core.fenced is not None:
        fence = core.fenced.lookup(client)
        scope, allowed = max(scope, fence.scope), allowed.intersection(fence.preference)
    return tuple(region for region in found.preference if region in allowed), scope


def _behind(
    edge: Given, pair: Core, service: ServicePlan, steering: Steering, client: Prefix
) -> Given:
    """What the core service gives a client whom the edge service gives `edge`."""
    found = service.clients.lookup(client)
    preference, reordered = found.preference, edge.cached.region is not None
    if edge.cached.region is not None:
        order = pair.orders[edge.cached.region]
        preference = tuple(region for region in order if region in preference)
    entry = MapEntry(preference, max(found.scope, edge.scope), found.pins)
    cached, scope = steering.answer(service, client, entry, reordered=reordered)
    if edge.cached.ttl < cached.ttl:
        cached = replace(cached, ttl=edge.cached.ttl)
    return Given(service, entry, cached, scope, edge)
