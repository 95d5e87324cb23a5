"""HTTPRoutes to entry points: what a route stands for is reached where its Gateways are; pure.

A route counts for a Gateway that has accepted it (`status.parents`) and is itself programmed, both
by the conditions of Gateway API v1. Which service it is says its annotation, or else those of its
backends, or else its hostnames, of which zones give services to some.
"""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.kube.entry_points import (
    EntryPoint,
    LeftOut,
    NoEntryPointError,
    Rules,
    annotated_hosts,
    covers,
    endpoint_part,
    known_service,
    left_out,
    locations,
    normal,
    region_for,
    services_of,
)
from resolverd.kube.objects import (
    GATEWAY_GROUP,
    GATEWAYS,
    OLD_POOLS,
    POOL_GROUPS,
    POOLS,
    ROUTES,
    SERVICE,
    SERVICES,
    Cluster,
    Key,
    Kind,
    Object,
    annotation,
    condition,
    get,
    port_of,
    rows,
    shown,
    text,
    texts,
)

_SCHEMES = {"HTTPS": "https", "HTTP": "http"}
_POOLS = dict(zip(POOL_GROUPS, (POOLS, OLD_POOLS), strict=True))


def entry_points_of_routes(cluster: Cluster, rules: Rules) -> Iterator[EntryPoint | LeftOut]:
    """What the routes of a cluster stand for; those of no service of ours are passed over."""
    for key, route in cluster.alive(ROUTES):
        try:
            services = _services(cluster, key, route, rules)
            if services:
                _see_backends(cluster, key, route)
        except NoEntryPointError as error:
            yield left_out(ROUTES, key, error)
            continue
        for parent in rows(route, "spec", "parentRefs") if services else ():
            if _of_gateway(parent):
                try:
                    yield from _at_gateway(cluster, key, route, parent, services, rules)
                except NoEntryPointError as error:
                    yield left_out(ROUTES, key, error)


def _services(cluster: Cluster, key: Key, route: Object, rules: Rules) -> list[str]:
    """The services that it stands for, in the order of their names; none where it is not ours."""
    if own := annotation(route, SERVICE):
        return [known_service(own, rules)]
    of_backends = {
        name
        for kind, backend in _backends(key, route)
        if (name := annotation(cluster.of(kind).get(backend, {}), SERVICE))
    }
    if of_backends:
        return sorted(known_service(name, rules) for name in of_backends)
    return services_of(_asked(route), rules)


def _asked(route: Object) -> list[str]:
    """The hostnames that it is for, those that it is annotated with first."""
    return [*annotated_hosts(route), *map(normal, texts(route, "spec", "hostnames"))]


def _see_backends(cluster: Cluster, key: Key, route: Object) -> None:
    """Raises NoEntryPointError where its backends are pools that are not there, or refused."""
    backends = list(_backends(key, route))
    pools = [(kind, pool) for kind, pool in backends if kind is not SERVICES]
    if not pools or len(pools) < len(backends):
        return
    alive = {kind: dict(cluster.alive(kind)) for kind, _ in pools}
    if not any(pool in alive[kind] and not _refused(alive[kind][pool]) for kind, pool in pools):
        raise NoEntryPointError(
            f"{shown(*pools[0])} is not there, or its Gateways refuse it",
            "see the conditions of the InferencePool, and that its namespace is watched",
        )


def _refused(pool: Object) -> bool:
    """Whether every parent of a pool refuses it: v1 lists them as `parents`, v1alpha2 `parent`."""
    parents = [*rows(pool, "status", "parents"), *rows(pool, "status", "parent")]
    return bool(parents) and all(condition(each, "Accepted") == "False" for each in parents)


def _backends(key: Key, route: Object) -> Iterator[tuple[Kind, Key]]:
    """The Services and pools that it sends requests to."""
    for rule in rows(route, "spec", "rules"):
        for ref in rows(rule, "backendRefs"):
            group, kind = text(ref, "group"), text(ref, "kind") or "Service"
            backend = text(ref, "namespace") or key[0], text(ref, "name")
            if get(ref, "weight") == 0:
                continue
            if (group, kind) == ("", "Service"):
                yield SERVICES, backend
            elif kind == "InferencePool" and group in _POOLS:
                yield _POOLS[group], backend


def _of_gateway(parent: Object) -> bool:
    group = get(parent, "group")
    kind = text(parent, "kind") or "Gateway"
    return kind == "Gateway" and (GATEWAY_GROUP if group is None else group) == GATEWAY_GROUP


