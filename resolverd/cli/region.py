"""`resolverd state REGION`: everything about one region, from the JSON of /state; pure."""

from __future__ import annotations

import difflib
from typing import Any

from resolverd.cli.load import load_tables
from resolverd.cli.options import UsageError
from resolverd.cli.overview import (
    COLOURS,
    endpoints_table,
    overrides_table,
    servers_table,
    spill_rules_table,
    why_of,
)
from resolverd.cli.rows import Cell, Rows
from resolverd.cli.spans import since
from resolverd.cli.troubles import kind_of

Json = dict[str, Any]


def only(state: Json, name: str) -> Json:
    """`state` with one region alone, its services and what is said of it; not what else is down.

    Raises UsageError, with the nearest name, where there is no such region.
    """
    mine = [entry for entry in state["regions"] if name in (entry["name"], entry["region"])]
    if not mine:
        known = list(dict.fromkeys(entry["region"] for entry in state["regions"]))
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "resolverd state --all lists them"
        raise UsageError(f'there is no region "{name}"\n{hint}')
    region = mine[0]["region"]
    endpoints = [endpoint for entry in mine for endpoint in entry["endpoints"]]
    keys = {region, *(e["name"] for e in endpoints), *(e["endpoint"] for e in endpoints)}
    services = [
        service | {"load": {r: load for r, load in service["load"].items() if r == region}}
        for service in state["services"]
        if any(service["name"] in entry["services"] for entry in mine)
    ]
    overrides = [override for override in state["overrides"] if override["target"] in keys]
    named = {service["name"] for service in services}
    rules = [
        rule
        for rule in state.get("spill_rules", [])
        if rule["service"] in named and rule["region"] in (None, region)
    ]
    mine_alone = {"regions": mine, "services": services, "overrides": overrides}
    return state | mine_alone | {"spill_rules": rules, "down": ""}


def region_pages(state: Json) -> list[Rows]:
    """The tables on one region, of a `state` that `only` reduced to it."""
    regions = state["regions"]
    parts = [_facts(region) for region in regions]
    parts += [endpoints_table(regions), _probes(regions), servers_table(regions)]
    said = [overrides_table(state), spill_rules_table(state)]
    return [*parts, _services(state), *load_tables(state), *said]


def _facts(region: Json) -> Rows:
    kind = kind_of(region)
    serving = sum(endpoint["serves"] for endpoint in region["endpoints"])
    wanted = f"{serving} of {len(region['endpoints'])} serve, {region['min_endpoints']} needed"
    rows = Rows()
    for label, fact in (
        ("region", Cell(region["name"], "bold")),
        ("state", Cell(f"{region['state']} ({kind})", COLOURS[kind])),
        ("for", since(region["changed_at"])),
        ("why", why_of(region)),
        ("measured", region["measured"]),
        ("endpoints", wanted),
        (
            "place",
            f"{', '.join(map(str, region['coordinates']))} {region['country'] or ''}".strip(),
        ),
        ("gpus", _gpus(region["gpus"])),
        ("hours", _hours(region["hours"])),
        ("alerts", ", ".join(a for a, fires in region["alerts"].items() if fires) or "none"),
    ):
        rows.add_row(Cell(label, "bold"), fact)
    return rows


def _probes(regions: list[Json]) -> Rows:
    table = Rows("probe of", "kind", "url", "probes", "failed", "connect", "certificate")
    for endpoint in (endpoint for region in regions for endpoint in region["endpoints"]):
        connect, certificate = endpoint["connect_seconds"], endpoint["certificate"]
        table.add_row(
            endpoint["name"],
            endpoint["probe"]["kind"],
            endpoint["url"],
            str(endpoint["probes"]),
            str(endpoint["failures"]),
            "-" if connect is None else f"{1000 * connect:.1f} ms",
            f"{certificate['days_left']:g} days left" if certificate else "-",
        )
    return table


def _services(state: Json) -> Rows:
    table = Rows("service", "policy", "TTL", "names", "model", "pins")
    region = state["regions"][0]["region"]
    for service in state["services"]:
        table.add_row(
            service["name"],
            service["policy"],
            f"{service['failover_ttl_seconds']:g}…{service['ttl_seconds']:g} s",
            ", ".join(service["names"]) or "-",
            service["models"].get(region) or "-",
            ", ".join(service["pins"]) or "-",
        )
    return table


def _gpus(gpus: Json | None) -> str:
    return "-" if not gpus else ", ".join(f"{key} {value}" for key, value in gpus.items())


def _hours(hours: Json | None) -> str:
    if hours is None:
        return "always"
    now = "open" if hours["open"] else "closed"
    return f"{', '.join(hours['spans'])} {hours['time_zone']}; {now} until {hours['until'] or '-'}"
