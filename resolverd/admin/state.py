"""The state of a daemon as one JSON value, for `resolverd state` and for programs.

Times are ISO 8601 in UTC, durations seconds; None stands where there is nothing to say.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from resolverd import __version__
from resolverd.admin.connections import endpoint_connection
from resolverd.admin.generations import generations_of
from resolverd.admin.inference import endpoint_readings, oddities
from resolverd.admin.liveness import degraded
from resolverd.admin.load import region_load, service_loads
from resolverd.admin.orders import order_of, said_to
from resolverd.admin.probed import Probed
from resolverd.admin.reloads import reload_of
from resolverd.admin.round_trips import round_trips_of
from resolverd.admin.served import Served
from resolverd.admin.spills import rules_on
from resolverd.admin.times import iso, moment
from resolverd.config.fences import FenceSize
from resolverd.config.probe import Probe
from resolverd.config.probe_layers import EveryOption
from resolverd.config.secrets import shown_url
from resolverd.dns.names import to_text
from resolverd.health.connection import Connection
from resolverd.health.isolation import IsolationDetector
from resolverd.health.overrides import Override
from resolverd.health.target import Counters
from resolverd.health.verdict import Verdict
from resolverd.snapshot.inputs import Outdated
from resolverd.snapshot.model import JudgedRegion, Plan, ZonePlan
from resolverd.snapshot.regions import World, judge_regions
from resolverd.snapshot.unserved import withdrawn

Json = dict[str, Any]

# URLs change with edits alone; the size is that of a large configuration.
_url = lru_cache(maxsize=16_384)(shown_url)
_NO_CONNECTION, _NONE_COUNTED = Connection(), Counters()


class _Seen(NamedTuple):
    """What the rows on regions and endpoints are made from, each read once at `now`."""

    served: Served
    world: World
    probed: Probed
    outliers: Mapping[str, list[Json]]
    others: Mapping[str, Json]
    now: float


def state_of(served: Served) -> Json:
    """Everything about a daemon that is ready."""
    now = time.monotonic()
    plan, steering = served.snapshot
    world = served.world
    judged = judge_regions(plan, world, now)
    others = {} if served.fleet is None else served.fleet.said_of(served.monitor.settled())
    seen = _Seen(served, world, Probed.of(served.monitor), oddities(served), others, now)
    names, verdicts, fenced = _names(plan), _verdicts(judged), _fences(served)
    outdated = {e.zone.lower(): e for e in served.reloads.outdated if e.zone and e.served}
    return {
        "version": __version__,
        "started": iso(served.started),
        "uptime_seconds": round(time.time() - served.started, 3),
        "ready": served.ready and not served.monitor.isolation.reason,
        "isolation": _isolation(served.monitor.isolation, now),
        "degraded": degraded(served),
        "down": served.outages.down,
        "config": config_path(served),
        "state_directory": str(served.state.path.absolute()) if served.state.path else None,
        "listen": [str(listener) for listener in served.engine.bound],
        "engine": {
            "name": served.engine.name,
            "workers": served.engine.workers,
            "client_map": plan.map_kind,
        },
        "generation": {"plan": plan.generation, "steering": steering.generation},
        "reload": reload_of(served),
        "edits": _edits(served),
        "published": generations_of(served.generations),
        "regions": [_region(region, seen) for region in judged.values()],
        "services": [
            _service(name, served, verdicts[name], names.get(name, []), load)
            | {"fences": [_fence(fence, verdicts[name]) for fence in fenced[name]]}
            for name, load in service_loads(served.load, plan).items()
        ],
        "overrides": overrides_on(served, world.overrides.active(now), now),
        "spill_rules": rules_on(served, served.spill_rules.active(now), now),
        "fleet": None if served.fleet is None else served.fleet.document(),
        "zones": [_zone(zone, outdated) for zone in plan.zones.values()],
        "geo": served.inputs.locator.describe(),
        "rtt": round_trips_of(served),
        "client_maps": _maps(plan),
        "warnings": len(served.inputs.warnings),
    }


def urls_of(served: Served) -> Json:
    """The URLs of all endpoints as they are written, by name: only for those with the token."""
    return {id_: target.endpoint.url for id_, target in served.inputs.targets.by_id.items()}


def config_path(served: Served) -> str:
    """The absolute path of the main configuration file."""
    return served.inputs.main


def _edits(served: Served) -> Json:
    """How edits are noticed; `unsettled` files are waited for, `hanging` ones do not answer."""
    watching = served.watching
    return {
        "watch": watching.enabled,
        "method": watching.method or None,
        "settle_seconds": watching.settle,
        "unsettled": list(watching.unsettled),
        "hanging": list(watching.hanging),
    }


def override_of(override: Override, now: float) -> Json:
    """One override as JSON at `now` (monotonic); `until` is None where it holds until cleared."""
    return {
        "kind": override.kind.value,
        **order_of(override, now),
    }


def _isolation(isolation: IsolationDetector, now: float) -> Json:
    """Whether this host is taken to be isolated; `regions` do not respond again yet."""
    return {
        "isolated": isolation.isolated,
        "since": moment(isolation.since, now),
        "regions": list(isolation.regions),
        "reason": isolation.reason or None,
    }


def _verdict(verdict: Verdict, now: float) -> Json:
    return {
        "state": verdict.state.value,
        "measured": verdict.measured.value,
        "serves": verdict.serves,
        "reason": verdict.reason,
        "changed_at": moment(verdict.changed_at, now),
        "override": override_of(verdict.override, now) if verdict.override else None,
    }


def _region(judged: JudgedRegion, seen: _Seen) -> Json:
    region = seen.served.inputs.config.region[judged.region]
    return {
        "name": judged.name,
        "region": judged.region,
        "country": region.country or None,
        "coordinates": list(region.coordinates),
        "gpus": region.gpus.model_dump() if region.gpus else None,
        "services": list(judged.services),
        **_verdict(judged.verdict, seen.now),
        "withdrawn": withdrawn(judged),
        "hours": _hours(judged, seen),
        "min_endpoints": region.min_endpoints,
        **region_load(seen.served.load, judged.region),
        "endpoints": [_endpoint(id_, verdict, seen) for id_, verdict in judged.endpoints.items()],
    }


def _hours(judged: JudgedRegion, seen: _Seen) -> Json | None:
    """The hours of service of a region that has some; `until` is when it closes, or opens."""
    window = seen.world.service_windows.get(judged.region)
    if window is None:
        return None
    config = seen.served.inputs.config.region[judged.region]
    return {
        "spans": list(config.hours),
        "time_zone": config.time_zone,
        "open": window.open,
        "withdraw": window.override is not None and judged.verdict.override is window.override,
        "changed_at": moment(window.changed_at, seen.now),
        "until": moment(window.until, seen.now),
    }


def _endpoint(id_: str, verdict: Verdict, seen: _Seen) -> Json:
    probed, now = seen.probed, seen.now
    target = seen.served.inputs.targets.by_id[id_]
    counted = probed.counters.get(id_, _NONE_COUNTED)
    endpoint = target.endpoint
    addresses = endpoint.address
    if endpoint.hostname:
        addresses = seen.world.resolved(endpoint.hostname).addresses
    return {
        "name": id_,
        "endpoint": target.name,
        "url": _url(endpoint.url),
        "probe": _probe(target.settings),
        "hostname": endpoint.hostname or None,
        "addresses": list(addresses),
        **_verdict(verdict, now),
        "probes": counted.probes,
        "failures": counted.failures,
        "latency_seconds": None if math.isnan(counted.latency) else round(counted.latency, 6),
        "condition": verdict.condition.value or None,
        "held_until": moment(verdict.held_until, now),
        **endpoint_connection(
            probed.connections.get(id_, _NO_CONNECTION),
            probed.families.get(id_, {}),
            verdict,
            target.settings.certificate_days,
            now,
        ),
        **endpoint_readings(probed.readings.get(id_)),
        "differs": seen.outliers.get(id_, []),
        "others": seen.others.get(id_),
    }


def _probe(settings: Probe) -> Json:
    """Of options that the kind does not have, their default."""
    return {
        name: getattr(settings, name, EveryOption.model_fields[name].default)
        for name in ("kind", "host", "sni", "verify_tls", "credential", "version", "fingerprint")
    }


def _verdicts(judged: Mapping[str, JudgedRegion]) -> Mapping[str, dict[str, Verdict]]:
    """The verdicts on its regions, by service and region."""
    verdicts: defaultdict[str, dict[str, Verdict]] = defaultdict(dict)
    for region in judged.values():
        for service in region.services:
            verdicts[service][region.region] = region.verdict
    return verdicts


def _names(plan: Plan) -> Mapping[str, list[str]]:
    """The owner names of DYNA records, by service."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for zone in plan.zones.values():
        for key, node in zone.steered_nodes():
            if node.dyna is not None:
                names[plan.service_of(node.dyna).name].append(to_text(key).removesuffix("."))
    return names


