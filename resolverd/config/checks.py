"""Checks across options: references, overlaps, and settings that contradict one another.

Each has a stable id. All of them run, and all findings come back together; warnings do not
forbid adoption.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import ValidationError

from resolverd.config.alerts import merge_alerts
from resolverd.config.answer_checks import check_answers
from resolverd.config.explain import did_you_mean
from resolverd.config.finding import Finding, Tree
from resolverd.config.gaps import first_gap
from resolverd.config.hours import DAYS
from resolverd.config.model import Config, Endpoint
from resolverd.config.pin_checks import check_pins
from resolverd.config.probe import Probe, ProbeOverride, merge_probe
from resolverd.config.secret_checks import written_secrets
from resolverd.config.secrets import shown_url
from resolverd.config.sense_checks import check_sense
from resolverd.config.targets import endpoint_name, with_model
from resolverd.config.url_checks import check_urls

# Of vLLM, vllm-router, sglang-router, Dynamo, LiteLLM, Ray Serve and LitServe, among others.
_STATIC_PAGES = frozenset(
    {"/health", "/healthz", "/-/healthz", "/readiness", "/liveness", "/live", "/ping",
     "/health/liveliness", "/health/readiness", "/v1/models", "/version"}
)  # fmt: skip


def cross_check(config: Config, tree: Tree) -> list[Finding]:
    """Every finding of every check below; `tree` is the configuration as it was written."""
    return [finding for check in _CHECKS for finding in check(config, tree)]


def _references(config: Config, tree: Tree) -> Iterator[Finding]:
    tables = tree.get("region", {}), tree.get("service", {})
    if not all(isinstance(table, Mapping) for table in tables):
        return  # said already, and whoever is named here may be in there
    regions, services = map(list, tables)
    for name, service in config.service.items():
        for index, region in enumerate(service.regions):
            if region not in regions:
                yield _unknown(("service", name, "regions", index), region, regions)
            elif region in service.regions[:index]:
                yield Finding(
                    ("service", name, "regions", index), "config-duplicate-region",
                    f'region "{region}" is listed twice', "list it once",
                )  # fmt: skip
        for key, by_region in (("weights", service.weights), ("models", service.models)):
            for region in by_region:
                if region not in service.regions:
                    path = ("service", name, key, region)
                    yield _unknown(path, region, list(service.regions))
        if not service.regions:
            yield Finding(
                ("service", name, "regions"), "config-no-region", "no region serves it", "list one"
            )
    for name, pin in config.pin.items():
        for index, region in enumerate(pin.regions):
            if region not in regions:
                yield _unknown(("pin", name, "regions", index), region, regions)
        for index, wanted in enumerate(pin.services):
            if wanted not in services:
                yield Finding(
                    ("pin", name, "services", index), "config-unknown-service",
                    f'there is no service "{wanted}"', did_you_mean(wanted, services),
                )  # fmt: skip


def _unknown(path: tuple[str | int, ...], region: str, known: list[str]) -> Finding:
    return Finding(
        path, "config-unknown-region", f'there is no region "{region}" here',
        did_you_mean(region, known),
    )  # fmt: skip


def _endpoints(config: Config, tree: Tree) -> Iterator[Finding]:
    named: dict[str, str] = {name: f"region {name}" for name in config.region}
    for name, region in config.region.items():
        if not region.endpoint:
            yield Finding(
                ("region", name), "config-no-endpoint", f'region "{name}" has no endpoint',
                f"add [[region.{name}.endpoint]] with url and address",
            )  # fmt: skip
        elif region.min_endpoints > len(region.endpoint):
            yield Finding(
                ("region", name, "min_endpoints"), "config-min-endpoints",
                f"min_endpoints is {region.min_endpoints} of {len(region.endpoint)} endpoints: "
                "the region could never be up", "lower it or add endpoints",
            )  # fmt: skip
        for index, _ in enumerate(region.endpoint):
            full = endpoint_name(name, region, index)
            if full in named:
                yield Finding(
                    ("region", name, "endpoint", index, "name"), "config-duplicate-endpoint",
                    f'"{full}" is the name of {named[full]} already',
                    "names of regions and endpoints are unique, so that an override is clear",
                )  # fmt: skip
            named[full] = f"an endpoint of {name}"


def _probes(config: Config, tree: Tree) -> Iterator[Finding]:
    """Layers that are right by themselves may contradict one another once merged."""
    modelless: set[str] = set()
    written = tree.get("probe")
    if isinstance(written, Mapping) and written.get("kind", config.probe.kind) != config.probe.kind:
        return  # what is wrong there is said already, and defaults stand in for it
    for name, region in config.region.items():
        for index, endpoint in enumerate(region.endpoint):
            for service_name, service in config.service.items():
                if name not in service.regions:
                    continue
                wrong, settings = _merged(endpoint, config.probe, service.probe, region.probe)
                if settings is not None:
                    yield from _vllm(config, (service_name, name, index), settings, modelless)
                if wrong:
                    yield Finding(
                        ("region", name, "endpoint", index, "probe"), "config-probe",
                        f"probe of {endpoint_name(name, region, index)} for service "
                        f"{service_name}: {wrong}",
                        "the layers [probe], service, region and endpoint are merged in that order",
                    )  # fmt: skip


def _merged(endpoint: Endpoint, *layers: ProbeOverride | Probe) -> tuple[str, Probe | None]:
    """What is wrong with the layers together, and the settings that they make if nothing is."""
    try:
        settings = merge_probe(*layers, endpoint.probe)
    except ValidationError as wrong:
        return wrong.errors()[0]["msg"].removeprefix("Value error, "), None
    if settings.kind != "tcp" and endpoint.url.startswith("tcp:"):
        return f'kind = "{settings.kind}" cannot ask {shown_url(endpoint.url)}', None
    return "", settings


def _vllm(
    config: Config, place: tuple[str, str, int], settings: Probe, modelless: set[str]
) -> Iterator[Finding]:
    """What a probe that asks for a model needs, said once per service, and should not do."""
    service_name, region_name, index = place
    service = config.service[service_name]
    if settings.kind == "http" and (service.model or service.models):
        yield from _static_page(service_name, settings.path, modelless)
    if not settings.asks_for_tokens:
        return
    asks_for = with_model(settings, service, region_name).model
    if not asks_for and service_name not in modelless:
        modelless.add(service_name)
        yield Finding(
            ("service", service_name), "config-vllm-model",
            f"the {settings.kind} probe of region {region_name} has no model to ask for",
            f"add service.{service_name}.model, or its models by region",
        )  # fmt: skip
    asked = config.region[region_name].endpoint[index].url
    for url in map(urlsplit, (asked, settings.metrics_url, *settings.workers)):
        if settings.credential and url.scheme == "http" and not _is_loopback(url.hostname or ""):
            yield Finding(
                ("region", region_name, "endpoint", index, "url"), "config-credential-clear",
                f"the credential of its probe is sent to {url.hostname} in the clear",
                "use https://", "warning",
            )  # fmt: skip


def _static_page(service: str, path: str, said: set[str]) -> Iterator[Finding]:
    """Servers and gateways of models answer these pages with 200 over engines that hang or died."""
    page = path.partition("?")[0].rstrip("/")
    if page in _STATIC_PAGES and service not in said:
        said.add(service)
        yield Finding(
            ("service", service), "config-static-page",
            f"its probes ask for {page} alone, which vLLM and most gateways answer with 200 while "
            "their engines hang", 'write kind = "vllm" in [probe], which asks for a token',
            "warning",
        )  # fmt: skip


def _secrets(config: Config, tree: Tree) -> Iterator[Finding]:
    for path, check, message, mend in written_secrets(config):
        yield Finding(path, check, message, mend, "warning")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _admin(config: Config, tree: Tree) -> Iterator[Finding]:
    listen = config.admin.listen
    if listen is not None and not ipaddress.ip_address(listen.address).is_loopback:
        yield Finding(
            ("admin", "listen"), "config-admin-exposed",
            f"whoever reaches {listen} can read this daemon's metrics and state",
            "listen on loopback, or let only your monitoring through the firewall", "warning",
        )  # fmt: skip


def _services(config: Config, tree: Tree) -> Iterator[Finding]:
    if not config.service:
        yield Finding(
            ("service",), "config-no-service", "no service is declared",
            "add [service.NAME] so that DYNA records have something to stand for", "warning",
        )  # fmt: skip
    for name, service in config.service.items():
        if service.answer == "cname":
            for region in service.regions:
                if region in config.region and not config.region[region].hostname:
                    yield Finding(
                        ("region", region), "config-cname-hostname",
                        f'service {name} answers with a CNAME, but region "{region}" '
                        "has no hostname", f"add region.{region}.hostname",
                    )  # fmt: skip
        weights = [service.weights.get(region, 1) for region in service.regions]
        if any(weight < 0 for weight in weights) or (weights and not any(weights)):
            yield Finding(
                ("service", name, "weights"), "config-weights",
                "weights are whole numbers from 0, at least one of them above",
                "0 keeps a region as a last resort",
            )  # fmt: skip
        if service.weights and service.policy != "weighted":
            yield Finding(
                ("service", name, "weights"), "config-weights-unused",
                f'weights have no effect with policy = "{service.policy}"',
                'write policy = "weighted" or remove them', "warning",
            )  # fmt: skip


def _load(config: Config, tree: Tree) -> Iterator[Finding]:
    for name, region in config.region.items():
        try:
            merge_alerts(config.alerts, region.alerts)
        except ValidationError as wrong:
            yield Finding(
                ("region", name, "alerts"), "config-alerts-contradict",
                f"with [alerts]: {wrong.errors()[0]['msg'].removeprefix('Value error, ')}",
                "write both thresholds in the same table",
            )  # fmt: skip
    for name, service in config.service.items():
        spill = service.spill
        if "dwell" in spill.model_fields_set and spill.dwell < service.ttl:
            yield Finding(
                ("service", name, "spill", "dwell"), "config-spill-dwell",
                f"dwell is shorter than the ttl: steps are {service.ttl:g} s apart",
                "remove it, or lower the ttl", "warning",
            )  # fmt: skip
        if spill.step > spill.most:
            yield Finding(
                ("service", name, "spill", "step"), "config-spill-step",
                "step is over most: the first step is cut to it", "lower step", "warning",
            )  # fmt: skip


def _listeners(config: Config, tree: Tree) -> Iterator[Finding]:
    for index, listener in enumerate(config.server.listen):
        if listener.port and listener in config.server.listen[:index]:
            yield Finding(
                ("server", "listen", index), "config-duplicate-listen",
                f"{listener} is listed twice", "list it once",
            )  # fmt: skip
    if not config.server.listen:
        yield Finding(
            ("server", "listen"), "config-no-listen", "nothing to listen on", "list an address"
        )


def _doubt(config: Config, tree: Tree) -> Iterator[Finding]:
    """Until the second of two probes has timed out, nobody knows whose fault a silence is."""
    layers = (config.probe, *(r.probe for r in config.region.values()))
    layers += tuple(e.probe for r in config.region.values() for e in r.endpoint)
    layers += tuple(service.probe for service in config.service.values())
    timeout = max((layer.timeout or 0.0) for layer in layers)
    if 0 < config.server.doubt < 2 * timeout:
        yield Finding(
            ("server", "doubt"), "config-doubt-short",
            f"{config.server.doubt:g} s are too short to hear from every region before one falls: "
            f"a probe may take {timeout:g} s",
            f"make it more than {2 * timeout:g} s, or 0 to never doubt this host", "warning",
        )  # fmt: skip


def _hours(config: Config, tree: Tree) -> Iterator[Finding]:
    """At no time of the year to come should a fence be closed whole."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    for name, service in config.service.items():
        fences = {"": service.regions}
        for pin, rule in config.pin.items():
            if not rule.services or name in rule.services:
                fences[pin] = tuple(region for region in service.regions if region in rule.regions)
        for pin, fence in fences.items():
            hours = [config.region[r].service_hours for r in fence if r in config.region]
            known = [each for each in hours if each is not None]
            gap = first_gap(known, today) if known and len(known) == len(hours) else None
            if gap is not None:
                when = datetime.fromtimestamp(gap, UTC)
                whose = f"service {name}" + (f" under pin {pin}" if pin else "")
                yield Finding(
                    ("region", fence[0], "hours"), "config-hours-gap",
                    f"no region of {whose} has hours at {when:%H:%M} UTC on "
                    f"{DAYS[when.weekday()]} {when:%Y-%m-%d}: "
                    "its all_down setting decides then",
                    "leave one region without hours, or let theirs meet", "warning",
                )  # fmt: skip


_CHECKS: tuple[Callable[[Config, Tree], Iterator[Finding]], ...] = (
    _references,
    _endpoints,
    _probes,
    _secrets,
    check_pins,
    _services,
    _admin,
    _load,
    _listeners,
    _doubt,
    _hours,
    check_answers,
    check_urls,
    check_sense,
)
