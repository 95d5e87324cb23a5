"""How each service of a configuration orders its regions."""

from __future__ import annotations

from collections.abc import Mapping

from resolverd.config.bias import NO_BIAS, RegionBias
from resolverd.config.model import Config, Service
from resolverd.geo.distance import Coordinates
from resolverd.geo.embedded_networks import EmbeddedNetworks
from resolverd.policy.bias import Bias
from resolverd.rtt.field import USUAL_MS_PER_KM
from resolverd.rtt.latency import Measured
from resolverd.snapshot.clientmap import Ranking


def coordinates_of(config: Config) -> dict[str, Coordinates]:
    """Where each region stands."""
    return {name: region.coordinates for name, region in config.region.items()}


def ranking_of(config: Config, service: Service, measured: Measured | None) -> Ranking:
    """A service's; `measured` is of all regions of `config`, None where nothing was measured."""
    # With ttft queues move shares (policy/ttft.py), and not the order.
    policy = "latency" if service.policy == "ttft" else service.policy
    latency = None
    if policy == "latency":
        latency = (measured or Measured.nothing(coordinates_of(config))).latency(service.regions)
    return Ranking(
        policy=policy,
        regions=service.regions,
        coordinates={region: config.region[region].coordinates for region in service.regions},
        weights={region: service.weights.get(region, 1) for region in service.regions},
        block_v4=service.block_v4,
        block_v6=service.block_v6,
        biases=_biases(config, service),
        latency=latency,
        embedded=EmbeddedNetworks(config.server.nat64),
    )


def _biases(config: Config, service: Service) -> Mapping[str, Bias]:
    """The biases in the unit of the policy's cost, of the regions that have one."""
    written = {region: config.region[region].bias for region in service.regions}
    match service.policy:
        case "latency" | "ttft":
            return {name: Bias(*bias) for name, bias in written.items() if bias != NO_BIAS}
        case "nearest":
            return {name: _in_km(bias) for name, bias in written.items() if bias != NO_BIAS}
    return {}


def _in_km(bias: RegionBias) -> Bias:
    return Bias(bias.factor, bias.ms / USUAL_MS_PER_KM)
