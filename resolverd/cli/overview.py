"""The pages of `resolverd state`: totals first, then what is not well, then the rest; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from resolverd.cli.load import load_tables
from resolverd.cli.published_facts import published_facts
from resolverd.cli.rows import Cell, Rows
from resolverd.cli.spans import since, span
from resolverd.cli.troubles import (
    KINDS,
    TROUBLES,
    counts,
    host_troubles,
    is_well,
    kind_of,
    sorted_regions,
    troubled,
    unserved,
    unserved_fences,
)
from resolverd.config.fences import whose
from resolverd.policy.operator_rules import in_words, key_of

Json = dict[str, Any]

COLOURS = {
    "up": "green",
    "down": "red",
    "unknown": "yellow",
    "suspect": "yellow",
    "recovering": "yellow",
    "degraded": "yellow",
    "drained": "yellow",
    "closed": "yellow",
}
# How many rows of what is well are shown unless all are asked for.
WELL_ROWS = 40
# How many names of a service a row shows.
_NAMES = 3
_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}


def overview(state: Json, *, everything: bool = False) -> list[Rows]:
    """Every page; of what is well only so many rows, unless `everything` is asked for."""
    rest = [region for region in sorted_regions(state) if kind_of(region) not in TROUBLES]
    shown = rest if everything else rest[:WELL_ROWS]
    parts = [totals(state), facts(state), *problems(state)]
    parts += [regions_table(shown), endpoints_table(shown), _more(len(rest) - len(shown))]
    return [*parts, *details(state, everything=everything)]


def problems(state: Json) -> list[Rows]:
    """What is not well alone: the daemon, services, regions and their endpoints."""
    bad = troubled(state)
    host = Rows()
    for label, why in host_troubles(state):
        host.add_row(Cell(label, "red"), Cell(why, "red"))
    services = Rows("service without a region", "policy", "regions")
    for service in unserved(state):
        services.add_row(
            Cell(service["name"], "red"), service["policy"], ", ".join(service["regions"])
        )
    for service, fence in unserved_fences(state):
        name = whose(service["name"], fence["pins"]).removeprefix("service ")
        services.add_row(Cell(name, "red"), service["policy"], ", ".join(fence["regions"]))
    parts = [host, services, regions_table(bad), endpoints_table(bad, well=False)]
    return [part for part in parts if part.row_count]


def totals(state: Json) -> Rows:
    """How many there are of what, and how many of each kind: a few lines."""
    kinds, services = counts(state), state["services"]
    endpoints = [endpoint for region in state["regions"] for endpoint in region["endpoints"]]
    serving = sum(endpoint["serves"] for endpoint in endpoints)
    bare = len(unserved(state))
    counted = [f"{kinds[kind]} {kind}" for kind in reversed(KINDS) if kinds[kind]]
    worst = next((kind for kind in KINDS if kinds[kind]), "up")
    parts = Rows()
    troubles = [label for label, _ in host_troubles(state)]
    parts.add_row(
        Cell("edge", "bold"),
        Cell(", ".join(troubles) or "ready", "red" if troubles else "green"),
    )
    parts.add_row(
        Cell("regions", "bold"),
        Cell(f"{len(state['regions'])}: {', '.join(counted) or 'none'}", COLOURS[worst]),
    )
    parts.add_row(Cell("endpoints", "bold"), f"{len(endpoints)}: {serving} serve")
    served = f"{len(services)}: {len(services) - bare} served"
    pinned = len(unserved_fences(state))
    without = f", {bare} without a region" if bare else ""
    without += f", clients under pins without a region: {pinned}" if pinned else ""
    parts.add_row(Cell("services", "bold"), Cell(served + without, "red" if without else ""))
    if state["down"]:
        parts.add_row(Cell("problem", "bold"), Cell(state["down"], "red"))
    if waiting := state["reload"].get("needs_restart"):  # which an older daemon does not report
        parts.add_row(
            Cell("waiting", "bold"), Cell(f"{', '.join(waiting)}, until a restart", "yellow")
        )
    if state["overrides"]:
        parts.add_row(Cell("overrides", "bold"), Cell(str(len(state["overrides"])), "yellow"))
    if rules := state.get("spill_rules"):
        parts.add_row(Cell("spill rules", "bold"), Cell(str(len(rules)), "yellow"))
    return parts


def facts(state: Json) -> Rows:
    """The daemon itself: where its files are, what serves, what it was made from."""
    engine, reload, made = state["engine"], state["reload"], state["generation"]
    workers = f"{engine['workers']} worker{'' if engine['workers'] == 1 else 's'}"
    tried = f"{reload['adopted']} adopted, {reload['refused']} refused, {reload['held']} held"
    last = "none yet"
    if reload["result"] != "started":
        last = f"{reload['result']} {since(reload['at'])} ago"
    rows = Rows()
    for label, fact in (
        ("daemon", f"resolverd {state['version']}, up {span(state['uptime_seconds'])}"),
        ("config", state["config"]),
        ("listens", ", ".join(state["listen"])),
        ("engine", f"{engine['name']}, {workers}"),
        ("serving", f"plan {made['plan']}, steering {made['steering']}"),
        ("reloads", f"{last} ({tried})"),
        *_fleet(state),
        *published_facts(state),
        ("zones", ", ".join(f"{zone['apex']} ({zone['serial']})" for zone in state["zones"])),
        *(("places", _place(database)) for database in state["geo"]),
    ):
        rows.add_row(Cell(label, "bold"), fact)
    return rows


def _fleet(state: Json) -> Iterator[tuple[str, str]]:
    """How it stands with its fleet, in a line."""
    fleet = state.get("fleet")
    if fleet is None:
        return
    heard = sum(edge["heard_seconds"] is not None for edge in fleet["edges"])
    stands = "quorum" if fleet["quorum"] else "no quorum" if fleet["connected"] else "NATS is away"
    yield (
        "fleet",
        f"{fleet['name']}, edge {fleet['edge']}: {stands} for {span(fleet['for_seconds'])}, "
        f"{heard} of {len(fleet['edges'])} edges heard",
    )


def details(state: Json, *, everything: bool = False) -> list[Rows]:
    """Services, servers, load and overrides; each only where it has rows."""
    services = state["services"] if everything else state["services"][:WELL_ROWS]
    parts = [services_table(services), _more(len(state["services"]) - len(services), "service")]
    servers = servers_table(state["regions"] if everything else state["regions"][:WELL_ROWS])
    said = [overrides_table(state), spill_rules_table(state)]
    return [*parts, servers, *load_tables(state), *said, fleet_table(state)]


def regions_table(regions: Iterable[Json]) -> Rows:
    """One row for each of `regions` of GET /state, in their order."""
    table = Rows("region", "state", "for", "endpoints", "services", "why")
    for region in regions:
        serving = sum(endpoint["serves"] for endpoint in region["endpoints"])
        ratio = f"{serving}/{len(region['endpoints'])}"
        _row(table, region, region["name"], ratio, _some(region["services"]))
    return table


def endpoints_table(regions: Iterable[Json], *, well: bool = True) -> Rows:
    """One row for each endpoint; without `well`, only those with something amiss."""
    table = Rows("endpoint", "state", "for", "probe", "addresses", "why")
    for region in regions:
        for endpoint in region["endpoints"]:
            if well or not is_well(endpoint):
                latency = endpoint["latency_seconds"]
                probe = "-" if latency is None else f"{1000 * latency:.1f} ms"
                _row(table, endpoint, endpoint["name"], probe, " ".join(endpoint["addresses"]))
    return table


def services_table(services: Iterable[Json]) -> Rows:
    """One row for each service."""
    table = Rows("service", "policy", "TTL", "names", "regions that serve")
    for service in services:
        serving = [r for r, s in service["regions"].items() if s in {"up", "suspect"}]
        table.add_row(
            service["name"],
            service["policy"],
            f"{service['failover_ttl_seconds']:g}…{service['ttl_seconds']:g} s",
            _some(service["names"]),
            Cell(_some(serving, maximum=8) if serving else "none", "" if serving else "red"),
        )
    return table


def servers_table(regions: Iterable[Json]) -> Rows:
    """What vLLM servers say of themselves, and how they differ from their peers."""
    table = Rows(
        "server", "model", "length", "version", "/metrics", "processes", "key", "TTFT", "canaries",
        "differs",
    )  # fmt: skip
    for endpoint in (endpoint for region in regions for endpoint in region["endpoints"]):
        if endpoint["identity"] or endpoint["offers"]:
            table.add_row(*_server(endpoint))
    return table


def overrides_table(state: Json) -> Rows:
    """One row for each override in force."""
    table = Rows("override", "says", "left", "who", "why")
    for override in state["overrides"]:
        left = (
            "until cleared" if override["seconds_left"] is None else span(override["seconds_left"])
        )
        says = _said(override["kind"], override)
        table.add_row(override["target"], says, left, override["who"], override["why"])
    return table


def spill_rules_table(state: Json) -> Rows:
    """One row for each spill rule in force."""
    table = Rows("spill rule", "says", "left", "who", "why")
    for rule in state.get("spill_rules", []):  # which an older daemon does not report
        left = "until cleared" if rule["seconds_left"] is None else span(rule["seconds_left"])
        name = key_of(rule["service"], rule["region"] or "")
        table.add_row(name, _said(in_words(rule["share"]), rule), left, rule["who"], rule["why"])
    return table


def fleet_table(state: Json) -> Rows:
    """One row for each edge of the fleet; none without one."""
    table = Rows("edge", "heard", "words")
    fleet = state.get("fleet") or {"edges": [], "edge": ""}
    for edge in fleet["edges"]:
        heard = edge["heard_seconds"]
        name = f"{edge['edge']} (this one)" if edge["edge"] == fleet["edge"] else edge["edge"]
        table.add_row(
            name,
            Cell("not now", "red") if heard is None else f"{heard:.1f} s ago",
            "obeys all" if edge["obeys"] else Cell("does not obey all yet", "yellow"),
        )
    return table


def _said(says: str, word: Json) -> str:
    """What a word says, and to whom in the fleet."""
    at = "" if word.get("scope") in (None, "all") else f" at {word['scope']}"
    return f"{says}{at}{' (said here only)' if word.get('pending') else ''}"


def _server(endpoint: Json) -> Iterator[str | Cell]:
    identity, canaries = endpoint["identity"] or {}, endpoint["canaries"]
    offers = endpoint["offers"] or {}
    yield endpoint["name"]
    yield _some(identity.get("models") or [])
    yield str(identity.get("max_model_len") or "-")
    yield identity.get("version") or "-"
    for offer in ("metrics", "processes", "key"):
        yield str(offers.get(offer) or "-")
    ttft = canaries and canaries["ttft_seconds"]
    yield "-" if ttft is None else f"{1000 * ttft:.0f} ms"
    yield f"{canaries['sent']}, {canaries['tokens']} tokens" if canaries else "-"
    outliers = (
        f"{d['field']} {d['value']}, most {d['majority']} ({d['service']})"
        for d in endpoint["differs"]
    )
    yield Cell(", ".join(outliers), "yellow")


def _row(table: Rows, judged: Json, name: str, *cells: str) -> None:
    """A row on something that has a verdict; `changed_at` is the time of the last flip."""
    state = f"{judged['state']}, {c}" if (c := judged.get("condition")) else judged["state"]
    kind = kind_of(judged) if "endpoints" in judged else judged["state"]
    table.add_row(
        name, Cell(state, COLOURS[kind]), since(judged["changed_at"]), *cells, why_of(judged)
    )


def why_of(judged: Json) -> str:
    """The reason of a verdict in GET /state, with its penalty and overrides beside it."""
    why: str = judged["reason"]
    hours = judged.get("hours")
    if hours and hours["until"]:
        why += f"; {'drains' if hours['open'] else 'serves again'} at {hours['until']}"
    why += _held(judged)
    why += "".join(_way(judged))
    return why + (f" (measured {judged['measured']})" if judged["override"] else "")


def _held(judged: Json) -> str:
    """Until when flap damping holds something down; an older daemon does not say it of families."""
    held = judged.get("held_until")
    return f"; held until {held} (resolverd clear ends it)" if held else ""


def _way(judged: Json) -> Iterator[str]:
    """What is amiss on the way to an endpoint, though it may serve."""
    for family, result in (judged.get("families") or {}).items():
        if result["withheld"]:
            yield f"; {_FAMILIES[family]} withheld: {result['reason']}{_held(result)}"
    certificate = judged.get("certificate")
    if certificate and certificate["ends_soon"]:
        yield f"; certificate ends in {certificate['days_left']:g} days"


def _place(database: Json) -> str:
    credit = f"; {database['attribution']}" if database["attribution"] else ""
    return f"{database['file']}, built {database['built']}{credit}"


def _more(count: int, noun: str = "region") -> Rows:
    rows = Rows()
    if count > 0:
        rows.add_row(f"and {count:,} {noun}s more that are as they should be; --all shows them")
    return rows


def _some(names: list[str], maximum: int = _NAMES) -> str:
    more = f" and {len(names) - maximum} more" if len(names) > maximum else ""
    return ", ".join(names[:maximum]) + more or "-"
