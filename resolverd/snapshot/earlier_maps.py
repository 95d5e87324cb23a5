"""The client map that a sticky service had before: blocks may keep what that one gave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resolverd.snapshot.model import EarlierMap, Plan, ServicePlan


def with_earlier_maps(
    services: Mapping[str, ServicePlan], generation: int, before: Plan | None
) -> dict[str, ServicePlan]:
    """`services` of a Plan of this generation, where the Plan `before` is served until then.

    One map of before is kept, and only of a service that is sticky. Where the map is the same
    object, what it followed stays.
    """
    return {
        name: _followed(service, generation, before.services.get(name) if before else None)
        for name, service in services.items()
    }


def _followed(service: ServicePlan, generation: int, before: ServicePlan | None) -> ServicePlan:
    if before is None:
        return replace(service, mapped=generation)
    if before.clients is service.clients:
        earlier = before.earlier if service.sticky else None
        return replace(service, mapped=before.mapped, earlier=earlier)
    earlier = EarlierMap(before.clients, before.mapped) if service.sticky else None
    return replace(service, mapped=generation, earlier=earlier)