def _service(
    name: str,
    served: Served,
    verdicts: Mapping[str, Verdict],
    names: Iterable[str],
    load: Json,
) -> Json:
    config = served.inputs.config
    service = config.service[name]
    return {
        "name": name,
        "model": service.model or None,
        "models": {region: service.model_in(region) or None for region in service.regions},
        "must_agree": list(service.must_agree),
        "policy": service.policy,
        "core": service.core or None,
        "answer": service.answer,
        "ttl_seconds": service.ttl,
        "failover_ttl_seconds": service.failover_ttl,
        "serves": any(verdict.serves for verdict in verdicts.values()),
        "regions": {region: verdicts[region].state.value for region in service.regions},
        "load": load,
        "names": sorted(names),
        "pins": [pin for pin, rule in config.pin.items() if name in (rule.services or (name,))],
    }


def _fences(served: Served) -> Mapping[str, list[FenceSize]]:
    """The fences by service."""
    found: defaultdict[str, list[FenceSize]] = defaultdict(list)
    for fence in served.outages.fences:
        found[fence.service].append(fence)
    return found


def _fence(fence: FenceSize, verdicts: Mapping[str, Verdict]) -> Json:
    """A fence, and which of its regions serve."""
    serving = [region for region in fence.regions if verdicts[region].serves]
    return {"pins": list(fence.pins), "regions": list(fence.regions), "serving": serving}


