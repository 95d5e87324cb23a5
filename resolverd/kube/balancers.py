"""Services of type LoadBalancer to entry points: where `status.loadBalancer` has them; pure.

A Service is ours by its annotation, or by one with a hostname to which zones give a service.
"""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.kube.entry_points import (
    EntryPoint,
    LeftOut,
    NoEntryPointError,
    Rules,
    annotated_hosts,
    endpoint_part,
    known_service,
    left_out,
    locations,
    region_for,
    services_of,
)
from resolverd.kube.objects import (
    PORT,
    SCHEME,
    SERVICE,
    SERVICES,
    Cluster,
    Key,
    Object,
    annotation,
    port_of,
    rows,
    shown,
    text,
)

_FIRST = ("https", "http")


def entry_points_of_services(cluster: Cluster, rules: Rules) -> Iterator[EntryPoint | LeftOut]:
    """What the load balancers of a cluster stand for; those that are not ours are passed over."""
    for key, each in cluster.alive(SERVICES):
        if text(each, "spec", "type") != "LoadBalancer":
            continue
        try:
            yield from _entry_points(key, each, rules)
        except NoEntryPointError as error:
            yield left_out(SERVICES, key, error)


def _entry_points(key: Key, each: Object, rules: Rules) -> Iterator[EntryPoint]:
    hosts = annotated_hosts(each)
    if own := annotation(each, SERVICE):
        services = [known_service(own, rules)]
    else:
        services = services_of(hosts, rules)
    if not services:
        return
    ingress = rows(each, "status", "loadBalancer", "ingress")
    addresses = [value for at in ingress if (value := text(at, "ip"))]
    hostnames = [value for at in ingress if not text(at, "ip") and (value := text(at, "hostname"))]
    if not addresses and not hostnames:
        raise NoEntryPointError("its load balancer has no address yet")
    region = region_for(rules, each)
    port = _port(each)
    plain = [host for host in hosts if not host.startswith("*")]
    for service in services:
        host = next((h for h in plain if services_of([h], rules) in ([service], [])), "")
        for address, hostname in locations(addresses, hostnames, rules):
            yield EntryPoint(
                shown(SERVICES, key),
                endpoint_part(SERVICES, key),
                region,
                service,
                address,
                hostname,
                _scheme(each, port),
                port_of(port),
                host,
            )


def _port(each: Object) -> Object:
    """The port that clients come to. Raises NoEntryPointError where it cannot be told."""
    ports = [
        port
        for port in rows(each, "spec", "ports")
        if text(port, "protocol") in ("", "TCP") and port_of(port)
    ]
    if wanted := annotation(each, PORT):
        named = [p for p in ports if wanted in (text(p, "name"), str(port_of(p)))]
        if not named:
            raise NoEntryPointError(f'it has no TCP port "{wanted}", which {PORT} names')
        return named[0]
    if len(ports) == 1:
        return ports[0]
    by_name = {text(port, "name"): port for port in ports}
    for name in _FIRST:
        if name in by_name:
            return by_name[name]
    raise NoEntryPointError(
        "nothing says which of its ports clients come to", f'annotate it with {PORT}: "8000"'
    )


def _scheme(each: Object, port: Object) -> str:
    """How its port is spoken to. Raises NoEntryPointError for an annotation with another scheme."""
    wanted = annotation(each, SCHEME)
    if wanted:
        if wanted not in _FIRST:
            raise NoEntryPointError(f'{SCHEME} is "{wanted}"', "write http or https")
        return wanted
    said = text(port, "appProtocol").lower(), text(port, "name").lower()
    if "https" in said or port_of(port) == 443:
        return "https"
    return "http"
