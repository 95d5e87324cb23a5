"""Hostnames of endpoints, URLs and regions that our own zones answer; pure.

An endpoint's hostname stands for the addresses of one region, for pins and for health. Where a name
of it has a DYNA, whoever looks it up is given whatever region is best for the resolver that asks:
one that may be given in its stead, so it is refused, or a part of it, so it is warned of. A CNAME
to a region's `hostname` is followed by the client itself, so there a DYNA of another service is
good, as long as that service keeps to the same pins and leads not back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import dns.name

from resolverd.config.fences import fences, these_pins
from resolverd.config.finding import Finding
from resolverd.config.model import Config
from resolverd.config.positions import Path as KeyPath
from resolverd.config.tiers import answering, service_of
from resolverd.errors import Severity
from resolverd.snapshot.own_names import Lead, OwnNames, Zones, host_name


class HostFinding(NamedTuple):
    """What is found of a hostname, and where in our zones it leads."""

    finding: Finding
    lead: Lead


class _Hostname(NamedTuple):
    path: KeyPath
    region: str
    lead: Lead

    @property
    def text(self) -> str:
        """The name, and the one that it leads to."""
        first, *_, last = (*self.lead.names, self.lead.names[-1])
        return str(first) if first == last else f"{first}, which leads to {last},"


def check_hosts(config: Config, zones: Zones) -> Iterator[Finding]:
    """Every finding about hostnames of endpoints, of URLs and of regions."""
    own = OwnNames(zones)
    yield from (each.finding for each in check_hostnames(config, own))
    for name, region in config.region.items():
        for index, endpoint in enumerate(region.endpoint):
            asked = _of_url(("region", name, "endpoint", index, "url"), name, endpoint.url, own)
            if asked.lead.end == "steered" and asked.lead != own.host(endpoint.hostname):
                yield _asked(asked, "the probe asks whatever region it gives")
        for option in ("gpu_metrics", "rtt"):
            for index, url in enumerate(getattr(region, option)):
                asked = _of_url(("region", name, option, index), name, url, own)
                if asked.lead.end == "steered":
                    yield _asked(asked, "what is read there is of whatever region it gives")


def check_hostnames(config: Config, own: OwnNames) -> Iterator[HostFinding]:
    """What is found of the hostnames that clients are led to: of endpoints and of regions."""
    for name, region in config.region.items():
        for index, endpoint in enumerate(region.endpoint):
            if endpoint.hostname:
                path = ("region", name, "endpoint", index, "hostname")
                host = _Hostname(path, name, own.host(endpoint.hostname))
                yield from _looked_up(host, config)
    yield from _aliases(config, own)


def _of_url(path: KeyPath, region: str, url: str, own: OwnNames) -> _Hostname:
    return _Hostname(path, region, own.host(urlsplit(url).hostname or ""))


def hostnames(config: Config) -> frozenset[dns.name.Name]:
    """All hostnames that `check_hostnames` may look at."""
    regions = config.region.values()
    texts = {region.hostname for region in regions}
    texts |= {endpoint.hostname for region in regions for endpoint in region.endpoint}
    return frozenset(name for text in texts if text and (name := host_name(text)) is not None)


def _looked_up(host: _Hostname, config: Config) -> Iterator[HostFinding]:
    if host.lead.end == "steered":
        service = host.lead.service
        beside = _beside(host.region, config).intersection(_given(service, config))
        yield _found(
            host, "config-hostname-steered",
            f"{host.text} is answered by service {service} here: its addresses are those of "
            f"whatever region it gives an edge host, and not those of {host.region}",
            f"write a name of {host.region} alone, or its addresses in place of it",
            warning=not beside,
        )  # fmt: skip
    yield from _unanswered(
        host,
        f"region {host.region} has nothing of it to hand out, unless this host is given "
        "another view of the zone",
    )


def _beside(region: str, config: Config) -> frozenset[str]:
    """The regions of the services that may answer with a region, that itself among them."""
    lists = (answering(config, service) for service in config.service)
    return frozenset(name for regions in lists if region in regions for name in regions)


def _given(service: str, config: Config) -> tuple[str, ...]:
    name = service_of(service, config)
    return answering(config, name) if name in config.service else ()


def _asked(host: _Hostname, consequence: str) -> Finding:
    return Finding(
        host.path, "config-url-steered",
        f"{host.text} is answered by service {host.lead.service} here: {consequence}, and proves "
        f"nothing of {host.region}",
        "write a name of its own there, or its address; a probe may have this name as host and sni",
        "warning",
    )  # fmt: skip


def _unanswered(host: _Hostname, consequence: str) -> Iterator[HostFinding]:
    if host.lead.end in ("nothing", "loop"):
        last = host.lead.names[-1]
        why = "is in a CNAME loop" if host.lead.end == "loop" else "has no address here"
        yield _found(
            host, "config-hostname-unanswered", f"{host.text} {why}: {consequence}",
            f"write {last} A 192.0.2.1 with its address in the zone, or another hostname",
            warning=True,
        )  # fmt: skip


def _found(
    host: _Hostname, check: str, message: str, hint: str, *, warning: bool = False
) -> HostFinding:
    severity: Severity = "warning" if warning else "error"
    return HostFinding(Finding(host.path, check, message, hint, severity), host.lead)


def _aliases(config: Config, own: OwnNames) -> Iterator[HostFinding]:
    """What is found of the names that services with CNAMEs point to."""
    hosts: dict[str, _Hostname] = {}
    leads: dict[str, dict[str, str]] = {}
    for service, settings in config.service.items():
        for region in answering(config, service) if settings.answer == "cname" else ():
            if region not in config.region or not (text := config.region[region].hostname):
                continue
            if region not in hosts:
                host = hosts[region] = _Hostname(
                    ("region", region, "hostname"), region, own.host(text)
                )
                yield from _unanswered(host, f"the CNAME of service {service} leads nowhere")
            if hosts[region].lead.end == "steered":
                target = service_of(hosts[region].lead.service, config)
                leads.setdefault(service, {})[region] = target
    if leads:
        yield from _Aliased(config, leads).findings(hosts)


class _Aliased:
    """Services whose CNAMEs for some regions point to names of other services: `leads`."""

    def __init__(self, config: Config, leads: Mapping[str, Mapping[str, str]]) -> None:
        self._config, self._leads = config, leads
        self._fences = fences(config)
        self._allowed = {
            (fence.service, fence.pins): frozenset(fence.regions) for fence in self._fences
        }

    def findings(self, hosts: Mapping[str, _Hostname]) -> Iterator[HostFinding]:
        """What is found of each region that leads to a service."""
        for service, regions in self._leads.items():
            for region, target in regions.items():
                if target not in self._config.service:
                    continue
                host = hosts[region]
                if service in self._reached(target, ()):
                    yield _found(
                        host, "config-hostname-steered",
                        f"{host.text} is answered by service {target} here, by which the CNAME of "
                        f"service {service} leads back to itself",
                        f"write a name of {region} alone",
                    )  # fmt: skip
                else:
                    yield from self._past_pins(service, region, target, host)

    def _past_pins(
        self, service: str, region: str, target: str, host: _Hostname
    ) -> Iterator[HostFinding]:
        for fence in self._fences:
            if fence.service != service or not fence.pins or region not in fence.regions:
                continue
            given = {name for each in self._reached(target, fence.pins).values() for name in each}
            if outside := sorted(given.difference(fence.regions)):
                yield _found(
                    host, "config-hostname-steered",
                    f"{host.text} is answered by service {target} here, which may give clients of "
                    f"{these_pins(fence.pins)} {', '.join(outside)}: the pin of service {service} "
                    "keeps that from them",
                    f"write {target} in the services of the pin too, or a name of {region} alone",
                )  # fmt: skip
                return

    def _reached(self, service: str, pins: tuple[str, ...]) -> dict[str, frozenset[str]]:
        """The services that its CNAMEs come to under these pins, with the regions they give."""
        found: dict[str, frozenset[str]] = {}
        waiting = [service]
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._config.service:
                continue
            regions = frozenset(answering(self._config, name))
            for pin in pins:
                regions &= self._allowed.get((name, (pin,)), regions)
            onward = self._leads.get(name, {})
            waiting += [onward[region] for region in regions if region in onward]
            found[name] = frozenset(region for region in regions if region not in onward)
        return found
