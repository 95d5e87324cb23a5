"""From entry points to a fragment of the configuration, `resolverd.d/NAME.json`; pure.

A region's endpoints are given to the clients of every service that has the region, so all entry
points of a region have to be those of all its services; what is otherwise is refused, with what to
annotate. What other files say already, the fragment does not say again. The same entry points give
the same octets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from resolverd.config import json_text
from resolverd.config.registered import KNOWN
from resolverd.config.toml_values import toml_key, toml_value
from resolverd.errors import Problem
from resolverd.kube import probe_hosts
from resolverd.kube.entry_points import EntryPoint
from resolverd.kube.objects import REGION, get, texts

Coordinates = tuple[float, float]

# What stands before the braces of an endpoint, and of nothing else, in the text of a fragment.
_INDENT = 8 * " "


class Elsewhere(NamedTuple):
    """The tables of all other files, and where the regions stand of which these say nothing.

    `coordinates` are in degrees, by region.
    """

    tree: Mapping[str, Any]
    coordinates: Mapping[str, Coordinates]

    @property
    def services(self) -> frozenset[str]:
        """The services that are configured."""
        return frozenset(_table(self.tree, "service"))

    @property
    def regions(self) -> frozenset[str]:
        """The regions that endpoints may be of."""
        return frozenset(_table(self.tree, "region")) | frozenset(self.coordinates)

    def has_region(self, service: str, region: str) -> bool:
        """Whether the service lists the region already."""
        return region in texts(self.tree, "service", service, "regions")

    def point_wanted(self, region: str) -> Coordinates | None:
        """Where the region stands, unless that is written."""
        written = get(self.tree, "region", region, "coordinates") is not None
        return None if written else self.coordinates.get(region)


@dataclass(slots=True)
class _Endpoint:
    entry_point: EntryPoint
    services: dict[str, str] = field(default_factory=dict)  # and the host of each
    said_by: set[str] = field(default_factory=set)

    @property
    def at(self) -> str:
        return self.entry_point.address or self.entry_point.hostname

    @property
    def name(self) -> str:
        return f"{self.entry_point.region}.{self.entry_point.name}.{self.at.replace(':', '-')}"

    @property
    def sayers(self) -> str:
        return ", ".join(sorted(self.said_by))

    @property
    def url(self) -> str:
        host = f"[{self.at}]" if ":" in self.at else self.at
        return f"{self.entry_point.scheme}://{host}:{self.entry_point.port}"


class Fragment(NamedTuple):
    """A fragment's text, its endpoints, and what is wrong among the entry points.

    `said_by` has the objects that each of its `endpoints` comes from; both in the text's order.
    """

    text: str
    endpoints: tuple[str, ...]
    said_by: tuple[str, ...]
    problems: tuple[Problem, ...]

    def blame(self, line: int) -> str:
        """The objects that a line of the text, counted from 1, comes from; empty for none alone."""
        lines = self.text.split("\n")[:line]
        begun = lines.count(f"{_INDENT}{{")
        ended = sum(each in (f"{_INDENT}}}", f"{_INDENT}}},") for each in lines[:-1])
        return self.said_by[begun - 1] if begun > ended else ""


def fragment_of(entry_points: Sequence[EntryPoint], elsewhere: Elsewhere) -> Fragment:
    """The fragment that says what the entry points do, with what is wrong among them."""
    regions: dict[str, list[_Endpoint]] = {}
    for endpoint in _merged(entry_points):
        regions.setdefault(endpoint.entry_point.region, []).append(endpoint)
    problems = [p for name in sorted(regions) for p in _unlike(name, regions[name], elsewhere)]
    tree: dict[str, Any] = {}
    services: dict[str, list[str]] = {}
    every: list[_Endpoint] = []
    for name in sorted(regions):
        endpoints = sorted(regions[name], key=lambda each: each.name)
        table: dict[str, Any] = {}
        if (point := elsewhere.point_wanted(name)) is not None:
            table["coordinates"] = list(point)
        table["endpoint"] = [_row(each, elsewhere) for each in endpoints]
        tree.setdefault("region", {})[name] = table
        for service in sorted({s for each in endpoints for s in each.services}):
            if not elsewhere.has_region(service, name):
                services.setdefault(service, []).append(name)
        every += endpoints
    if services:
        tree["service"] = {name: {"regions": services[name]} for name in sorted(services)}
    return Fragment(
        json.dumps(tree, indent=2, ensure_ascii=False) + "\n",
        tuple(each.name for each in every),
        tuple(each.sayers for each in every),
        tuple(problems),
    )


def endpoints_in(text: str) -> frozenset[str]:
    """The names of the endpoints in a fragment's text; none where it is no fragment."""
    try:
        tree, _ = json_text.parse(text)
    except json_text.JsonError:
        return frozenset()
    return frozenset(
        str(get(each, "name"))
        for region in _table(tree, "region").values()
        for each in (get(region, "endpoint") or ())
    )


