"""For which host an endpoint's probes ask, as files and its objects say; pure.

The address of a Gateway answers nothing without a Host header, nor, over TLS, without a server name
(SNI, RFC 6066 §3). An endpoint has one table `probe` for all its services, which goes before what
the region and the service say; so it may say only what is right for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from resolverd.config.probe_layers import DEFAULT_KIND, owners
from resolverd.config.types import is_hostname
from resolverd.kube.objects import text


class Asked(NamedTuple):
    """What a probe of one service at an endpoint asks for: its `host`, and its `sni` with TLS.

    `unwritten` has those of the two that no file says, and the objects do.
    """

    wanted: Mapping[str, str]
    unwritten: Mapping[str, str]


def asked(
    tree: Mapping[str, Any], region: str, services: Mapping[str, str], *, tls: bool
) -> Mapping[str, Asked]:
    """What is asked for by service, of those whose probes ask for a host.

    `services` have the host that their objects name, empty where they name none. A server name
    that is written nowhere is that of the host that is written, and else the objects'.
    """
    return {
        service: _asked(tree, region, service, host, tls=tls)
        for service, host in services.items()
        if _kind(tree, region, service) in owners("host")
    }


def said_by_endpoint(by_service: Mapping[str, Asked]) -> dict[str, str]:
    """The endpoint's own `probe`: what is unwritten, where it is right for every service."""
    values = list(by_service.values())
    if any(each.wanted != values[0].wanted for each in values):
        return {}
    return {key: value for each in values for key, value in each.unwritten.items()}


def unsaid(by_service: Mapping[str, Asked]) -> dict[str, Asked]:
    """The services that would be probed without what nobody says, since it differs by service."""
    if said_by_endpoint(by_service):
        return {}
    return {service: each for service, each in sorted(by_service.items()) if each.unwritten}


def _asked(tree: Mapping[str, Any], region: str, service: str, host: str, *, tls: bool) -> Asked:
    own = {key: _written(tree, region, service, key) for key in ("host", "sni")}
    wanted = {"host": own["host"] or host}
    if tls:
        wanted["sni"] = own["sni"] or _server_name(own["host"]) or host
    return Asked(wanted, {key: said for key, said in wanted.items() if said and not own[key]})


def _written(tree: Mapping[str, Any], region: str, service: str, key: str) -> str:
    return next((said for at in _layers(region, service) if (said := text(tree, *at, key))), "")


def _kind(tree: Mapping[str, Any], region: str, service: str) -> str:
    layers = (*_layers(region, service), ("probe",))
    return next((kind for at in layers if (kind := text(tree, *at, "kind"))), DEFAULT_KIND)


def _layers(region: str, service: str) -> Iterator[tuple[str, ...]]:
    """Where options of its probe may stand, the narrowest first."""
    yield "region", region, "probe"
    yield "service", service, "probe"


def _server_name(host: str) -> str:
    """The name in a Host header, which may have a port; empty for an address."""
    name = host.partition(":")[0]
    return name if is_hostname(name) and not name.replace(".", "").isdigit() else ""
