"""How each service of a configuration orders its regions."""

from __future__ import annotations

from typing import Any

from resolverd.config.bias import NO_BIAS
from resolverd.config.model import Config, Service
from resolverd.geo.distance import Coordinates
from resolverd.geo.embedded_networks import EmbeddedNetworks
from resolverd.policy.bias import Bias
from resolverd.rtt.latency import Measured
from resolverd.snapshot.clientmap import Ranking


def coordinates_of(config: Config) -> dict[str, Coordinates]:
    """Where each region stands."""
    return {name: region.coordinates for name, region in config.region.items()}


def ranking_of(config: Config, service: Service, measured: Measured | None) -> Ranking:
    """A service's; `measured` is of all regions of `config`, None where nothing was measured."""
    latency = None
    if service.ordered_by == "latency":
        latency = (measured or Measured.nothing(coordinates_of(config))).latency(service.regions)
    biases = {region: config.region[region].bias for region in service.regions}
    return Ranking(
        policy=service.ordered_by,
        regions=service.regions,
        coordinates={region: config.region[region].coordinates for region in service.regions},
        weights={region: service.weights.get(region, 1) for region in service.regions},
        block_v4=service.block_v4,
        block_v6=service.block_v6,
        biases={name: Bias(*bias) for name, bias in biases.items() if bias != NO_BIAS},
        latency=latency,
        embedded=EmbeddedNetworks(config.server.nat64),
        **_of_countries(config, service),
    )


def _of_countries(config: Config, service: Service) -> dict[str, Any]:
    """What the policies that go by place ask about countries; nothing for the others."""
    if service.policy in ("failover", "weighted"):
        return {}
    regions = {region: config.region[region] for region in service.regions}
    return {
        "countries": {name: region.country for name, region in regions.items()},
        "capacities": {name: region.effective_capacity for name, region in regions.items()},
        "edge_country": config.server.country,
    }