def _at_gateway(
    cluster: Cluster, key: Key, route: Object, parent: Object, services: list[str], rules: Rules
) -> Iterator[EntryPoint]:
    """The entry points at one of its parents. Raises NoEntryPointError where there are none."""
    at = text(parent, "namespace") or key[0], text(parent, "name")
    name = shown(GATEWAYS, at)
    gateway = dict(cluster.alive(GATEWAYS)).get(at)
    if gateway is None:
        raise NoEntryPointError(f"{name} is not there", "see that its namespace is watched")
    if not _accepted(key, route, parent):
        raise NoEntryPointError(
            f"{name} has not accepted it", "see the conditions in its status.parents"
        )
    status = get(gateway, "status")
    if condition(status, "Accepted") == "False" or condition(status, "Programmed") != "True":
        raise NoEntryPointError(f"{name} is not programmed", "see the conditions of the Gateway")
    reached = rows(status, "addresses")
    addresses = [text(a, "value") for a in reached if text(a, "type") in ("", "IPAddress")]
    hostnames = [text(a, "value") for a in reached if text(a, "type") == "Hostname"]
    if not addresses and not hostnames:
        raise NoEntryPointError(f"{name} has no address yet")
    region = region_for(rules, route, gateway)
    for service in services:
        listener, host = _listener(gateway, route, parent, service, rules)
        for address, hostname in locations(addresses, hostnames, rules):
            yield EntryPoint(
                shown(ROUTES, key),
                endpoint_part(GATEWAYS, at),
                region,
                service,
                address,
                hostname,
                _SCHEMES[text(listener, "protocol")],
                port_of(listener),
                host,
            )


def _accepted(key: Key, route: Object, parent: Object) -> bool:
    """Whether a controller has accepted it for this parent."""
    wanted = _reference(key, parent)
    return any(
        _reference(key, get(each, "parentRef") or {}) == wanted
        and condition(each, "Accepted") == "True"
        for each in rows(route, "status", "parents")
    )


def _reference(key: Key, parent: Object) -> tuple[object, ...]:
    """A parentRef with its defaults, which a controller need not repeat as they were written."""
    namespace = text(parent, "namespace") or key[0]
    return namespace, text(parent, "name"), text(parent, "sectionName"), get(parent, "port")


def _listener(
    gateway: Object, route: Object, parent: Object, service: str, rules: Rules
) -> tuple[Object, str]:
    """The listener that clients of the service come to, and the hostname that they ask for.

    The parent's section and port decide, then the hostname, then TLS before none and 443 before
    other ports. Raises NoEntryPointError where none is fit.
    """
    section, port = text(parent, "sectionName"), get(parent, "port")
    hosts = _hosts(route, service, rules)
    fit = []
    for index, each in enumerate(rows(gateway, "spec", "listeners")):
        pattern = normal(text(each, "hostname"))
        served = [host for host in hosts if covers(pattern, host)]
        if (
            text(each, "protocol") in _SCHEMES
            and port_of(each)
            and section in ("", text(each, "name"))
            and port in (None, get(each, "port"))
            and (served or not hosts)
            and not _broken(gateway, text(each, "name"))
        ):
            own = pattern if pattern and not pattern.startswith("*") else ""
            tls = text(each, "protocol") == "HTTPS"
            rank = not tls, port_of(each) not in (443, 80), port_of(each), index
            fit.append((rank, each, served[0] if served else own))
    if not fit:
        raise NoEntryPointError(
            f'no listener of its Gateway is for "{service}" by HTTP or HTTPS',
            "see hostnames, sectionName and the listeners' conditions",
        )
    _, listener, host = min(fit, key=lambda each: each[0])
    return listener, host


def _hosts(route: Object, service: str, rules: Rules) -> list[str]:
    """Hostnames without a wildcard by which clients of the service come, the best first."""
    asked = _asked(route)
    own = [host for host in annotated_hosts(route) if not host.startswith("*")]
    mapped = [
        host
        for host, of in sorted(rules.hostnames.items())
        if of == service and not host.startswith("*") and any(covers(each, host) for each in asked)
    ]
    plain = [host for host in asked if not host.startswith("*")]
    free = [host for host in plain if service in services_of([host], rules)]
    return list(dict.fromkeys([*own, *mapped, *(free or plain)]))


def _broken(gateway: Object, listener: str) -> bool:
    for each in rows(gateway, "status", "listeners"):
        if text(each, "name") == listener:
            return "False" in (condition(each, "Accepted"), condition(each, "Programmed"))
    return False
