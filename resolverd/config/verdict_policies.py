"""Whose verdicts count for each probe target: `verdicts` of the fleet, its service, its region.

The narrowest that is written decides: the region's, else the service's, else the fleet's. Services
that share a probe target of a region share what is said of it, so they must say the same there.
"""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.config.finding import Finding, Tree
from resolverd.config.fleet import VerdictPolicy, parse_verdicts
from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets, probe_targets
from resolverd.config.toml_values import toml_key


def policies_of(config: Config, targets: ProbeTargets) -> dict[str, VerdictPolicy]:
    """The policy of each probe target, by its id."""
    texts: dict[str, str] = {}
    for (service, region), ids in targets.ids.items():
        text = _text(config, service, region)
        for id_ in ids:
            texts.setdefault(id_, text)
    quorum = config.fleet.quorum
    parsed = {text: _with_quorum(parse_verdicts(text), quorum) for text in set(texts.values())}
    return {id_: parsed[text] for id_, text in texts.items()}


def check_verdicts(config: Config, tree: Tree) -> Iterator[Finding]:
    """Services that share a target and disagree; options that say nothing without a fleet."""
    yield from _shared(config)
    if config.fleet.urls:
        return
    for table, sections in (("region", config.region), ("service", config.service)):
        for name, section in sections.items():
            if section.verdicts:
                yield Finding(
                    (table, name, "verdicts"), "config-verdicts-unused",
                    "verdicts has no effect without a fleet",
                    'write urls = ["nats://127.0.0.1:4222"] in [fleet], or remove verdicts',
                    "warning",
                )  # fmt: skip


def _shared(config: Config) -> Iterator[Finding]:
    said = {name for name, service in config.service.items() if service.verdicts}
    if not said or any(
        region not in config.region for s in config.service.values() for region in s.regions
    ):
        return  # an unknown region is said already
    first: dict[tuple[str, str], str] = {}
    told: set[str] = set()
    for (service, region), ids in probe_targets(config).ids.items():
        for id_ in ids:
            other = first.setdefault((region, id_), service)
            same = _text(config, other, region) == _text(config, service, region)
            if same or service in told:
                continue
            told.add(service)
            at, with_ = (service, other) if service in said else (other, service)
            yield Finding(
                ("service", at, "verdicts"), "config-verdicts-shared",
                f"services {at} and {with_} share the probes of region {region}, and say otherwise "
                "whose verdicts count there",
                f'write verdicts = "{_text(config, at, region)}" in '
                f"[region.{toml_key(region)}], or for both",
            )  # fmt: skip


def _text(config: Config, service: str, region: str) -> str:
    own = config.region[region].verdicts or config.service[service].verdicts
    return own or config.fleet.verdicts


def _with_quorum(policy: VerdictPolicy, quorum: int) -> VerdictPolicy:
    """`policy`, with the fleet's `quorum` where it names no number."""
    return policy._replace(edges=quorum) if policy == VerdictPolicy("quorum") else policy
