"""What is served and from what: generations, reloads, configuration, zones, databases, maps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from resolverd.admin.metrics.family import Samples, counter, gauge, info
from resolverd.admin.metrics.values import Values
from resolverd.admin.state import serial_of
from resolverd.dns.names import to_text
from resolverd.kept.directory import FORGOTTEN
from resolverd.snapshot.model import MapSize

_LAZY = "unless the client map is compiled"


@gauge("resolverd_plan_generation", "Generation of the Plan served.")
def plan_generation(values: Values) -> Samples:
    yield (), values.served.snapshot.plan.generation


@gauge("resolverd_steering_generation", "Generation of the Steering served.")
def steering_generation(values: Values) -> Samples:
    yield (), values.served.snapshot.steering.generation


@info(
    "resolverd_config_info",
    "The configuration served, by the hash of what its files and --set say; comments, zones and "
    "databases do not count.",
    labels=("sha256",),
)
def config(values: Values) -> Samples:
    yield (config_hash(values.served.inputs.loaded.sources.tree),), 1


@counter(
    "resolverd_reloads_total",
    "Attempts to adopt an edit, by result: adopted, refused, held.",
    labels=("result",),
)
def reloads(values: Values) -> Samples:
    report = values.served.reloads
    yield ("adopted",), report.adopted
    yield ("refused",), report.refused
    yield ("held",), report.held


@gauge(
    "resolverd_last_reload_successful",
    "0 while the files say something that was refused or is held, else 1.",
)
def last_reload(values: Values) -> Samples:
    yield (), float(values.served.reloads.successful)


@gauge("resolverd_last_reload_timestamp_seconds", "When an edit was last tried.")
def last_reload_at(values: Values) -> Samples:
    yield (), values.served.reloads.at


@gauge(
    "resolverd_serving_kept_files",
    "1 while kept files are served, as those on disk were refused at the start; else 0.",
)
def serving_kept(values: Values) -> Samples:
    yield (), float(bool(values.served.reloads.kept))


@gauge(
    "resolverd_state_writable",
    f"0 where server.state is empty or cannot be written: {FORGOTTEN}; else 1.",
)
def state_writable(values: Values) -> Samples:
    yield (), float(not values.served.state.trouble)


@gauge("resolverd_zone_serial", "Serial of the zone as it is served.", labels=("zone",))
def serials(values: Values) -> Samples:
    for zone in values.served.snapshot.plan.zones.values():
        yield (to_text(zone.apex).removesuffix(".") or ".",), serial_of(zone)


@gauge(
    "resolverd_zone_outdated",
    "1 for each zone whose file was refused or is held; it is served as before, or not yet.",
    labels=("zone", "state"),
    absent="for all others",
)
def zones_outdated(values: Values) -> Samples:
    for outdated in values.served.reloads.outdated:
        if outdated.zone:
            yield (outdated.zone, _state(held=outdated.held)), 1


@gauge(
    "resolverd_part_outdated",
    "1 where the configuration, the databases, the tables of round-trip times (rtt) or a file "
    "without a zone was refused or is held.",
    labels=("part", "state"),
    absent="for all others",
)
def parts_outdated(values: Values) -> Samples:
    for outdated in values.served.reloads.outdated:
        if not outdated.zone:
            yield (outdated.part, _state(held=outdated.held)), 1


@gauge(
    "resolverd_geo_database_built_timestamp_seconds",
    "When each geographic database was made; its age is time() minus this.",
    labels=("file", "type"),
)
def databases(values: Values) -> Samples:
    locator = values.served.inputs.locator
    for described, database in zip(locator.describe(), locator.databases, strict=True):
        labels = (str(described["file"]), str(described["type"]))
        yield labels, database.metadata.build_epoch


@gauge(
    "resolverd_client_map_networks",
    "Networks that the service's compiled client map tells apart.",
    labels=("service",),
    absent=_LAZY,
)
def map_networks(values: Values) -> Samples:
    for service, size in _maps(values):
        yield (service,), size.leaves


@gauge(
    "resolverd_client_map_lists",
    "Distinct preference lists, with their pins, of the service's compiled client map.",
    labels=("service",),
    absent=_LAZY,
)
def map_lists(values: Values) -> Samples:
    for service, size in _maps(values):
        yield (service,), size.lists


@gauge(
    "resolverd_client_map_bytes",
    "Memory of the service's compiled client map; services of one geography share it.",
    labels=("service",),
    absent=_LAZY,
)
def map_bytes(values: Values) -> Samples:
    for service, size in _maps(values):
        yield (service,), size.octets


def config_hash(tree: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of what the TOML files and --set say, comments and order aside."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True, default=str).encode()).hexdigest()


def _state(*, held: bool) -> str:
    return "held" if held else "refused"


def _maps(values: Values) -> Iterator[tuple[str, MapSize]]:
    for name, service in values.served.snapshot.plan.services.items():
        if service.clients.size is not None:
            yield name, service.clients.size
