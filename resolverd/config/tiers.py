"""Edge services and the core services behind them: which names and regions they have; pure.

A service with `core` is an edge service, and the one that it names its core service. The two are a
pair, whose alias, EDGE/core in a DYNA record, is the core service as the edge's clients see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from resolverd.config.model import Config

_CORE = "/core"


def alias_of(edge: str) -> str:
    """What a DYNA record calls the core service behind an edge service."""
    return f"{edge}{_CORE}"


def edge_of_alias(name: str) -> str:
    """The edge service of an alias; empty where `name` is that of a service itself."""
    return name.removesuffix(_CORE) if name.endswith(_CORE) else ""


def service_of(name: str, config: Config) -> str:
    """The service whose addresses a DYNA of this `name` gives: of an alias the core service.

    What is no alias of a pair stays as it is.
    """
    edge = config.service.get(edge_of_alias(name))
    return edge.core if edge is not None and edge.core else name


def cores(config: Config) -> dict[str, str]:
    """The core service of each edge service, those alone that are there."""
    services = config.service.items()
    return {name: edge.core for name, edge in services if edge.core in config.service}


def answers(config: Config) -> Mapping[str, Literal["address", "cname"]]:
    """What is answered at a DYNA, by all names that one may have: of services and of pairs."""
    own = {name: service.answer for name, service in config.service.items()}
    return own | {alias_of(edge): own[core] for edge, core in cores(config).items()}


def behind(config: Config, service: str) -> tuple[str, ...]:
    """The regions that answer for a service beside its own, where none of those serves."""
    settings = config.service[service]
    core = config.service.get(settings.core) if settings.core_fallback else None
    if core is None:
        return ()
    return tuple(region for region in core.regions if region not in settings.regions)


def answering(config: Config, service: str) -> tuple[str, ...]:
    """All regions that may answer for a service, its own first."""
    return (*config.service[service].regions, *behind(config, service))
