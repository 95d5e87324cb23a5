"""Which endpoint is probed how: the probe layers resolved into a flat list of targets.

The layers are [probe], service, region, endpoint, broadest first. Where services override
the probe differently, one endpoint is several targets, each judged by itself; the target
then carries the service's name. So it is where they serve different models there and the probe
asks for a model: the target of the first service in the file is the plain one. `ids[(service,
region)]` are the targets that decide for that service there, in the file's order of endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolverd.config.model import Config, Endpoint, Region, Service
from resolverd.config.probe import Probe
from resolverd.config.probe_layers import Merged


class ProbeTarget(NamedTuple):
    """One endpoint under one set of probe settings."""

    id: str
    region: str
    name: str
    endpoint: Endpoint
    settings: Probe

    @property
    def keys(self) -> frozenset[str]:
        """What an override that reaches it may be on: itself, its endpoint, or its region."""
        return frozenset((self.id, self.name, self.region))


class ProbeTargets(NamedTuple):
    """Every target by id, and the ids that stand for a service in a region."""

    by_id: Mapping[str, ProbeTarget]
    ids: Mapping[tuple[str, str], tuple[str, ...]]


def endpoint_and_probe(id_: str) -> tuple[str, str]:
    """What a target's id, ENDPOINT or ENDPOINT@SERVICE, is made of.

    The second is the service whose own settings probe the endpoint, and empty for the probe that
    services share.
    """
    endpoint, _, probe = id_.partition("@")
    return endpoint, probe


def endpoint_name(region_name: str, region: Region, index: int) -> str:
    """The endpoint's own name, or REGION-NUMBER counted from 1."""
    return region.endpoint[index].name or f"{region_name}-{index + 1}"


def probe_targets(config: Config) -> ProbeTargets:
    """Resolve the probe layers of every endpoint that some service uses."""
    by_id: dict[str, ProbeTarget] = {}
    ids: dict[tuple[str, str], tuple[str, ...]] = {}
    plain: dict[str, Probe] = {}
    merged = Merged()
    shared: dict[tuple[str, str], tuple[str, ...]] = {}
    for service_name, service in config.service.items():
        has_own = bool(service.probe.model_fields_set)
        for region_name in service.regions:
            # Of hundreds of services in a region nearly all have the very same targets there.
            alike = region_name, service.model_in(region_name)
            if not has_own and alike in shared:
                ids[(service_name, region_name)] = shared[alike]
                continue
            region = config.region[region_name]
            chosen, is_shared = [], not has_own
            for index, endpoint in enumerate(region.endpoint):
                name = endpoint_name(region_name, region, index)
                layers = (config.probe, region.probe, endpoint.probe)
                settings = common = with_model(merged.of(*layers), service, region_name)
                if has_own:
                    own = merged.of(layers[0], service.probe, *layers[1:])
                    settings = with_model(own, service, region_name)
                plain.setdefault(name, common)
                target = name if settings == plain[name] else f"{name}@{service_name}"
                is_shared = is_shared and target == name
                by_id[target] = ProbeTarget(target, region_name, name, endpoint, settings)
                chosen.append(target)
            ids[(service_name, region_name)] = tuple(chosen)
            if is_shared:
                shared[alike] = tuple(chosen)
    return ProbeTargets(by_id, ids)


def with_model(settings: Probe, service: Service, region: str) -> Probe:
    """`settings` with the model that a probe asks `service`'s servers in `region` for.

    A model that a layer of the probe names itself stays.
    """
    return settings.asking_for(service.model_in(region))
