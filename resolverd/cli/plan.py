"""`resolverd plan`: where GPUs should stand, what they cost, and whom they serve how fast."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

from prometheus_client.parser import text_string_to_metric_families

from resolverd.cli.console import complain, error_out, show_drawing, show_json, show_rows
from resolverd.cli.link import NoDaemonError, RefusedError, add_socket, find
from resolverd.cli.options import UsageError, add_config, add_json, existing_config, verb
from resolverd.cli.output_file import write_output
from resolverd.cli.plan_asked import Asked
from resolverd.cli.plan_chart import chart
from resolverd.cli.plan_drawing import drawing
from resolverd.cli.plan_json import plain
from resolverd.cli.plan_options import add_options
from resolverd.cli.plan_pages import pages
from resolverd.cli.plan_wishes import wishes_of
from resolverd.cli.waiting import waiting
from resolverd.config.model import Config
from resolverd.errors import ExitCode
from resolverd.loop import run_loop
from resolverd.planner.assignment import Reach
from resolverd.planner.make import Plan, make
from resolverd.planner.reach import reach_of
from resolverd.planner.traffic import read_traffic
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
            "resolverd plan --traffic traffic.csv --chart --svg plan.svg --at 2026-12-01T03:00Z",
        ],
        run,
        more="\nCSV files, each with a header:\n"
        "  traffic     where,share[,name]   192.0.2.0/24,12  or  DE,30  or  50.1 8.7 DE,8\n"
        "  prices      list,model,usd_per_hour\n"
        "  candidates  name,latitude,longitude[,gpus,usd_per_hour,pins_of]\n",
    )
    add_options(parser)
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    if arguments.json and arguments.chart:
        raise UsageError("give --json or --chart, not both")
    inputs = run_loop(load_inputs(existing_config(arguments), arguments.overrides))
    config = inputs.config
    service = _service(config, arguments.service)
    at = time.time() if arguments.at is None else arguments.at
    sites = sites_of(config, service, at)
    wishes = wishes_of(arguments, sites)
    clients = clients_of(inputs, service)
    groups = groups_of(_users(arguments, inputs, service, sites, clients))
    policy, ordered_by = config.service[service].policy, config.service[service].ordered_by
    if ordered_by in ("failover", "weighted"):
        complain(f'note: "{service}" has the policy "{policy}"; it is planned as if by latency')

    def reacher(every: Sequence[Site]) -> list[Reach]:
        field = geography(tuple(site.point for site in every))
        by_distance = ordered_by == "nearest"
        with _progress("times between users and regions") as progress:
            ranked = clients.ranked
            return reach_of(groups, field, ranked, by_distance=by_distance, progress=progress)

    try:
        plan = make(sites, groups, reacher, wishes)
    except ValueError as error:
        raise UsageError(str(error)) from error
    _print(arguments, Asked(service, at, arguments.calls, wishes), groups, plan)
    return ExitCode.OK


def _print(
    arguments: argparse.Namespace, asked: Asked, groups: Sequence[Group], plan: Plan
) -> None:
    if arguments.svg:
        write_output(arguments.svg, chart(asked, groups, plan))
    if arguments.json:
        show_json(plain(asked, groups, plan))
    elif arguments.chart:
        show_drawing(partial(drawing, asked, groups, plan))
    else:
        show_rows(*pages(asked, groups, plan))


@contextmanager
def _progress(what: str) -> Iterator[Callable[[float], None]]:
    """Gives what is to be called with the part done, 0 to 1; shown once it takes long."""
    begun = time.monotonic()
    with waiting(what, console=error_out()) as left:

        def progress(part: float) -> None:
            taken = time.monotonic() - begun
            if taken > _LONG and part:
                left(taken / part - taken)

        yield progress


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
    lines = read_traffic(arguments.traffic)
    with _progress("places of users") as progress:
        return fences.users(lines, progress)


def clients_of(inputs: Inputs, service: str) -> LazyClientMap:
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
