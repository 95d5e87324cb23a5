"""`resolverd plan`: where GPUs should stand, what they cost, and whom they serve how fast."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from prometheus_client.parser import text_string_to_metric_families

from resolverd.cli.console import show_json, show_rows
from resolverd.cli.link import NoDaemonError, RefusedError, add_socket, find
from resolverd.cli.options import UsageError, add_config, add_json, existing_config, verb
from resolverd.cli.output_file import write_output
from resolverd.cli.plan_chart import chart
from resolverd.cli.plan_json import plain
from resolverd.cli.plan_pages import pages
from resolverd.cli.waiting import waiting
from resolverd.config.model import Config
from resolverd.errors import ExitCode
from resolverd.geo.distance import Coordinates
from resolverd.loop import run_loop
from resolverd.planner.assignment import Reach
from resolverd.planner.budgets import BUDGETS
from resolverd.planner.cost import Gpus
from resolverd.planner.lists import read_candidates, read_prices
from resolverd.planner.make import Plan, Wishes, make
from resolverd.planner.reach import reach_of
from resolverd.planner.traffic import read_traffic, where_is
from resolverd.planner.users import Group, User, groups_of
from resolverd.planner.world import Fences, Site, by_region, sites_of
from resolverd.rtt.cables import geography
from resolverd.snapshot.clientmap import LazyClientMap
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.fences import pin_rules
from resolverd.snapshot.inputs import Inputs, load_inputs
from resolverd.snapshot.maps import edge_of

_LONG = 2.0
"""Seconds after which it is shown how far it is."""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `plan` and its options to `verbs`."""
    parser = verb(
        verbs,
        "plan",
        "tell what regions cost, whom they serve how fast, and which to add",
        [
            "resolverd plan --traffic traffic.csv",
            "resolverd plan --traffic traffic.csv --without us-west --add 'SG=2' --json",
            "resolverd plan --traffic traffic.csv --candidates cities.csv --keep 95 --budget chat",
            "resolverd plan --traffic traffic.csv --svg plan.svg --at 2026-12-01T03:00Z",
        ],
        run,
        more="\nCSV files, each with a header:\n"
        "  traffic     where,share          192.0.2.0/24,12  or  DE,30  or  50.1 8.7 DE,8\n"
        "  prices      list,model,usd_per_hour\n"
        "  candidates  name,latitude,longitude[,gpus,usd_per_hour,pins_of]\n",
    )
    parser.add_argument("--service", metavar="NAME", help="the service (default: the first)")
    parser.add_argument(
        "--traffic",
        type=Path,
        metavar="CSV",
        help="traffic by place (default: by region, as the running daemon has counted its answers)",
    )
    parser.add_argument(
        "--gpus", type=_count, metavar="N", help="GPUs to share out by traffic (default: all)"
    )
    parser.add_argument(
        "--tensor-parallel",
        type=_count,
        default=1,
        metavar="N",
        help="GPUs of one replica, which are not torn apart (default: 1)",
    )
    parser.add_argument("--prices", type=Path, metavar="CSV", help="other price lists, beside ours")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="REGION",
        help="try it without this region; may be given again",
    )
    parser.add_argument(
        "--add",
        action="append",
        default=[],
        metavar="PLACE[=GPUS]",
        help='try it with a region there: a country, "LATITUDE LONGITUDE", or a candidate\'s name; '
        "may be given again",
    )
    parser.add_argument(
        "--candidates", type=Path, metavar="CSV", help="tell which of these regions to add next"
    )
    parser.add_argument(
        "--keep",
        type=_percent,
        default=0.0,
        metavar="PERCENT",
        help="tell the fewest regions that keep so many users within --budget",
    )
    parser.add_argument(
        "--budget",
        choices=[budget.name for budget in BUDGETS],
        default="chat",
        help="the application that --keep is about (default: %(default)s)",
    )
    parser.add_argument(
        "--calls", type=_count, default=10, metavar="N", help="calls of an agent (default: 10)"
    )
    parser.add_argument(
        "--minor",
        type=_percent,
        default=0.2,
        metavar="PERCENT",
        help="a region with less of the traffic could do with a smaller model (default: 20)",
    )
    parser.add_argument(
        "--bits", type=_count, default=4, metavar="N", help="bits of its weights (default: 4)"
    )
    parser.add_argument(
        "--at",
        type=_moment,
        default=None,
        metavar="TIME",
        help="hours of service at that time, ISO 8601 (default: now)",
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw it, too")
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    inputs = run_loop(load_inputs(existing_config(arguments), arguments.overrides))
    config = inputs.config
    service = _service(config, arguments.service)
    at = time.time() if arguments.at is None else arguments.at
    sites = sites_of(config, service, at)
    clients = _clients(inputs, service)
    groups = groups_of(_users(arguments, inputs, service, sites, clients))
    wishes = _wishes(arguments, sites)
    by_distance = config.service[service].policy == "nearest"
    begun = time.monotonic()
    with waiting("times between users and regions", quiet=arguments.json) as left:

        def progress(part: float) -> None:
            taken = time.monotonic() - begun
            if taken > _LONG:
                left(taken / part - taken)

        def reacher(every: Sequence[Site]) -> list[Reach]:
            field = geography(tuple(site.point for site in every))
            ranked = clients.ranked
            return reach_of(groups, field, ranked, by_distance=by_distance, progress=progress)

        try:
            plan = make(sites, groups, reacher, wishes)
        except ValueError as error:
            raise UsageError(str(error)) from error
    _print(arguments, service, groups, plan, wishes)
    return ExitCode.OK


def _print(
    arguments: argparse.Namespace,
    service: str,
    groups: Sequence[Group],
    plan: Plan,
    wishes: Wishes,
) -> None:
    if arguments.svg:
        write_output(arguments.svg, chart(groups, plan))
    if arguments.json:
        show_json(plain(service, groups, plan, arguments.calls))
    else:
        show_rows(*pages(groups, plan, wishes, arguments.calls))


def _service(config: Config, named: str | None) -> str:
    if not config.service:
        raise UsageError("the configuration has no service")
    if named is None:
        return next(iter(config.service))
    if named not in config.service:
        known = ", ".join(config.service)
        raise UsageError(f'there is no service "{named}"; services: {known}')
    return named


def _users(
    arguments: argparse.Namespace,
    inputs: Inputs,
    service: str,
    sites: Sequence[Site],
    clients: LazyClientMap,
) -> list[User]:
    if arguments.traffic is None:
        users = by_region(sites, _counted(arguments, service))
        if not users:
            raise UsageError("the daemon has answered nothing yet: give --traffic CSV")
        return users
    edge = edge_of(inputs.config).point
    assert edge is not None, "an edge host stands somewhere"
    fences = Fences(pin_rules(inputs.config, service)[1], clients, edge)
    return [fences.user(line) for line in read_traffic(arguments.traffic)]


def _clients(inputs: Inputs, service: str) -> LazyClientMap:
    """How the service's clients are placed, fenced and ranked."""
    plan = compile_plan(
        1,
        inputs.config,
        inputs.zones.values(),
        inputs.locator,
        inputs.targets,
        measured=inputs.tables.measured,
    )
    return cast(LazyClientMap, plan.services[service].clients)


def _counted(arguments: argparse.Namespace, service: str) -> Mapping[str, float]:
    """Answers by region since the daemon was started."""
    try:
        text = find(arguments).metrics()
    except (NoDaemonError, RefusedError) as error:
        raise UsageError(f"{error}\nor give traffic by place: --traffic CSV") from error
    counted: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            if sample.name == "resolverd_answers_total" and labels["service"] == service:
                region = labels["region"]
                counted[region] = counted.get(region, 0.0) + sample.value
    return counted


def _wishes(arguments: argparse.Namespace, sites: Sequence[Site]) -> Wishes:
    names = [site.name for site in sites]
    for name in arguments.without:
        if name not in names:
            raise UsageError(f'there is no region "{name}"; regions: {", ".join(names)}')
    candidates = read_candidates(arguments.candidates) if arguments.candidates else []
    places = {one.name: one.point for one in candidates}
    budget = next(budget for budget in BUDGETS if budget.name == arguments.budget)
    return Wishes(
        gpus=arguments.gpus or sum(site.gpus.count for site in sites),
        tensor_parallel=arguments.tensor_parallel,
        prices=read_prices(arguments.prices) if arguments.prices else {},
        without=frozenset(arguments.without),
        added=[_added(text, places, sites) for text in arguments.add],
        candidates=candidates,
        minor=arguments.minor,
        bits=arguments.bits,
        keep=arguments.keep,
        budget=budget,
    )


def _added(text: str, places: Mapping[str, Coordinates], sites: Sequence[Site]) -> Site:
    """``SG=2`` as a region; without a number it has as many GPUs as the smallest there is."""
    place, equals, number = text.partition("=")
    place = place.strip()
    try:
        point = places.get(place) or where_is(place)[0]
        count = _count(number) if equals else min(site.gpus.count for site in sites)
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise UsageError(
            f'--add "{text}": {error}; write SG=2, "1.35 103.8=2", or a candidate\'s name'
        ) from error
    dearest = max((site.gpus for site in sites), key=lambda gpus: gpus.usd_per_hour)
    return Site(place, point, Gpus(dearest.model, count, dearest.usd_per_hour))


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1_000_000:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 on')
    return int(text)


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f'"{text}" is no percentage from 0 to 100')
    return value / 100


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'"{text}" is no time, such as 2026-12-01T03:00Z'
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
