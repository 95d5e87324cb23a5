"""The state of a daemon as one JSON value, for `resolverd state` and for programs.

Times are ISO 8601 in UTC, durations seconds; None stands where there is nothing to say.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from resolverd import __version__
from resolverd.admin.connections import endpoint_connection
from resolverd.admin.inference import endpoint_inference, oddities
from resolverd.admin.liveness import degraded
from resolverd.admin.load import region_load, service_loads
from resolverd.admin.reloads import reload_of
from resolverd.admin.served import Served
from resolverd.admin.times import iso
from resolverd.config.secrets import shown_url
from resolverd.dns.names import to_text
from resolverd.health.isolation import IsolationDetector
from resolverd.health.overrides import Override
from resolverd.health.target import Counters
from resolverd.health.verdict import Verdict
from resolverd.snapshot.inputs import Outdated
from resolverd.snapshot.model import JudgedRegion, Plan, ZonePlan
from resolverd.snapshot.regions import judge_regions

Json = dict[str, Any]


def state_of(served: Served) -> Json:
    """Everything about a daemon that is ready."""
    now = time.monotonic()
    plan, steering = served.snapshot
    judged = judge_regions(plan, served.world, now)
    odd = oddities(served)
    outdated = {e.zone.lower(): e for e in served.reloads.outdated if e.zone and e.served}
    return {
        "version": __version__,
        "started": iso(served.started),
        "uptime_seconds": round(time.time() - served.started, 3),
        "ready": served.ready and not served.monitor.isolation.reason,
        "doubt": _isolation(served.monitor.isolation, now),
        "degraded": degraded(served),
        "config": config_path(served),
        "listen": [str(listener) for listener in served.engine.bound],
        "engine": {
            "name": served.engine.name,
            "workers": served.engine.workers,
            "client_map": plan.map_kind,
        },
        "generation": {"plan": plan.generation, "steering": steering.generation},
        "reload": reload_of(served),
        "edits": _edits(served),
        "regions": [_region(each, served, odd, now) for each in judged.values()],
        "services": [
            _service(name, served, judged, load)
            for name, load in service_loads(served.load, plan).items()
        ],
        "overrides": [_override(k, o, now) for k, o in served.overrides.active(now).items()],
        "zones": [_zone(zone, outdated) for zone in plan.zones.values()],
        "geo": served.inputs.locator.describe(),
        "client_maps": _maps(plan),
        "warnings": len(served.inputs.warnings),
    }


def urls_of(served: Served) -> Json:
    """The URLs of all endpoints as they are written, by name: only for those with the token."""
    return {id_: target.endpoint.url for id_, target in served.inputs.targets.by_id.items()}


def config_path(served: Served) -> str:
    """The main configuration file, as an absolute path."""
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
    """One override; `until` None holds until it is cleared."""
    return {
        "kind": override.kind.value,
        "who": override.who,
        "why": override.why,
        "set_at": _moment(override.set_at, now),
        "until": _moment(override.until, now),
        "seconds_left": None if override.until is None else round(override.remaining(now), 3),
    }


def _moment(reading: float | None, now: float) -> str | None:
    """A reading of the monotonic clock as the time of day that it was, or will be."""
    return None if reading is None else iso(time.time() - (now - reading))


def _isolation(isolation: IsolationDetector, now: float) -> Json:
    """Whether this host is taken to be at fault; `awaited` are regions not heard again yet."""
    return {
        "holds": isolation.isolated,
        "since": _moment(isolation.since, now),
        "awaited": list(isolation.regions),
        "reason": isolation.reason or None,
    }


def _verdict(verdict: Verdict, now: float) -> Json:
    return {
        "state": verdict.state.value,
        "measured": verdict.measured.value,
        "serves": verdict.serves,
        "reason": verdict.reason,
        "since": _moment(verdict.since, now),
        "override": override_of(verdict.override, now) if verdict.override else None,
    }


def _region(
    judged: JudgedRegion, served: Served, odd: Mapping[str, list[Json]], now: float
) -> Json:
    region = served.inputs.config.region[judged.region]
    counters = served.monitor.counters()
    return {
        "name": judged.name,
        "region": judged.region,
        "country": region.country or None,
        "coordinates": list(region.coordinates),
        "gpus": region.gpus.model_dump() if region.gpus else None,
        "services": list(judged.services),
        **_verdict(judged.verdict, now),
        "hours": _hours(judged.region, served, now),
        "min_endpoints": region.min_endpoints,
        **region_load(served.load, judged.region),
        "endpoints": [
            _endpoint(id_, verdict, served, counters, now) | {"differs": odd.get(id_, [])}
            for id_, verdict in judged.endpoints.items()
        ],
    }


def _hours(region: str, served: Served, now: float) -> Json | None:
    """The hours of service of a region that has some; `until` is when it closes, or opens."""
    shift = served.world.shifts.get(region)
    if shift is None:
        return None
    config = served.inputs.config.region[region]
    return {
        "spans": list(config.hours),
        "time_zone": config.time_zone,
        "open": shift.open,
        "since": _moment(shift.since, now),
        "until": _moment(shift.until, now),
    }


def _endpoint(
    id_: str, verdict: Verdict, served: Served, counters: Mapping[str, Counters], now: float
) -> Json:
    target = served.inputs.targets.by_id[id_]
    counted = counters.get(id_, Counters())
    endpoint = target.endpoint
    addresses = endpoint.address
    if endpoint.hostname:
        addresses = served.world.resolved(endpoint.hostname).addresses
    return {
        "name": id_,
        "endpoint": target.name,
        "url": shown_url(endpoint.url),
        "probe": target.settings.model_dump(
            include={"kind", "credential", "verify_tls", "host", "sni"}
        ),
        "hostname": endpoint.hostname or None,
        "addresses": list(addresses),
        **_verdict(verdict, now),
        "probes": counted.probes,
        "failures": counted.failures,
        "latency_seconds": None if math.isnan(counted.latency) else round(counted.latency, 6),
        "condition": verdict.condition.value or None,
        "held_until": _moment(verdict.held_until, now),
        **endpoint_connection(served, id_, verdict, target.settings.certificate_days),
        **endpoint_inference(served, id_),
    }


def _service(name: str, served: Served, judged: Mapping[str, JudgedRegion], load: Json) -> Json:
    config, plan = served.inputs.config, served.snapshot.plan
    service = config.service[name]
    mine = [each for each in judged.values() if name in each.services]
    states = {each.region: each.verdict.state.value for each in mine}
    return {
        "name": name,
        "model": service.model or None,
        "models": {region: service.model_in(region) or None for region in service.regions},
        "policy": service.policy,
        "answer": service.answer,
        "ttl_seconds": service.ttl,
        "failover_ttl_seconds": service.failover_ttl,
        "serves": any(each.verdict.serves for each in mine),
        "regions": {region: states[region] for region in service.regions},
        "load": load,
        "names": sorted(
            to_text(key).removesuffix(".")
            for zone in plan.zones.values()
            for key, node in zone.nodes.items()
            if node.dyna is not None and node.dyna.service == name
        ),
        "pins": [pin for pin, rule in config.pin.items() if name in (rule.services or (name,))],
    }


def _override(key: str, override: Override, now: float) -> Json:
    return {"target": key, **override_of(override, now)}


def _maps(plan: Plan) -> list[Json]:
    """Each map once, with the services that share it; sizes only of compiled ones."""
    sharing: dict[int, list[str]] = {}
    for name, service in plan.services.items():
        sharing.setdefault(id(service.clients), []).append(name)
    told: list[Json] = []
    for names in sharing.values():
        clients = plan.services[names[0]].clients
        size = clients.size
        told.append(
            {
                "kind": clients.kind,
                "services": names,
                "networks": size.leaves if size else None,
                "lists": size.lists if size else None,
                "bytes": size.octets if size else None,
            }
        )
    return told


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
    """The SOA's serial."""
    return int.from_bytes(zone.soa.rdatas[0][-1][:4], "big")
