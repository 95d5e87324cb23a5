"""Entry points: where clients reach what a cluster serves, as its objects say; pure.

Each is one address or one hostname: whatever clients are given is probed by itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from resolverd.config.toml_values import toml_key
from resolverd.config.types import is_hostname
from resolverd.dns.hostnames import is_address, normal_host
from resolverd.kube.objects import HOSTNAME, REGION, Key, Kind, Object, annotation, shown

_CONTROLLER = "see what the controller writes there"

Location = tuple[str, str]
"""The address of an entry point, or else its hostname."""


class Rules(NamedTuple):
    """What objects are read by.

    `own` are the regions that the cluster is, the first where no annotation says; `regions`, of
    these, and `services` are those that there are; `hostnames` are the names that zones give to
    services, in lower case, without a dot at the end. `steered` says of a name whether our own
    zones lead it to a service.
    """

    own: tuple[str, ...]
    regions: frozenset[str]
    services: frozenset[str]
    hostnames: Mapping[str, str]
    steered: Callable[[str], bool] = lambda _: False


class EntryPoint(NamedTuple):
    """One entry point of a service in a region, and which object says so.

    `name` is that of the object with the address, fit for the name of an endpoint. `host` is what
    a request there is for; empty where nothing tells.
    """

    said_by: str
    name: str
    region: str
    service: str
    address: str
    hostname: str
    scheme: str
    port: int
    host: str


class LeftOut(NamedTuple):
    """An object of ours that gives no entry point, why, and what to do about it."""

    object: str
    reason: str
    hint: str = ""


class NoEntryPointError(Exception):
    """An object of ours gives no entry point; reason and hint."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def locations(
    addresses: Iterable[str], hostnames: Iterable[str], rules: Rules
) -> Iterator[Location]:
    """Where an object is reached, each once. Raises NoEntryPointError for what is neither.

    An address in the place of a hostname is one. A hostname that clients ask us for is none, for it
    leads to whatever region we give; some load balancers report it beside their addresses, and
    others alone, for which NoEntryPointError is raised.
    """
    given = [normal(each) for each in hostnames]
    known = {_address(each) for each in addresses} | {each for each in given if is_address(each)}
    names = {each for each in given if not is_address(each)}
    for each in names:
        if not is_hostname(each):
            raise NoEntryPointError(f'"{each}" is no hostname', _CONTROLLER)
    asked = {each for each in names if each in rules.hostnames or rules.steered(each)}
    if asked and not known and asked == names:
        raise NoEntryPointError(
            f'"{min(asked)}" is what clients ask for, and leads to any region',
            "have the load balancer report its address, or a name of its own",
        )
    yield from ((address, "") for address in sorted(known))
    yield from (("", name) for name in sorted(names - asked))


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise NoEntryPointError(str(error), _CONTROLLER) from error
    if "%" in text:
        raise NoEntryPointError(f'"{text}" has a zone, which means nothing elsewhere', _CONTROLLER)
    return str(address)


def region_for(rules: Rules, *objects: Object) -> str:
    """The region that the first of these is annotated with, or else the cluster's.

    Raises NoEntryPointError where there is none of that name, or the cluster is not it: who
    annotates an object may not put it into another cluster's region, to which pins may keep
    clients.
    """
    named = next((name for each in objects if (name := annotation(each, REGION))), rules.own[0])
    if named not in rules.own:
        raise NoEntryPointError(
            f'{REGION} is "{named}", which is none of this cluster\'s regions',
            f"change the annotation, or run with --region {named} too",
        )
    if named not in rules.regions:
        raise NoEntryPointError(
            f'there is no region "{named}"',
            f"write [region.{toml_key(named)}] with its coordinates, or run with --coordinates",
        )
    return named


def known_service(name: str, rules: Rules) -> str:
    """The service of that name. Raises NoEntryPointError where there is none."""
    if name not in rules.services:
        raise NoEntryPointError(
            f'there is no service "{name}"',
            f"write [service.{toml_key(name)}], or change the annotation",
        )
    return name


def annotated_hosts(each: Object) -> list[str]:
    """The hostnames that an object is annotated with, in the order written.

    Raises NoEntryPointError for what is none: in the fragment it would keep all others from being
    written.
    """
    hosts = [normal(name) for name in annotation(each, HOSTNAME).split(",") if name.strip()]
    for host in hosts:
        if not is_hostname(host.removeprefix("*.")):
            raise NoEntryPointError(f'{HOSTNAME} is "{host}", which is no hostname', "write one")
    return hosts


def services_of(asked: Iterable[str], rules: Rules) -> list[str]:
    """The services of hostnames, of which either side may have a ``*.``, by name."""
    found: set[str] = set()
    for each in filter(None, asked):
        if each in rules.hostnames:
            found.add(rules.hostnames[each])
        else:
            found |= {
                service
                for host, service in rules.hostnames.items()
                if covers(each, host) or covers(host, each)
            }
    return sorted(found)


def normal(hostname: str) -> str:
    """A hostname as it is compared: in A-labels and lower case, without a dot at the end.

    What is none is only lowered.
    """
    return normal_host(hostname.strip().rstrip("."))


def covers(pattern: str, hostname: str) -> bool:
    """Whether a hostname is the one that is written, or below a ``*.`` one; none covers all."""
    if pattern.startswith("*."):
        return hostname.endswith(pattern[1:])
    return pattern in ("", hostname)


def endpoint_part(kind: Kind, key: Key) -> str:
    """An object within the name of an endpoint: no namespace has a dot, so no two are alike."""
    return f"{kind.name.lower()}.{key[0]}.{key[1]}"


def left_out(kind: Kind, key: Key, error: NoEntryPointError) -> LeftOut:
    """Why this object gives no entry point."""
    return LeftOut(shown(kind, key), error.reason, error.hint)
