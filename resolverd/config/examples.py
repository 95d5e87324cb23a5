"""What may be written for an option, in TOML: its default, or a value that somebody might have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from resolverd.config.alerts import Alerts, AlertsOverride
from resolverd.config.declared import Declared, declaration, members, section_of
from resolverd.config.positions import Path as KeyPath
from resolverd.config.probe_layers import EveryOption, ProbeOverride
from resolverd.config.reference import range_of, unit_of
from resolverd.config.toml_values import duration, toml_value

# By the option's name; of a list, one element.
_EXAMPLES: Mapping[str, Any] = {
    "address": "192.0.2.10",
    "addresses": "192.0.2.53",
    "announced": "med 100",
    "asn": 64500,
    "bias": "20ms",
    "body": "ping",
    "ca": "/etc/ssl/certs/ca-certificates.crt",
    "ca_file": "/etc/resolverd/nats-ca.pem",
    "client_certificate": "/etc/resolverd/client.pem",
    "client_key": "/etc/resolverd/client.key",
    "compare": "version",
    "continents": "EU",
    "coordinates": (50.1, 8.7),
    "core": "chat",
    "count": 8,
    "countries": "DE",
    "country": "DE",
    "credential": "/etc/resolverd/token",
    "credentials": "/etc/resolverd/fleet.creds",
    "degrade": "ttft_p99",
    "domain": "hub",
    "edge": "fra1",
    "expect_body": "ok",
    "files": "rtt/*.csv",
    "fingerprint": "fp_1a2b",
    "geoip": "city.mmdb",
    "gpu_metrics": "http://192.0.2.10:9400/metrics",
    "gpus.model": "H100_SXM",
    "groups": "EEA",
    "headers": {"Accept": "application/json"},
    "host": "gpu1.example",
    "hostname": "gpu1.example",
    "hours": "mon-fri 06:00-22:00",
    "load": {"running": "requests_running"},
    "metrics_url": "http://192.0.2.10:8000/metrics",
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "models": {"us-east": "meta-llama/Llama-3.1-8B-Instruct"},
    "must_agree": "max_model_len",
    "name": "gpu-1",
    "nat64": "2001:db8:64::/96",
    "nsid": "fra1",
    "peers": "router_v4",
    "places": "office",
    "protocols": "anycast_v4",
    "query": "example.com",
    "raised_protocols": "anycast_v4_raised",
    "regions": "us-east",
    "rtt": "http://192.0.2.10:9091/",
    "services": "chat",
    "sni": "gpu1.example",
    "state": "/var/lib/resolverd",
    "subnets": "198.51.100.0/24",
    "token_file": "/etc/resolverd/token",
    "url": "http://192.0.2.10:8000",
    "urls": "nats://127.0.0.1:4222",
    "verdicts": "quorum",
    "version": "0.11.0",
    "weights": {"us-east": 3, "eu-west": 1},
    "workers": "http://192.0.2.11:8000",
}


def complete(declared: Declared) -> Declared:
    """The same option of the complete section, where this one is an override of it."""
    overrides: dict[Any, type[BaseModel]] = {
        ProbeOverride: EveryOption,
        AlertsOverride: Alerts,
    }
    whole = overrides.get(declared.table)
    if whole is None:
        return declared
    field = whole.model_fields.get(str(declared.path[-1]))
    return declared._replace(table=whole, field=field)


def example(declared: Declared, tree: Mapping[str, Any]) -> str:
    """A value in TOML for what is declared; regions and services are those that `tree` has."""
    declared = complete(declared)
    field, key = declared.field, _name(declared.path)
    if field is not None and not field.is_required():
        default = field.get_default(call_default_factory=True, validated_data={})
        if not isinstance(default, BaseModel) and default not in (None, "", (), {}):
            return toml_value(default, seconds=unit_of(field) == "seconds")
    if isinstance(declared.path[-1], int):
        of_list = declaration(declared.path[:-1]).field
        default = () if of_list is None or of_list.is_required() else of_list.default
        if isinstance(default, tuple) and default:
            return toml_value(default[0])
    if get_origin(declared.kind) is tuple and (of := section_of(get_args(declared.kind)[0])):
        return f"[{_inline(of, declared.path, tree)}]"
    section = section_of(declared.kind)
    if section is not None:
        return _inline(section, declared.path, tree)
    known = _known(key, tree)
    value: Any = known or _EXAMPLES.get(key, 1)
    listed = any(get_origin(kind) is tuple for kind in members(declared.kind))
    if get_origin(declared.kind) is dict and key in {"weights", "models"}:
        regions = list(tree.get("region") or ()) if isinstance(tree.get("region"), dict) else []
        old = next(iter(value))
        value = {regions[0] if regions else old: value[old]}
    elif isinstance(value, dict) and get_origin(declared.kind) is not dict:
        value = next(iter(value.values()))
    return toml_value([value] if listed and key != "coordinates" else value)


def choices(kind: Any) -> list[str]:
    """The values of an option that has but a few, quoted."""
    return [
        json.dumps(choice)
        for member in members(kind)
        if get_origin(member) is Literal
        for choice in get_args(member)
        if choice
    ]


def span(field: FieldInfo | None) -> str:
    """The range and unit of an option, such as ``512 to 4096 octets``; empty without any."""
    if field is None:
        return ""
    unit = unit_of(field)
    bounds = [None if bound is None else _bound(bound, unit) for bound in range_of(field)]
    shown = unit if unit != "seconds" else None
    minimum, maximum = bounds
    if minimum is None and maximum is None:
        return f"in {shown}" if shown else ""
    text = (
        f"{minimum} to {maximum}"
        if minimum and maximum
        else f"{minimum} or more"
        if minimum
        else f"to {maximum}"
    )
    return f"{text} {shown}" if shown else text


def _bound(bound: float, unit: str | None) -> str:
    return duration(bound) if unit == "seconds" else f"{bound:.12g}"


def _inline(section: type[BaseModel], path: KeyPath, tree: Mapping[str, Any]) -> str:
    """The options of a section that have to be written, or its first one, as an inline table."""
    fields = section.model_fields
    wanted = [name for name in fields if fields[name].is_required()] or list(fields)[:1]
    wanted += ["address"] if "address" in fields else []

    def declared(name: str) -> Declared:
        return Declared((*path, name), section, fields[name], fields[name].annotation)

    pairs = (f"{name} = {example(declared(name), tree)}" for name in wanted)
    return f"{{ {', '.join(pairs)} }}"


def _known(name: str, tree: Mapping[str, Any]) -> str:
    table = tree.get({"regions": "region", "services": "service"}.get(name, ""))
    return next(iter(table), "") if isinstance(table, dict) else ""


def _name(path: KeyPath) -> str:
    """The option's name: the last part that is one, of a list's element the list's."""
    names = [part for part in path if isinstance(part, str)]
    if names[-2:] == ["gpus", "model"]:
        return "gpus.model"
    return next((name for name in reversed(names[-2:]) if name in _EXAMPLES), names[-1])
