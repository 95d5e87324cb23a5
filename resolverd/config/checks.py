"""Checks across options: references, overlaps, and settings that contradict one another.

Each has a stable id. All of them run, and all findings come back together; warnings do not
forbid adoption.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Literal

from pydantic import ValidationError

from resolverd.config.alerts import merge_alerts
from resolverd.config.answer_checks import check_answers
from resolverd.config.anycast_checks import check_anycast
from resolverd.config.explain import did_you_mean
from resolverd.config.fences import fences
from resolverd.config.finding import Finding, Tree
from resolverd.config.gaps import first_gap
from resolverd.config.hours import DAYS
from resolverd.config.listen_checks import check_listen
from resolverd.config.model import Config, Service
from resolverd.config.own_place_checks import check_nat64, check_own_places
from resolverd.config.pin_checks import check_pins
from resolverd.config.probe_checks import check_probes
from resolverd.config.secret_checks import written_secrets
from resolverd.config.sense_checks import check_sense
from resolverd.config.sticky_checks import check_sticky
from resolverd.config.targets import endpoint_name
from resolverd.config.text_checks import check_text
from resolverd.config.tier_checks import check_tiers
from resolverd.config.toml_values import toml_key, toml_value
from resolverd.config.types import Listener
from resolverd.config.url_checks import check_urls
from resolverd.config.verdict_policies import check_verdicts

# Shares are reckoned with floating-point numbers, which have each whole number up to here.
_MAX_WEIGHT = 2**53
# What is over it is proposed anew with this for the greatest: the same shares, and legible.
_PROPOSED_WEIGHT = 1_000_000


def cross_check(config: Config, tree: Tree) -> list[Finding]:
    """Every finding of every check below; `tree` is the configuration as it was written."""
    return [finding for check in _CHECKS for finding in check(config, tree)]


def _references(config: Config, tree: Tree) -> Iterator[Finding]:
    tables = tree.get("region", {}), tree.get("service", {})
    if not all(isinstance(table, Mapping) for table in tables):
        return  # said already, and whoever is named here may be in there
    regions, services = map(list, tables)
    known = frozenset(regions)
    for name, service in config.service.items():
        first = dict(reversed([(r, i) for i, r in enumerate(service.regions)]))
        for index, region in enumerate(service.regions):
            if region not in known:
                yield _unknown(("service", name, "regions", index), region, regions)
            elif first[region] < index:
                yield Finding(
                    ("service", name, "regions", index), "config-duplicate-region",
                    f'region "{region}" is listed twice',
                    f"write regions = {toml_value(list(dict.fromkeys(service.regions)))}",
                )  # fmt: skip
        for key, by_region in (("weights", service.weights), ("models", service.models)):
            for region in by_region:
                # Of a misspelt one among its regions it is said, and this may be how it is meant.
                meant = region in known and not known.issuperset(service.regions)
                if region not in service.regions and not meant:
                    path = ("service", name, key, region)
                    yield _unknown(path, region, list(service.regions), at="key")
        if not service.regions:
            yield Finding(
                ("service", name, "regions"), "config-no-region", "no region serves it",
                f"write regions = {toml_value(regions[:1] or ['us-east'])}",
            )  # fmt: skip
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


def _unknown(
    path: tuple[str | int, ...],
    region: str,
    known: list[str],
    at: Literal["value", "key"] = "value",
) -> Finding:
    return Finding(
        path, "config-unknown-region", f'there is no region "{region}" here',
        did_you_mean(region, known), at=at,
    )  # fmt: skip


def _endpoints(config: Config, tree: Tree) -> Iterator[Finding]:
    named: dict[str, str] = {name: f"region {name}" for name in config.region}
    for name, region in config.region.items():
        if not region.endpoint:
            yield Finding(
                ("region", name), "config-no-endpoint", f'region "{name}" has no endpoint',
                f'add [[region.{toml_key(name)}.endpoint]] with address = ["192.0.2.10"] and url = '
                '"http://192.0.2.10:8000"',
            )  # fmt: skip
        elif region.min_endpoints > len(region.endpoint):
            yield Finding(
                ("region", name, "min_endpoints"), "config-min-endpoints",
                f"min_endpoints is {region.min_endpoints} of {len(region.endpoint)} endpoints: "
                "the region could never be up",
                f"write min_endpoints = {len(region.endpoint)}, or add endpoints",
            )  # fmt: skip
        for index, _ in enumerate(region.endpoint):
            full = endpoint_name(name, region, index)
            if full in named:
                yield Finding(
                    ("region", name, "endpoint", index, "name"), "config-duplicate-endpoint",
                    f'"{full}" is the name of {named[full]} already',
                    f'write name = "{_free(full, named)}": an override goes by names alone',
                )  # fmt: skip
            named[full] = f"an endpoint of {name}"


def _free(name: str, taken: Mapping[str, str]) -> str:
    return next(new for n in count(2) if (new := f"{name}-{n}") not in taken)


def _secrets(config: Config, tree: Tree) -> Iterator[Finding]:
    for path, check, message, hint in written_secrets(config):
        yield Finding(path, check, message, hint, "warning")


def _admin(config: Config, tree: Tree) -> Iterator[Finding]:
    listen = config.admin.listen
    if listen is not None and not ipaddress.ip_address(listen.address).is_loopback:
        yield Finding(
            ("admin", "listen"), "config-admin-exposed",
            f"whoever reaches {listen} can read this daemon's metrics and state",
            f'write listen = "{_loopback(listen)}", or let only monitoring through',
            "warning",
        )  # fmt: skip


def _loopback(listener: Listener) -> Listener:
    return listener._replace(address="::1" if ":" in listener.address else "127.0.0.1")


def _services(config: Config, tree: Tree) -> Iterator[Finding]:
    if not config.service:
        yield Finding(
            ("service",), "config-no-service", "no service is declared",
            "add [service.chat] with regions = "
            f"{toml_value(list(config.region)[:1] or ['us-east'])}, for DYNA records to stand for",
            "warning",
        )  # fmt: skip
    for name, service in config.service.items():
        if service.answer == "cname":
            for region in service.regions:
                if region in config.region and not config.region[region].hostname:
                    yield Finding(
                        ("region", region), "config-cname-hostname",
                        f'service {name} answers with a CNAME, but region "{region}" '
                        "has no hostname", f'add hostname = "{region}.example.com" there',
                    )  # fmt: skip
        weights = [service.weights.get(region, 1) for region in service.regions]
        outside = any(not 0 <= weight <= _MAX_WEIGHT for weight in weights)
        if outside or (weights and not any(weights)):
            yield Finding(
                ("service", name, "weights"), "config-weights",
                f"weights are whole numbers from 0 to {_MAX_WEIGHT}, at least one of them above 0",
                f"write weights = {toml_value(_weights(service.weights))}",
            )  # fmt: skip
        if service.weights and service.policy != "weighted":
            yield Finding(
                ("service", name, "weights"), "config-weights-unused",
                f'weights have no effect with policy = "{service.policy}"',
                'write policy = "weighted" or remove them', "warning",
                because=(("service", name, "policy"),),
            )  # fmt: skip
        if service.policy == "ttft":
            yield from _unused_thresholds(name, service)
        if service.trickle and len(service.regions) == 1:
            yield Finding(
                ("service", name, "trickle"), "config-trickle-unused",
                f"service {name} has one region, so that there is no second to trickle to",
                "remove trickle, or add a region", "warning",
                because=(("service", name, "regions"),),
            )  # fmt: skip


def _unused_thresholds(name: str, service: Service) -> Iterator[Finding]:
    """What is written of saturation where cost moves shares."""
    written = service.spill.model_fields_set & {"start", "end", "dwell"}
    for key in sorted(written):
        yield Finding(
            ("service", name, "spill", key), "config-spill-unused",
            f'{key} has no effect with policy = "ttft", where cost moves shares',
            'write policy = "latency" or remove it', "warning",
            because=(("service", name, "policy"),),
        )  # fmt: skip


def _weights(written: Mapping[str, int]) -> dict[str, int]:
    """Weights of the same shares within their range, the first above 0 where all would be 0."""
    weights = {region: max(0, weight) for region, weight in written.items()}
    top = max(weights.values(), default=0)
    if top > _MAX_WEIGHT:
        weights = {
            region: max(1, weight * _PROPOSED_WEIGHT // top) if weight else 0
            for region, weight in weights.items()
        }
    if not any(weights.values()):
        weights[next(iter(weights))] = 1
    return weights


def _load(config: Config, tree: Tree) -> Iterator[Finding]:
    for name, region in config.region.items():
        try:
            merge_alerts(config.alerts, region.alerts)
        except ValidationError as error:
            context = error.errors()[0]["ctx"]
            keys = context["keys"]
            path, broad = ("region", name, "alerts"), config.alerts.model_fields_set
            ours = [key for key in keys if key in region.alerts.model_fields_set]
            yield Finding(
                (*path, *ours[:1]), "config-alerts-contradict",
                f"with [alerts]: {context['message']}", context["hint"],
                because=tuple(
                    ("alerts", key) for key in keys if key not in ours and key not in broad
                ),
            )  # fmt: skip
    for name, service in config.service.items():
        spill = service.spill
        felt = service.ttl + service.sticky
        if "dwell" in spill.model_fields_set and spill.dwell < felt:
            longer = "the ttl and sticky together are" if service.sticky else "the ttl is"
            yield Finding(
                ("service", name, "spill", "dwell"), "config-spill-dwell",
                f"{longer} longer than dwell: steps are {felt:g} s apart",
                f'write dwell = "{felt:g}s", or remove it', "warning",
                because=(("service", name, "ttl"),),
            )  # fmt: skip
        if spill.step > spill.max_ratio:
            yield Finding(
                ("service", name, "spill", "step"), "config-spill-step",
                f"step ({spill.step:g}) is over max_ratio ({spill.max_ratio:g}): the "
                "first step is cut to it",
                f"write step = {spill.max_ratio:g}", "warning",
                because=(("service", name, "spill", "max_ratio"),),
            )  # fmt: skip


def _isolation_window(config: Config, tree: Tree) -> Iterator[Finding]:
    """Until the second of two probes has timed out, nobody knows whose fault a silence is."""
    layers = (config.probe, *(r.probe for r in config.region.values()))
    layers += tuple(e.probe for r in config.region.values() for e in r.endpoint)
    layers += tuple(service.probe for service in config.service.values())
    timeout = max((layer.timeout or 0.0) for layer in layers)
    if 0 < config.server.isolation_window < 2 * timeout:
        yield Finding(
            ("server", "isolation_window"), "config-isolation-window-short",
            f"{config.server.isolation_window:g} s are too short to hear from every region before "
            f"one falls: a probe may take {timeout:g} s",
            f'write isolation_window = "{2 * timeout + 1:g}s", or 0 for a host that is never '
            "isolated",
            "warning",
            because=() if any(layer.timeout == timeout and "timeout" in layer.model_fields_set
                              for layer in layers) else (("probe", "timeout"),),
        )  # fmt: skip


def _hours(config: Config, tree: Tree) -> Iterator[Finding]:
    """At no time of the year to come should a fence be closed whole."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    for fence in fences(config):
        if not all(region in config.region for region in fence.regions):
            continue
        hours = [config.region[region].service_hours for region in fence.regions]
        known = [week for week in hours if week is not None]
        gap = first_gap(known, today) if known and len(known) == len(hours) else None
        if gap is not None:
            when = datetime.fromtimestamp(gap, UTC)
            yield Finding(
                ("region", fence.regions[0], "hours"), "config-hours-gap",
                f"no region of {fence} has hours at {when:%H:%M} UTC on "
                f"{DAYS[when.weekday()]} {when:%Y-%m-%d}: "
                "its all_down setting decides then",
                'write hours = ["00:00-24:00"] for one of them, or let theirs meet', "warning",
            )  # fmt: skip


_CHECKS: tuple[Callable[[Config, Tree], Iterator[Finding]], ...] = (
    check_text,
    _references,
    _endpoints,
    check_probes,
    _secrets,
    check_pins,
    check_own_places,
    check_nat64,
    _services,
    check_tiers,
    _admin,
    _load,
    check_listen,
    _isolation_window,
    _hours,
    check_answers,
    check_urls,
    check_sense,
    check_sticky,
    check_verdicts,
    check_anycast,
)
