"""`resolverd explain NAME IP[/LEN]`: why a client gets the answer it gets, from files alone."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict

from rich.table import Table

from resolverd.cli.console import out
from resolverd.cli.options import add_config, add_json, verb
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.engine.explain import Candidate, Explanation, explain
from resolverd.errors import ExitCode, ResolverdError
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.verdict import State, Verdict
from resolverd.loop import run_loop
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.inputs import Inputs, load_inputs
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.steer import World, steer


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verb(
        verbs,
        "explain",
        "tell why a client gets the answer it gets, from the files, all regions taken as up",
        [
            "resolverd explain chat.inference.example 203.0.113.7",
            "resolverd explain chat.inference.example 2001:db8::/56 --down eu-west",
        ],
        run,
    )
    parser.add_argument("name", metavar="NAME", help="the hostname asked for")
    parser.add_argument(
        "client", metavar="IP[/LEN]", type=_client, help="the client, or its subnet as ECS sends it"
    )
    parser.add_argument(
        "--down", action="append", default=[], metavar="REGION", help="take this region as down"
    )
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Explain one answer."""
    inputs = run_loop(load_inputs(arguments.config, arguments.overrides))
    unknown = set(arguments.down) - set(inputs.config.region)
    if unknown:
        known = ", ".join(inputs.config.region)
        raise ResolverdError(f"there is no region {', '.join(sorted(unknown))}; known: {known}")
    try:
        told = explain(arguments.name, arguments.client, _imagined(inputs, arguments.down))
    except ValueError as wrong:
        raise ResolverdError(str(wrong)) from wrong
    if arguments.json:
        out().print_json(json.dumps(asdict(told), allow_nan=True))
    else:
        _show(told)
    return ExitCode.OK


def _imagined(inputs: Inputs, down: list[str]) -> Snapshot:
    """The files' Plan in a world where every endpoint is up, but for what is said to be down."""
    now = time.monotonic()
    up = Verdict(State.UP, None, "taken as up", float("inf"), State.UP)
    overrides = Overrides()
    for region in down:
        overrides.set(region, Override(OverrideKind.DOWN, "explain", "--down", now - 86400.0))
    plan = compile_plan(1, inputs.config, inputs.zones.values(), inputs.locator, inputs.targets)
    world = World(dict.fromkeys(inputs.targets.by_id, up), overrides, lambda _hostname: ())
    return Snapshot(plan, steer(1, plan, world, now))


def _show(told: Explanation) -> None:
    console = out()
    facts = Table.grid(padding=(0, 2))
    for label, fact in (
        ("name", f"{told.name} (service {told.service})"),
        ("client", told.client + (f" = {told.looked_up}" if told.looked_up != told.client else "")),
        ("place", f"{told.place}, known for /{told.network_length}"),
        ("pins", ", ".join(told.pins) or "none"),
        ("fence", ", ".join(told.fence) or "empty: refused"),
        ("answer", f"{told.region or '-'} ({told.outcome}) {' '.join(told.answer)}"),
        ("TTL", f"{told.ttl} s: {told.ttl_why}"),
        ("scope", f"/{told.scope}"),
    ):
        facts.add_row(label, fact)
    console.print(facts)
    table = Table("rank", "region", "km", "why", box=None, pad_edge=False, title_justify="left")
    for candidate in told.candidates:
        table.add_row(*_row(candidate))
    console.print()
    console.print(table)


def _row(candidate: Candidate) -> tuple[str, str, str, str]:
    rank = str(candidate.preferred) if candidate.preferred else "-"
    return rank, candidate.region, f"{candidate.km:,.0f}", candidate.why


def _client(text: str) -> Prefix:
    try:
        return parse_prefix(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(f"{wrong}; write 203.0.113.7 or 203.0.113.0/24") from wrong
