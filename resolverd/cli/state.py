"""`resolverd state`: what a running daemon serves, knows and was told."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from resolverd.cli.console import columns, count, show, show_json
from resolverd.cli.link import add_socket, find
from resolverd.cli.load import load_tables
from resolverd.cli.options import add_config, add_json, verb
from resolverd.cli.spans import since, span
from resolverd.errors import ExitCode

_COLOURS = {"up": "green", "suspect": "yellow", "recovering": "yellow", "down": "red"}

_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}

_NOBODY: dict[str, Any] = {"models": [], "max_model_len": 0, "version": ""}

# How many names of a service a row shows.
_NAMES = 3

Json = dict[str, Any]


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verb(
        verbs,
        "state",
        "show what the running daemon serves: regions, endpoints, overrides, reloads",
        [
            "resolverd state",
            "resolverd state --socket /run/resolverd/admin.sock",
            "resolverd state --json | jq '.regions[] | select(.serves | not) | .name'",
        ],
        run,
    )
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show it; 0 whatever the state is."""
    state = find(arguments).get("/state")
    if arguments.json:
        show_json(state)
    else:
        tables = [_facts(state), _regions(state), _endpoints(state), _services(state)]
        servers = [_servers(state)] if _identified(state) else []
        overrides = [_overrides(state)] if state["overrides"] else []
        show(*tables, *servers, *load_tables(state), *overrides)
    return ExitCode.OK


def _facts(state: Json) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    engine, reload, made = state["engine"], state["reload"], state["generation"]
    workers = count(engine["workers"], "worker")
    tried = f"{reload['adopted']} adopted, {reload['refused']} refused, {reload['held']} held"
    last = (
        "none yet" if reload["last"] == "started" else f"{reload['last']} {since(reload['at'])} ago"
    )
    rows = [
        ("daemon", f"resolverd {state['version']}, up {span(state['uptime_seconds'])}", ""),
        ("config", state["config"], ""),
        ("listens", ", ".join(state["listen"]), ""),
        ("engine", f"{engine['name']}, {workers}", ""),
        *([("NOT READY", state["doubt"]["reason"], "red")] if state["doubt"]["reason"] else []),
        ("serving", f"plan {made['plan']}, steering {made['steering']}", ""),
        ("reloads", f"{last} ({tried})", "red" if reload["reason"] else ""),
        *[("DEGRADED", reason, "red") for reason in state.get("degraded", [])],
        *_restart(reload),
        ("zones", ", ".join(f"{z['apex']} ({z['serial']})" for z in state["zones"]), ""),
    ]
    rows += [
        ("outdated", f"{part['part']}: {part['state']}; {part['problems'][0]['message']}", "red")
        for part in reload["outdated"]
    ]
    for database in state["geo"]:
        credit = f"; {database['attribution']}" if database["attribution"] else ""
        rows.append(("places", f"{database['file']}, built {database['built']}{credit}", ""))
    for label, fact, style in rows:
        facts.add_row(label, Text(fact, style))
    return facts


def _restart(reload: Json) -> list[tuple[str, str, str]]:
    """What a restart would do, where the files on disk are refused."""
    if not reload["reason"]:
        return []
    if at := reload.get("restart"):
        told = f"would serve the files adopted at {at}, and not those on disk"
    else:
        told = "would not come up: the files on disk are refused, and none are kept"
    return [("a restart", told, "red")]


def _regions(state: Json) -> Table:
    table = columns("region", "state", "for", "endpoints", "services", "why")
    for region in state["regions"]:
        serving = sum(endpoint["serves"] for endpoint in region["endpoints"])
        told = f"{serving}/{len(region['endpoints'])}"
        _row(table, region, region["name"], told, ", ".join(region["services"]))
    return table


def _endpoints(state: Json) -> Table:
    table = columns("endpoint", "state", "for", "probe", "addresses", "why")
    for region in state["regions"]:
        for endpoint in region["endpoints"]:
            latency = endpoint["latency_seconds"]
            probe = "-" if latency is None else f"{1000 * latency:.1f} ms"
            _row(table, endpoint, endpoint["name"], probe, " ".join(endpoint["addresses"]))
    return table


def _servers(state: Json) -> Table:
    """What vLLM servers say of themselves, and how they differ from their peers."""
    table = columns(
        "server", "model", "length", "version", "/metrics", "processes", "key", "TTFT", "canaries",
        "differs",
    )  # fmt: skip
    for endpoint in _identified(state):
        identity, canaries = endpoint["identity"] or _NOBODY, endpoint["canaries"] or {}
        offers = endpoint["offers"] or {}
        ttft = canaries.get("ttft_seconds")
        table.add_row(
            Text(endpoint["name"]),
            Text(_some(identity["models"])),
            str(identity["max_model_len"] or "-"),
            Text(identity["version"] or "-"),
            *(Text(str(offers.get(each) or "-")) for each in ("metrics", "processes", "key")),
            "-" if ttft is None else f"{1000 * ttft:.0f} ms",
            f"{canaries['sent']}, {canaries['tokens']} tokens" if canaries else "-",
            Text(
                ", ".join(
                    f"{each['field']} {each['told']}, most {each['most']} ({each['service']})"
                    for each in endpoint["differs"]
                ),
                "yellow",
            ),
        )
    return table


def _identified(state: Json) -> list[Json]:
    endpoints = (each for region in state["regions"] for each in region["endpoints"])
    return [endpoint for endpoint in endpoints if endpoint["identity"] or endpoint["offers"]]


def _services(state: Json) -> Table:
    table = columns("service", "policy", "TTL", "names", "regions that serve")
    for service in state["services"]:
        serving = [r for r, s in service["regions"].items() if s in {"up", "suspect"}]
        table.add_row(
            Text(service["name"]),
            service["policy"],
            f"{service['failover_ttl_seconds']:g}…{service['ttl_seconds']:g} s",
            Text(_some(service["names"])),
            Text(", ".join(serving) or "none", "" if serving else "red"),
        )
    return table


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more or "-"


def _overrides(state: Json) -> Table:
    table = columns("override", "says", "left", "who", "why")
    for each in state["overrides"]:
        left = "until cleared" if each["seconds_left"] is None else span(each["seconds_left"])
        table.add_row(*map(Text, (each["target"], each["kind"], left, each["who"], each["why"])))
    return table


def _row(table: Table, judged: Json, name: str, *cells: str) -> None:
    """A row on something that has a verdict; a changed `since` is the time of the last flip."""
    why = judged["reason"]
    hours = judged.get("hours")
    if hours and hours["until"]:
        why += f"; {'drains' if hours['open'] else 'serves again'} at {hours['until']}"
    if held := judged.get("held_until"):
        why += f"; held until {held} (resolverd clear ends it)"
    why += "".join(_way(judged))
    if judged["override"]:
        why += f" (measured {judged['measured']})"
    told = f"{judged['state']}, {condition}" if (condition := judged.get("condition")) else None
    state = Text(told or judged["state"], _COLOURS.get(judged["state"], ""))
    table.add_row(Text(name), state, since(judged["since"]), *map(Text, (*cells, why)))


def _way(judged: Json) -> Iterator[str]:
    """What is amiss on the way to an endpoint, though it may serve."""
    for family, result in (judged.get("families") or {}).items():
        if result["withheld"]:
            yield f"; {_FAMILIES[family]} withheld: {result['reason']}"
    certificate = judged.get("certificate")
    if certificate and certificate["ends_soon"]:
        yield f"; certificate ends in {certificate['days_left']:g} days"
