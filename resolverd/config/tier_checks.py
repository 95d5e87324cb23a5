"""Whether each edge service and the core service behind it fit together."""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.config.explain import did_you_mean
from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config, Service
from resolverd.config.tiers import answering
from resolverd.config.toml_values import toml_key

# As of the regions of one service (`regions` in model.py).
_MOST = 255


def check_tiers(config: Config, tree: Tree) -> Iterator[Finding]:
    """Every finding about `core` and `core_fallback` of services."""
    for name, service in config.service.items():
        if service.core:
            yield from _of_pair(name, service, config)
        elif not service.core_fallback:
            yield Finding(
                ("service", name, "core_fallback"), "config-core-unused",
                f"service {name} has no core, so that core_fallback has no effect",
                "name the service behind it in core, or remove core_fallback", "warning",
            )  # fmt: skip


def _of_pair(name: str, edge: Service, config: Config) -> Iterator[Finding]:
    path = ("service", name, "core")
    others = [other for other in config.service if other != name]
    core = config.service.get(edge.core)
    if edge.core == name:
        yield Finding(
            path, "config-core-itself", f"service {name} is its own core",
            f'write core = "{others[0]}"' if others else "remove core",
        )  # fmt: skip
    elif core is None:
        yield Finding(
            path, "config-core-unknown", f'there is no service "{edge.core}"',
            did_you_mean(edge.core, others),
        )  # fmt: skip
    elif core.core:
        yield Finding(
            path, "config-core-chain",
            f"service {edge.core} has a core of its own, {core.core}: there are two tiers",
            f'write core = "{core.core}" here, or remove core from '
            f"[service.{toml_key(edge.core)}]",
            because=(("service", edge.core, "core"),),
        )  # fmt: skip
    elif edge.core_fallback:
        yield from _of_fallback(name, edge, core, config)


def _of_fallback(name: str, edge: Service, core: Service, config: Config) -> Iterator[Finding]:
    if core.answer != edge.answer:
        yield Finding(
            ("service", name, "core"), "config-core-answer",
            f'service {edge.core} has answer = "{core.answer}", and {name} "{edge.answer}": '
            "its regions cannot answer here",
            f'write answer = "{core.answer}" in [service.{toml_key(name)}], or '
            "core_fallback = false",
            because=(("service", edge.core, "answer"),),
        )  # fmt: skip
    if (count := len(answering(config, name))) > _MOST:
        yield Finding(
            ("service", name, "core"), "config-core-regions",
            f"with those of {edge.core}, service {name} has {count} regions; "
            f"{_MOST} are the most",
            "write core_fallback = false, or list fewer regions",
        )  # fmt: skip
