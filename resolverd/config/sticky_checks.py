"""Checks of `sticky`: what is legal and hardly meant, since regions that are kept move slowly."""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config, Service
from resolverd.config.toml_values import toml_value

# Probes of these kinds read no load, so that nothing spills unless it is written.
_WITHOUT_LOAD = frozenset({"tcp", "http"})


def check_sticky(config: Config, tree: Tree) -> Iterator[Finding]:
    """Findings about services whose clients keep their regions."""
    for name, service in config.service.items():
        if not service.sticky:
            continue
        path = ("service", name, "sticky")
        if service.sticky <= service.ttl:
            yield Finding(
                path, "config-sticky-short",
                f"sticky ({service.sticky:g} s) is no longer than ttl ({service.ttl:g} s), for "
                "which an answer is kept anyway",
                "write a longer one, or remove it", "warning",
                because=(("service", name, "ttl"),),
            )  # fmt: skip
        felt = service.ttl + service.sticky
        if felt > service.spill.dwell and _spills(config, name, service):
            spill, written = service.spill, "spill" in service.model_fields_set
            most = felt * max(1, round(spill.max_ratio / spill.step + 0.499))
            yield Finding(
                path, "config-sticky-spill",
                f"a full region's clients keep it for {service.sticky:g} s, so that a step of "
                f"{spill.step:.0%} takes {felt:g} s and max_ratio is reached after {most:g} s at "
                "the earliest",
                "write a shorter sticky, or larger spill.step; or spill.enabled = "
                f"{toml_value(False)} where load is no reason to move", "warning",
                because=(("service", name, "spill"),) if written else (),
            )  # fmt: skip


def _spills(config: Config, name: str, service: Service) -> bool:
    """Whether a full region of the service sends clients on: its load is known."""
    if not service.spill.enabled or len(service.regions) < 2:
        return False
    if service.policy == "ttft" or "spill" in service.model_fields_set:
        return True
    layers = [config.probe, service.probe]
    for region in (config.region[r] for r in service.regions if r in config.region):
        layers += [region.probe, *(endpoint.probe for endpoint in region.endpoint)]
    written = (layer.kind for layer in layers if "kind" in layer.model_fields_set)
    return any(kind not in _WITHOUT_LOAD for kind in written)
