"""What a deployment script has in its dictionaries, as a fragment of the configuration; pure.

A script that deploys regions ends with dictionaries by region name: endpoints (a URL), models (a
name), traffic (a share) and coordinates (latitude and longitude). They are told apart by their
values. What the configuration has already is left out, so a script may be run again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from resolverd.config.model import Config, Service
from resolverd.config.toml_values import toml_key, toml_value

T = TypeVar("T")

KNOWN = {
    "us-east": (39.0, -77.5),
    "us-west": (37.4, -122.1),
    "eu-west": (53.3, -6.3),
    "eu-central": (50.1, 8.7),
    "ap-northeast": (35.7, 139.7),
    "ap-southeast": (-33.9, 151.2),
    "sa-east": (-23.5, -46.6),
}
"""Degrees of the regions that the guide to multi-region inference names."""


@dataclass(slots=True)
class Dictionaries:
    """By region name: URLs, models, shares of traffic (any unit), coordinates in degrees."""

    endpoints: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    traffic: dict[str, float] = field(default_factory=dict)
    coordinates: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, document: object) -> None:
        """Take in one JSON document: a dictionary, or an object of several under any names.

        Raises ValueError where it is neither, has a value that is none of the four, or says of a
        region what was said otherwise.
        """
        if not isinstance(document, dict) or not document:
            raise ValueError('it is no object of regions, such as {"us-east": "https://…"}')
        for name, value in document.items():
            if isinstance(value, dict):
                self.add(value)
            else:
                self._take(name, value)

    def _take(self, name: str, value: object) -> None:
        match value:
            case str() if "://" in value:
                urlsplit(value)
                _put(self.endpoints, name, value, "URL")
            case str() if value:
                _put(self.models, name, value, "model")
            case bool():
                raise ValueError(f'"{name}" is neither a URL, a model, a share nor coordinates')
            case int() | float() if value >= 0:
                _put(self.traffic, name, float(value), "share")
            case [int() | float() as north, int() | float() as east]:
                _put(self.coordinates, name, (float(north), float(east)), "place")
            case _:
                raise ValueError(f'"{name}" is neither a URL, a model, a share nor coordinates')

    def point(self, region: str, config: Config | None) -> tuple[float, float] | None:
        """Where a region stands: as written here, as it is configured, or as its name says."""
        if region in self.coordinates:
            return self.coordinates[region]
        if config is not None and region in config.region:
            return config.region[region].coordinates
        return KNOWN.get(region)


def left_out(given: Dictionaries, config: Config) -> Iterator[str]:
    """What of it no fragment says, and what to do about it: a line each."""
    for region, point in given.coordinates.items():
        known = config.region.get(region)
        if known is None and region not in given.endpoints:
            yield f'no region is made of "{region}", of which no URL is given: add its endpoint'
        elif known is not None and known.coordinates != point:
            there = toml_value(known.coordinates)
            yield f'"{region}" is at {there} in the configuration: change it there'


def _put(known: dict[str, T], name: str, value: T, what: str) -> None:
    if known.setdefault(name, value) != value:
        raise ValueError(f'"{name}" has one {what} here, and had another before')


def fragment(given: Dictionaries, config: Config, service: str, gpus: Mapping[str, object]) -> str:
    """The fragment's TOML, empty where the configuration has it all.

    `gpus` is the table of that name for regions that are new; empty for none. Raises ValueError
    where a new region has no coordinates.
    """
    lines: list[str] = []
    for region, url in given.endpoints.items():
        if region not in config.region:
            point = given.point(region, config)
            if point is None:
                raise ValueError(f"nothing says where {region} stands")
            lines += ["", f"[region.{toml_key(region)}]", f"coordinates = {toml_value(point)}"]
            if gpus:
                lines.append(f"gpus = {toml_value(gpus)}")
        if not _has(config, region, url):
            lines += ["", f"[[region.{toml_key(region)}.endpoint]]", *_endpoint(url)]
    lines += _service(given, config.service.get(service), service)
    return "\n".join(lines[1:]) + "\n" if lines else ""


def _has(config: Config, region: str, url: str) -> bool:
    known = config.region.get(region)
    return known is not None and any(endpoint.url == url for endpoint in known.endpoint)


def _endpoint(url: str) -> Iterator[str]:
    host = urlsplit(url).hostname or ""
    try:
        yield f"address = {toml_value([str(ipaddress.ip_address(host))])}"
    except ValueError:
        yield f"hostname = {toml_value(host)}"
    yield f"url = {toml_value(url)}"


def _service(given: Dictionaries, known: Service | None, service: str) -> Iterator[str]:
    regions = [r for r in given.endpoints if known is None or r not in known.regions]
    models = {
        region: model
        for region, model in given.models.items()
        if known is None or known.model_in(region) != model
    }
    if regions or models:
        yield from ("", f"[service.{toml_key(service)}]")
    if regions:
        yield f"regions = {toml_value(regions)}"
    if models:
        yield f"models = {toml_value(models)}"


def traffic_csv(given: Dictionaries, config: Config) -> str:
    """Shares of traffic as `resolverd plan --traffic` reads them, with countries, by which pins go.

    Raises ValueError as above.
    """
    lines = ["where,share,name"]
    for region, share in given.traffic.items():
        point = given.point(region, config)
        if point is None:
            raise ValueError(f"nothing says where {region} stands")
        known = config.region.get(region)
        country = f" {known.country}" if known is not None and known.country else ""
        lines.append(f"{point[0]:g} {point[1]:g}{country},{share:g},{region}")
    return "\n".join(lines) + "\n"