def places_of(regions: Sequence[str], given: Coordinates | None) -> Mapping[str, Coordinates]:
    """Where the cluster's regions stand: as given, or as their names say; without those of neither.

    All stand where the cluster does, so that the name of the first is good for the others.
    """
    named = next((KNOWN[region] for region in regions if region in KNOWN), None)
    point = given or named
    return {} if point is None else dict.fromkeys(regions, point)


def _merged(entry_points: Iterable[EntryPoint]) -> Iterable[_Endpoint]:
    """One endpoint for one address, whoever says so; its best port is probed."""
    endpoints: dict[tuple[str, str], _Endpoint] = {}
    for entry in sorted(
        entry_points, key=lambda each: (each.port != 443, each.scheme != "https", each)
    ):
        endpoint = endpoints.setdefault(
            (entry.region, entry.address or entry.hostname), _Endpoint(entry)
        )
        endpoint.services.setdefault(entry.service, entry.host)
        endpoint.said_by.add(entry.said_by)
    return endpoints.values()


def _row(endpoint: _Endpoint, elsewhere: Elsewhere) -> dict[str, Any]:
    entry = endpoint.entry_point
    row: dict[str, Any] = {"name": endpoint.name}
    if entry.address:
        row["address"] = [entry.address]
    else:
        row["hostname"] = f"{entry.hostname}."
    row["url"] = endpoint.url
    own = probe_hosts.said_by_endpoint(_asked(endpoint, elsewhere))
    if own:
        row["probe"] = own
    return row


def _asked(endpoint: _Endpoint, elsewhere: Elsewhere) -> Mapping[str, probe_hosts.Asked]:
    entry = endpoint.entry_point
    tls = entry.scheme == "https"
    return probe_hosts.asked(elsewhere.tree, entry.region, endpoint.services, tls=tls)


def _unlike(region: str, endpoints: Sequence[_Endpoint], elsewhere: Elsewhere) -> Iterator[Problem]:
    """What keeps a region from having these endpoints together."""
    services = sorted({service for each in endpoints for service in each.services})
    for each in endpoints:
        missing = [service for service in services if service not in each.services]
        where = each.sayers
        if missing:
            yield Problem(
                where, 0, 0, "kube-other-services",
                f'{each.url} would be given to clients of {_listed(missing)} too, which other '
                f'objects have put into the region "{region}"',
                f"annotate the objects of one of the services with {REGION}: a region of its own "
                "at the same place",
            )  # fmt: skip
        by_service = _asked(each, elsewhere)
        if unsaid := probe_hosts.unsaid(by_service):
            yield _without_host(each, by_service, unsaid)


def _without_host(
    endpoint: _Endpoint,
    by_service: Mapping[str, probe_hosts.Asked],
    unsaid: Mapping[str, probe_hosts.Asked],
) -> Problem:
    """What differs by service, so that the endpoint cannot say it: an error if none can be probed.

    Without a Host header a Gateway answers nothing; without a server name it may. A service that
    lacks its own costs the others neither their endpoint nor the changes of its address.
    """
    hosts = sorted({host for each in by_service.values() if (host := each.wanted["host"])})
    tables = " and ".join(
        f"[service.{toml_key(service)}] probe = {toml_value(dict(each.wanted))}"
        for service, each in unsaid.items()
    )
    lacking = [service for service, each in unsaid.items() if "host" in each.unwritten]
    fatal = len(lacking) == len(by_service)
    what = "host" if lacking else "server name (SNI)"
    without = "" if fatal else f"; those of {_listed(lacking or list(unsaid))} have no {what}"
    return Problem(
        endpoint.sayers, 0, 0, "kube-several-hosts",
        f"a probe of {endpoint.url} asks for another host by each of its services: "
        f"{_listed(hosts)}{without}",
        f"write {tables}, or annotate with {REGION}",
        severity="error" if fatal else "warning",
    )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _table(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, Mapping) else {}
