"""Checks of probes: layers that are right by themselves may contradict one another once merged.

What is found of merged settings is said where its cause is written: in the narrowest layer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import ValidationError

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config
from resolverd.config.positions import Path as KeyPath
from resolverd.config.probe import Probe, ProbeOverride, merge_probe
from resolverd.config.secrets import shown_url
from resolverd.config.targets import endpoint_name, with_model
from resolverd.config.toml_values import toml_value

# Of vLLM, vllm-router, sglang-router, Dynamo, LiteLLM, Ray Serve and LitServe, among others.
_STATIC_PAGES = frozenset(
    {"/health", "/healthz", "/-/healthz", "/readiness", "/liveness", "/live", "/ping",
     "/health/liveliness", "/health/readiness", "/v1/models", "/version"}
)  # fmt: skip
_MODEL = "meta-llama/Llama-3.1-8B-Instruct"


@dataclass(frozen=True, slots=True)
class _Asked:
    """An endpoint as a service has it probed, with the layers of its settings, broadest first."""

    service: str
    region: str
    index: int
    url: str
    layers: tuple[tuple[KeyPath, ProbeOverride | Probe], ...]

    @property
    def path(self) -> KeyPath:
        return ("region", self.region, "endpoint", self.index)

    def rank(self, key: str) -> int:
        """Which layer sets an option: the narrowest has the highest; -1 where none does."""
        setting = [n for n, (_, layer) in enumerate(self.layers) if key in layer.model_fields_set]
        return max(setting, default=-1)

    def where(self, key: str) -> KeyPath:
        """Where an option is set, or [probe]'s own where it is a default."""
        return (*self.layers[max(self.rank(key), 0)][0], key)


def check_probes(config: Config, tree: Tree) -> Iterator[Finding]:
    """Every finding about how endpoints are probed, once for what is written once."""
    said: set[tuple[KeyPath, str]] = set()
    written = tree.get("probe")
    if isinstance(written, Mapping) and written.get("kind", config.probe.kind) != config.probe.kind:
        return  # what is wrong there is said already, and defaults stand in for it
    for asked in _asked(config):
        for finding in _findings(config, asked):
            if (finding.path, finding.check) not in said:
                said.add((finding.path, finding.check))
                yield finding


def _asked(config: Config) -> Iterator[_Asked]:
    for name, region in config.region.items():
        for index, endpoint in enumerate(region.endpoint):
            for service_name, service in config.service.items():
                if name in service.regions:
                    path = ("region", name, "endpoint", index)
                    layers: tuple[tuple[KeyPath, ProbeOverride | Probe], ...] = (
                        (("probe",), config.probe),
                        (("service", service_name, "probe"), service.probe),
                        (("region", name, "probe"), region.probe),
                        ((*path, "probe"), endpoint.probe),
                    )
                    yield _Asked(service_name, name, index, endpoint.url, layers)


def _findings(config: Config, asked: _Asked) -> Iterator[Finding]:
    try:
        settings = merge_probe(*(layer for _, layer in asked.layers))
    except ValidationError as wrong:
        yield _contradiction(config, asked, wrong)
        return
    if settings.kind != "tcp" and asked.url.startswith("tcp:"):
        yield Finding(
            (*asked.path, "url"), "config-probe",
            f'kind = "{settings.kind}" cannot ask {shown_url(asked.url)}',
            'write probe = { kind = "tcp" } for this endpoint, or an http:// URL',
            because=(asked.where("kind"),),
        )  # fmt: skip
        return
    yield from _model(config, asked, settings)
    if settings.asks_for_tokens:
        yield from _clear_credential(asked, settings)


def _contradiction(config: Config, asked: _Asked, wrong: ValidationError) -> Finding:
    """Options that contradict one another, at the narrowest layer that sets one of them."""
    error = wrong.errors(include_url=False)[0]
    name = endpoint_name(asked.region, config.region[asked.region], asked.index)
    context = error.get("ctx", {})
    keys: tuple[str, ...] = context.get("keys", ())
    if not keys:
        message = error["msg"].removeprefix("Value error, ")
        return Finding((*asked.path, "probe"), "config-probe", f"probe of {name}: {message}", "")
    return Finding(
        asked.where(max(keys, key=asked.rank)), "config-probe",
        f"probe of {name} for service {asked.service}: {context['message']}", context["hint"],
        because=tuple(map(asked.where, keys)),
    )  # fmt: skip


def _model(config: Config, asked: _Asked, settings: Probe) -> Iterator[Finding]:
    """What a probe that asks for a model needs; and that one should ask for tokens."""
    service = config.service[asked.service]
    path = ("service", asked.service)
    page = settings.path.partition("?")[0].rstrip("/")
    if settings.kind == "http" and (service.model or service.models) and page in _STATIC_PAGES:
        yield Finding(
            path, "config-static-page",
            f"its probes ask for {page} alone, which vLLM and most gateways answer with 200 while "
            "their engines hang", 'write kind = "vllm" in [probe], which asks for a token',
            "warning", because=(asked.where("kind"), asked.where("path")),
        )  # fmt: skip
    if settings.asks_for_tokens and not with_model(settings, service, asked.region).model:
        add = (
            f"models.{toml_value(asked.region)} = " if service.models else "model = "
        ) + toml_value(_MODEL)
        yield Finding(
            path, "config-vllm-model",
            f"the {settings.kind} probe of region {asked.region} has no model to ask for",
            f"add {add} to [service.{asked.service}], with the model that is served there",
            because=(asked.where("kind"),),
        )  # fmt: skip


def _clear_credential(asked: _Asked, settings: Probe) -> Iterator[Finding]:
    if not settings.credential:
        return
    places: list[tuple[KeyPath, str]] = [((*asked.path, "url"), asked.url)]
    places.append((asked.where("metrics_url"), settings.metrics_url))
    workers = asked.where("workers")
    places += [((*workers, number), url) for number, url in enumerate(settings.workers)]
    for path, url in places:
        parts = urlsplit(url)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            key = "" if isinstance(path[-1], int) else f"{path[-1]} = "
            yield Finding(
                path, "config-credential-clear",
                f"the credential of its probe is sent to {parts.hostname} in the clear",
                f'write {key}"{shown_url(parts._replace(scheme="https").geturl())}"', "warning",
            )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