def overrides_on(served: Served, overrides: Mapping[str, Override], now: float) -> list[Json]:
    """The overrides with what they are on, and to whom in the fleet they are said."""
    said = {} if served.fleet is None else served.fleet.words.in_force()
    return [
        {
            "target": key,
            **override_of(override, now),
            **said_to(said, key),
        }
        for key, override in overrides.items()
    ]


def _maps(plan: Plan) -> list[Json]:
    """Each map once, with the services that share it; sizes only of compiled ones."""
    sharing: dict[int, list[str]] = {}
    for name, service in plan.services.items():
        sharing.setdefault(id(service.clients), []).append(name)
    parts: list[Json] = []
    for names in sharing.values():
        clients = plan.services[names[0]].clients
        size = clients.size
        parts.append(
            {
                "kind": clients.kind,
                "services": names,
                "networks": size.leaves if size else None,
                "lists": size.lists if size else None,
                "bytes": size.octets if size else None,
            }
        )
    return parts


def _zone(zone: ZonePlan, outdated: Mapping[str, Outdated]) -> Json:
    """A zone; `outdated` is why it is in an older state than its file, None where it is not."""
    apex = to_text(zone.apex).removesuffix(".") or "."
    why = outdated.get(apex.lower())
    return {
        "apex": apex,
        "serial": serial_of(zone),
        "outdated": None if why is None else "held" if why.held else "refused",
    }


def serial_of(zone: ZonePlan) -> int:
    """The serial of the zone's SOA (RFC 1035 section 3.3.13)."""
    return int.from_bytes(zone.soa.rdatas[0][-1][:4], "big")
