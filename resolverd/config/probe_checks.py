"""Checks of probes: layers that are right by themselves may not be once they are merged.

What is found of merged settings is said where its cause is written: in the narrowest layer. What a
kind asks of its settings, it checks itself (`probe_registry.ProbeKind.check`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from pydantic import ValidationError

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config
from resolverd.config.positions import Path as KeyPath
from resolverd.config.probe_layers import (
    COMMON,
    Merged,
    layers_of,
    of_kinds,
    owners,
)
from resolverd.config.probe_registry import probe_kinds
from resolverd.config.probed_endpoint import ProbedEndpoint
from resolverd.config.secrets import shown_url
from resolverd.config.targets import endpoint_name, with_model
from resolverd.config.toml_values import toml_value


def check_probes(config: Config, tree: Tree) -> Iterator[Finding]:
    """Every finding about how endpoints are probed, once for what is written once."""
    said: set[tuple[KeyPath, str]] = set()
    written = tree.get("probe")
    if isinstance(written, Mapping) and written.get("kind", config.probe.kind) != config.probe.kind:
        return  # what is wrong there is said already, and defaults stand in for it
    probed, merged = list(_probed(config)), Merged()
    for asked, alike in probed:
        found = list(_findings(config, asked, merged))
        # Nothing that is found of one is nothing of all that are alike.
        for other in alike if found else ():
            found += _findings(config, replace(asked, service=other), merged)
        for finding in found:
            if (finding.path, finding.check) not in said:
                said.add((finding.path, finding.check))
                yield finding
    yield from _of_other_kinds(config, [asked for asked, _ in probed])


def _probed(config: Config) -> Iterator[tuple[ProbedEndpoint, list[str]]]:
    """Each endpoint as a service has it probed, and which other services have it probed alike.

    Those are services without a model or options of their own.
    """
    served: dict[str, list[tuple[str, list[str]]]] = {}
    plain: dict[str, list[str]] = {}
    for name, service in config.service.items():
        is_plain = not (service.model or service.models or service.probe.model_fields_set)
        for region_name in dict.fromkeys(service.regions):
            if is_plain and region_name in plain:
                plain[region_name].append(name)
                continue
            alike: list[str] = []
            if is_plain:
                plain[region_name] = alike
            served.setdefault(region_name, []).append((name, alike))
    widest = (("probe",), config.probe)
    of_services = {n: (("service", n, "probe"), s.probe) for n, s in config.service.items()}
    for name, region in config.region.items():
        of_region = (("region", name, "probe"), region.probe)
        for index, endpoint in enumerate(region.endpoint):
            narrowest = (("region", name, "endpoint", index, "probe"), endpoint.probe)
            for service_name, alike in served.get(name, ()):
                service = config.service[service_name]
                asked = ProbedEndpoint(
                    service_name,
                    name,
                    index,
                    endpoint.url,
                    (widest, of_services[service_name], of_region, narrowest),
                    serves_models=bool(service.model or service.models),
                    models_by_region=bool(service.models),
                )
                yield asked, alike


def _findings(config: Config, asked: ProbedEndpoint, merged: Merged) -> Iterator[Finding]:
    try:
        settings = merged.of(*(layer for _, layer in asked.layers))
    except ValidationError as error:
        yield _contradiction(config, asked, error)
        return
    kind = probe_kinds()[settings.kind]
    scheme = urlsplit(asked.url).scheme
    if scheme not in kind.schemes:
        suits = next(k.name for k in probe_kinds().values() if scheme in k.schemes)
        yield Finding(
            (*asked.path, "url"), "config-probe",
            f'kind = "{settings.kind}" cannot ask {shown_url(asked.url)}',
            f'write probe = {{ kind = "{suits}" }} for this endpoint, or an {kind.schemes[0]}:// '
            "URL", because=(asked.where("kind"),),
        )  # fmt: skip
        return
    service = config.service[asked.service]
    yield from kind.check(with_model(settings, service, asked.region), asked)


def _contradiction(config: Config, asked: ProbedEndpoint, error: ValidationError) -> Finding:
    """Options that contradict one another, at the narrowest layer that sets one of them."""
    details = error.errors(include_url=False)[0]
    name = endpoint_name(asked.region, config.region[asked.region], asked.index)
    context = details.get("ctx", {})
    keys: tuple[str, ...] = context.get("keys", ())
    if not keys:
        message = details["msg"].removeprefix("Value error, ")
        return Finding((*asked.path, "probe"), "config-probe", f"probe of {name}: {message}", "")
    return Finding(
        asked.where(max(keys, key=asked.rank)), "config-probe",
        f"probe of {name} for service {asked.service}: {context['message']}", context["hint"],
        because=tuple(map(asked.where, keys)),
    )  # fmt: skip


def _of_other_kinds(config: Config, probed: list[ProbedEndpoint]) -> Iterator[Finding]:
    """Each option that none of the kinds has for which its layer is one.

    A layer's own kind stands in where nothing is probed by it.
    """
    below: dict[KeyPath, set[str]] = {}
    where: dict[KeyPath, KeyPath] = {}
    met: set[tuple[int, ...]] = set()
    for asked in probed:
        written = [(path, layer) for path, layer in asked.layers if layer.model_fields_set]
        # Of endpoints with the same layers, as nearly all of a large configuration, one tells all.
        alike = tuple(id(layer) for _, layer in written)
        if alike in met:
            continue
        met.add(alike)
        for path, _ in written:
            below.setdefault(path, set()).add(asked.kind)
            if path not in where:
                where[path] = asked.where("kind")
    for path, layer in layers_of(config):
        kinds = below.get(path) or {layer.kind or config.probe.kind}
        for key in sorted(layer.model_fields_set - set(COMMON)):
            if kinds.isdisjoint(owners(key)):
                others = " or ".join(f"kind = {toml_value(name)}" for name in owners(key))
                yield Finding(
                    (*path, key), "config-probe-kind",
                    f"{key} is an option of {of_kinds(owners(key))}, and what is probed by this is "
                    f"of {of_kinds(sorted(kinds))}",
                    f"write {others} beside it, or remove {key}",
                    because=(where.get(path, (*path, "kind")),),
                )  # fmt: skip
