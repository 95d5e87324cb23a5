"""A service's regions and their endpoints, from the daemons' GET /state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resolverd.config.secrets import HIDDEN
from resolverd.errors import ResolverdError
from resolverd.rollout.verify import Endpoint
from resolverd.rollout.withdrawal import Edge


def service_of(state: Mapping[str, Any], service: str) -> Mapping[str, Any]:
    """The service of that name in GET /state. Raises ResolverdError."""
    for entry in state["services"]:
        if entry["name"] == service:
            found: Mapping[str, Any] = entry
            return found
    raise ResolverdError(f"the daemon has no service {service} any more")


def region_of(state: Mapping[str, Any], service: str, region: str) -> Mapping[str, Any]:
    """A service's region in GET /state. Raises ResolverdError."""
    for entry in state["regions"]:
        if entry["region"] == region and service in entry["services"]:
            found: Mapping[str, Any] = entry
            return found
    raise ResolverdError(f"service {service} has no region {region} any more")


def model_of(state: Mapping[str, Any], service: str, region: str) -> str:
    """The model of a service in a region; empty where it has none."""
    return str(service_of(state, service)["models"].get(region) or "")


def endpoints_of(edge: Edge, service: str, region: str, credential: str) -> list[Endpoint]:
    """The endpoints of a service's region, to be asked; `credential` replaces the probe's."""
    found = region_of(edge.get("/state"), service, region)["endpoints"]
    if any(HIDDEN in endpoint["url"] for endpoint in found):
        urls = edge.get("/urls")["urls"]
        found = [{**endpoint, "url": urls[endpoint["name"]]} for endpoint in found]
    return [Endpoint.of(endpoint, credential) for endpoint in found]
