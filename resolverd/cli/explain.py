"""`resolverd explain NAME IP[/LEN]`: why a client gets the answer it gets.

The daemon that serves this configuration is asked where one runs: what it tells is what a
client gets now. Without one, or with `--files`, `--down`, `--spill` or `--set`, the files alone
are read.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from resolverd.cli.console import show, show_json
from resolverd.cli.link import Link, NoDaemonError, RefusedError, add_socket, find
from resolverd.cli.options import UsageError, add_config, add_json, existing_config, verb
from resolverd.cli.spans import span
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.engine.candidates import Candidate, Draw
from resolverd.engine.explain import Explanation, NotSteeredError, explain, plain
from resolverd.engine.held_words import held_from
from resolverd.engine.hops import Hop, Hops, hops_from
from resolverd.engine.orders import POLICIES, Cost, order_of
from resolverd.engine.ttl_words import FamilyTtl
from resolverd.errors import ExitCode
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import State, Verdict
from resolverd.loop import run_loop
from resolverd.policy.decision import RegionStatus
from resolverd.policy.share import Share
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.inputs import Inputs, load_inputs
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

# Seconds since a region taken as down went down: it is not just changing.
_LONG_AGO = 86400.0


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `explain` and its options to `verbs`."""
    parser = verb(
        verbs,
        "explain",
        "tell why a client gets its answer, now or from the files",
        [
            "resolverd explain chat.inference.example 203.0.113.7",
            "resolverd explain chat.inference.example 203.0.113.7 --files",
            "resolverd explain chat.inference.example 2001:db8::/56 --down eu-west",
            "resolverd explain chat.inference.example 203.0.113.7 --policy nearest",
        ],
        run,
    )
    parser.add_argument("name", metavar="NAME", help="the hostname asked for")
    parser.add_argument(
        "client", metavar="IP[/LEN]", type=_client, help="the client, or its subnet as ECS sends it"
    )
    parser.add_argument(
        "--down",
        action="append",
        default=[],
        metavar="REGION",
        help="take this region as down, as probes would find it; may be given again (reads the "
        "files)",
    )
    parser.add_argument(
        "--spill",
        action="append",
        default=[],
        type=_spill,
        metavar="REGION=SHARE",
        help="take this region as overloaded: it sends on this share of its clients, from 0 to 1, "
        "and every region that sends on none takes them; may be given again (reads the files)",
    )
    parser.add_argument(
        "--policy",
        choices=POLICIES,
        help="show the order that this policy would give beside the one that was given",
    )
    parser.add_argument(
        "--files",
        action="store_true",
        help="read the files alone, every region taken as up, even where a daemon runs",
    )
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Explain one answer."""
    link = _daemon(arguments)
    explanation, source, verdicts = _live(link, arguments) if link else _from_files(arguments)
    if arguments.json:
        show_json({"source": source, "verdicts": verdicts, **plain(explanation)})
    else:
        show(_facts(explanation, source), _candidates(explanation, verdicts))
    return ExitCode.OK


def _daemon(arguments: argparse.Namespace) -> Link | None:
    """The daemon to ask; None where the files are to be read. Raises NoDaemonError."""
    imagined = arguments.files or arguments.down or arguments.spill
    if imagined or (arguments.overrides and not arguments.socket):
        return None
    if arguments.socket:
        return find(arguments)
    try:
        link = find(arguments)
    except NoDaemonError:
        return None
    try:
        serves = link.look()["config"]
    except RefusedError:
        return None
    except NoDaemonError as error:  # one that hangs is not absent: files know nothing of it
        raise NoDaemonError(f"{error}\nor read the files alone: --files") from error
    config: Path = arguments.config
    return link if not config.exists() or Path(serves) == config.resolve() else None


def _live(link: Link, arguments: argparse.Namespace) -> tuple[Explanation, str, dict[str, str]]:
    """What the daemon tells, who it is, and its verdict on each region."""
    query = {"policy": arguments.policy} if arguments.policy else {}
    document = link.get("/explain", name=arguments.name, client=str(arguments.client), **query)
    made, verdicts = document.pop("generation"), document.pop("verdicts")
    del document["schema_version"]
    source = f"the running daemon at {link.socket}, plan {made['plan']} of {document.pop('config')}"
    candidates = [
        Candidate(**{**c, "status": _status(c["status"])}) for c in document["candidates"]
    ]
    lists = {key: tuple(document[key]) for key in ("pins", "groups", "fence", "answer")}
    draw = Draw(**document["draw"]) if document["draw"] else None
    ttls = tuple(FamilyTtl(**family) for family in document["ttls"])
    orders = {
        key: order_of(document[key]) for key in ("order", "alternative_order") if document[key]
    }
    hops = hops_from(document["hops"]) if document["hops"] else None
    more = {"ttls": ttls, "hops": hops, "held": held_from(document["held"])}
    parts = {"candidates": tuple(candidates), "draw": draw, **more}
    return Explanation(**{**document, **lists, **parts, **orders}), source, verdicts


_ENDLESS = ("min_until_flip", "steady", "answer_min_until_flip")


def _status(status: dict[str, Any]) -> RegionStatus:
    """JSON has None for what has no end."""
    endless = {key: math.inf for key in _ENDLESS if status[key] is None}
    return RegionStatus(**{**status, **endless})


def _from_files(arguments: argparse.Namespace) -> tuple[Explanation, str, dict[str, str]]:
    """As `_live`, but that files know no verdicts."""
    inputs = run_loop(load_inputs(existing_config(arguments), arguments.overrides))
    spill_ratios: dict[str, float] = dict(arguments.spill)
    for region, state in (
        *((r, "down") for r in arguments.down),
        *((r, "overloaded") for r in spill_ratios),
    ):
        if region not in inputs.config.region:
            known = ", ".join(inputs.config.region)
            raise UsageError(f'there is no region "{region}" to take as {state}; regions: {known}')
    try:
        explanation = explain(
            arguments.name,
            arguments.client,
            _imagined(inputs, arguments.down, spill_ratios),
            arguments.policy,
        )
    except (NotSteeredError, ValueError) as error:
        raise UsageError(str(error)) from error
    down = ", ".join(arguments.down)
    imagined = f"every region taken as up but {down}" if down else "every region taken as up"
    if spill_ratios:
        imagined += f", {' and '.join(spill_ratios)} as overloaded"
    return explanation, f"the files of {arguments.config} alone, {imagined}", {}


def _imagined(inputs: Inputs, down: list[str], spill_ratios: Mapping[str, float]) -> Snapshot:
    """The files' Plan in a world where probes find every endpoint up, but in regions `down`.

    The regions in `spill_ratios` send on that share of their clients, and all others take them.
    """
    now = time.monotonic()
    up = Verdict(State.UP, None, "taken as up", math.inf, State.UP)
    verdicts = dict.fromkeys(inputs.targets.by_id, up)
    for target in inputs.targets.by_id.values():
        if target.region in down:
            back = target.settings.rise * target.settings.fast_interval
            verdicts[target.id] = Verdict(
                State.DOWN, now - _LONG_AGO, "taken as down", back, State.DOWN, probed_at=now
            )
    plan = compile_plan(
        1,
        inputs.config,
        inputs.zones.values(),
        inputs.locator,
        inputs.targets,
        measured=inputs.tables.measured,
    )
    shares = {
        (name, region): Share(spill_ratios.get(region, 0.0), accept_ratio=1.0)
        for name, service in inputs.config.service.items()
        for region in service.regions
    }
    world = World(verdicts, Overrides(), lambda _hostname: UNRESOLVED, shares, looked_up=False)
    return Snapshot(plan, steer(1, plan, world, now))


def _facts(explanation: Explanation, source: str) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    rows = [*_rows(explanation), ("source", source)]
    for label, fact in rows:
        if fact:
            facts.add_row(
                label, Text(fact, "green" if label == "answer" and explanation.region else "")
            )
    return facts


def _draw(draw: Draw | None) -> str:
    if draw is None:
        return ""
    said = [f"{draw.value:.4f} for {draw.block}"]
    if draw.position is not None:
        said.append(f"by its queries it stands at {draw.position:.4f}")
    if draw.load is not None:
        said.append(f"{draw.load:.1%} of what {draw.home}'s clients ask are its own")
    if draw.spill_ratio:
        said.append(f"{draw.home} sends on those below {draw.spill_ratio:.4g}")
    if draw.trickle:
        said.append(f"its second region is given those from {1 - draw.trickle:.4g}")
    return "; ".join(said)


def _rows(why: Explanation) -> Iterator[tuple[str, str]]:
    """Each fact with its label, in the order in which one leads to the next."""
    yield "name", f"{why.name} (service {why.service}, policy {why.policy})"
    yield "client", why.client + (f" = {why.looked_up}" if why.looked_up != why.client else "")
    yield "place", f"{why.place}, known for /{why.network_length}"
    if why.accuracy_radius_km is not None:
        yield "radius", f"{why.accuracy_radius_km:,.0f} km, says the database"
    if why.doubt:
        yield "doubt", f"{why.doubt}: only its country is taken as sure"
    groups = f" (by {', '.join(why.groups)})" if why.groups else ""
    yield "pins", (", ".join(why.pins) or "none") + groups
    yield "fence", ", ".join(why.fence) or "empty"
    if why.order.unit == "ms" or any(cost.bias for cost in why.order.costs):
        yield "order", why.order.why
    yield "landmarks", ", ".join(why.order.landmarks)
    if why.alternative_order is not None:
        yield (
            f"by {why.alternative_order.policy}",
            f"{', '.join(why.alternative_order.preference)}: {why.alternative_order.why}",
        )
    yield "answer", f"{why.region or 'no region'} ({why.outcome}) {_answer(why)}".rstrip()
    yield "kept", "" if why.held is None else why.held.words
    if why.hops is not None:
        yield from _hops(why.hops)
    yield "draw", _draw(why.draw)
    yield "note", why.note
    yield from _ttls(why)
    yield "scope", f"/{why.scope}" + ("" if why.ecs else ": client subnets are not honoured")


def _hops(hops: Hops) -> Iterator[tuple[str, str]]:
    """The way to the edge, the way on to the core, and how long both are together."""
    yield "to edge", _hop(hops.edge)
    yield "to core", _hop(hops.core)
    yield "both", _length(hops.km, hops.ms)


def _hop(hop: Hop) -> str:
    way = f"{hop.start or 'client'} → {hop.region or 'no region'} (service {hop.service})"
    return f"{way}: {_length(hop.km, hop.ms)}" if hop.region else way


def _length(km: float | None, ms: float | None) -> str:
    lengths = ["" if km is None else f"{km:,.0f} km", "" if ms is None else f"{ms:.1f} ms"]
    return ", ".join(filter(None, lengths))


def _ttls(why: Explanation) -> Iterator[tuple[str, str]]:
    """One row; or one for each type, where these differ."""
    if len({family.ttl for family in why.ttls}) == 1:
        yield "TTL", _ttl(why.ttl, why.ttl_why)
        return
    for family in why.ttls:
        yield f"TTL {family.type}", _ttl(family.ttl, family.why)


def _ttl(ttl: int | None, why: str) -> str:
    return f"{'none' if ttl is None else f'{ttl} s'}: {why}"


def _answer(explanation: Explanation) -> str:
    if explanation.region and not explanation.answer:
        return "with the addresses of its hostname, which only a daemon resolves"
    return " ".join(explanation.answer)


def _candidates(explanation: Explanation, verdicts: Mapping[str, str]) -> Table:
    """A row for each region; times where the order is by them, and its rank by another policy."""
    order, other = explanation.order, explanation.alternative_order
    costs = {cost.region: cost for cost in order.costs}
    timed = order.unit == "ms"
    table = Table("rank", "region", box=None, pad_edge=False)
    table.add_column("km", justify="right")
    if timed:
        table.add_column("ms", justify="right")
        table.add_column("sources", overflow="fold")
        table.add_column("measured", overflow="fold")
    if any(cost.bias for cost in order.costs):
        table.add_column(f"cost, {order.unit}", justify="right")
    if other is not None:
        table.add_column(f"by {other.policy}", justify="right")
    table.add_column("why")
    if verdicts:
        table.add_column("verdict", overflow="fold")
    for candidate in explanation.candidates:
        style = "green" if candidate.region == explanation.region else ""
        cost = costs[candidate.region]
        cells = [_rank(candidate.preferred), candidate.region, f"{candidate.km:,.0f}"]
        cells += [_ms(cost), _sources(cost), _measured(cost)] if timed else []
        cells += [_biased(cost)] if any(cost.bias for cost in order.costs) else []
        cells += [_rank_in(candidate.region, other.preference)] if other is not None else []
        cells += [candidate.why, *([verdicts[candidate.region]] if verdicts else [])]
        table.add_row(*(Text(cell, style) for cell in cells))
    return table


def _rank(preferred: int | None) -> str:
    return str(preferred) if preferred else "-"


def _rank_in(region: str, preference: Sequence[str]) -> str:
    return _rank(preference.index(region) + 1 if region in preference else None)


def _ms(cost: Cost) -> str:
    return "" if cost.expected_ms is None else f"{cost.expected_ms:.1f}"


def _sources(cost: Cost) -> str:
    """Each source of knowledge with the time that is expected from there on."""
    return " → ".join(f"{source.name} {source.ms:.1f}" for source in cost.sources)


def _measured(cost: Cost) -> str:
    return ", ".join(
        f"{time.ms:.1f} ({time.source}, {span(time.age_seconds)} old, "
        f"believed {100 * time.confidence:.0f} %)"
        for time in cost.measured
    )


def _biased(cost: Cost) -> str:
    number = "" if cost.cost is None else f"{cost.cost:,.1f}"
    return f"{number} ({cost.bias})" if cost.bias else number


def _spill(text: str) -> tuple[str, float]:
    region, _, share = text.partition("=")
    with contextlib.suppress(ValueError):  # reported below
        if 0 <= float(share) <= 1:
            return region, float(share)
    raise argparse.ArgumentTypeError(f'"{text}" is not a region and its share; write us-east=0.3')


def _client(text: str) -> Prefix:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'"{text}" is not an address or network; write 203.0.113.7 or 203.0.113.0/24'
        ) from error
    if network.prefixlen == 0:
        raise argparse.ArgumentTypeError(
            f'"{text}" is everybody: with a client subnet of length 0 the address of the '
            "resolver counts; give that"
        )
    try:
        return parse_prefix(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'"{text}" has bits set beyond its length; did you mean {network}?'
        ) from error
