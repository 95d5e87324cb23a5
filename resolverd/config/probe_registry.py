"""Which kinds of probe there are: one row each, and the only place that has to know of a new one.

A kind is one object in a module of its own: its settings, checks, probe, and what it exports
(`health.kinds.kind.Kind`). The settings belong to the configuration's declaration, and the rest to
`health`, above `config`; so kinds are named here by their modules, and loaded as plugins are when
the declaration is made. Their modules import what asks endpoints only once something is probed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from resolverd.config.finding import Finding
    from resolverd.config.probe import Probe
    from resolverd.config.probed_endpoint import ProbedEndpoint

# Each holds its kind as `KIND`. The order is that of the reference.
_MODULES = (
    "resolverd.health.kinds.tcp",
    "resolverd.health.kinds.http",
    "resolverd.health.kinds.vllm",
    "resolverd.health.kinds.openai",
)
_registered: list[ProbeKind] = []


class ProbeKind(Protocol):
    """What the configuration has to know of a kind."""

    @property
    def name(self) -> str:
        """What `kind` is set to."""
        ...

    @property
    def settings(self) -> type[Probe]:
        """All its options."""
        ...

    @property
    def schemes(self) -> tuple[str, ...]:
        """What the URL of an endpoint may begin with."""
        ...

    @property
    def check(self) -> Callable[[Any, ProbedEndpoint], Iterator[Finding]]:
        """What is wrong or odd about its settings for one endpoint."""
        ...


def register(kind: ProbeKind) -> None:
    """Add a kind that is not of this package, before anything reads a configuration."""
    if probe_kinds.cache_info().currsize:
        raise RuntimeError("the configuration's declaration is made already")
    _registered.append(kind)


@cache
def probe_kinds() -> Mapping[str, ProbeKind]:
    """Every kind by its name. Raises ValueError where two have one name."""
    kinds: dict[str, ProbeKind] = {}
    for kind in (*(import_module(module).KIND for module in _MODULES), *_registered):
        if kind.name in kinds:
            raise ValueError(f"there are two probe kinds {kind.name}")
        kinds[kind.name] = kind
    return MappingProxyType(kinds)
