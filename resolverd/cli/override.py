"""`resolverd override` and `resolverd clear`: an operator's word against what is measured."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from resolverd.cli.console import complain, out, show_json
from resolverd.cli.link import add_socket, find, operator
from resolverd.cli.options import add_config, add_json, verb
from resolverd.cli.rows import shown
from resolverd.cli.spans import span
from resolverd.cli.telling import add_edge, only_at, warn_of_untold
from resolverd.config.fences import whose
from resolverd.config.types import parse_duration
from resolverd.errors import ExitCode

_MORE = """
It outlives a restart where server.state is usable; see resolverd doctor. In a fleet all edges obey
it at once; without one every edge host has overrides of its own. resolverd drain withdraws a region
too, and waits until it is safe to stop.

exit codes:
  0  answers obey it
  1  it would leave clients without a region (see --force)
  2  there is no such region or endpoint
  3  the daemon cannot be asked
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs `override` and `clear`."""
    _register_override(verbs)
    _register_clear(verbs)


def _register_override(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verb(
        verbs,
        "override",
        "hold a region or an endpoint up or down, whatever its probes say",
        [
            'resolverd override eu-west drain --for 30m --why "kernel update"',
            'resolverd override use-1 down --why "disk replaced, see ticket 4711"',
            'resolverd override use-1 down --why "its rack burns" --force',
            'resolverd override us-east up --for 10m --why "its probe is broken, not its GPUs"',
            'resolverd override eu-west down --edge fra1 --why "its way there is broken"',
        ],
        run,
        more=_MORE,
    )
    parser.add_argument("target", metavar="REGION|ENDPOINT", help="what to override")
    parser.add_argument(
        "kind",
        choices=("up", "down", "drain"),
        help="up serves; down and drain do not (drain says that it is on purpose)",
    )
    add_for(parser)
    parser.add_argument("--why", required=True, type=reason, help="for those who find it later")
    add_force(parser)
    add_edge(parser)
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def add_for(parser: argparse.ArgumentParser) -> None:
    """Add the option `--for` of verbs that put something in force."""
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        metavar="DURATION",
        help="how long it holds, such as 30m (default: until cleared)",
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add the option `--force` of verbs that take a region out of service."""
    parser.add_argument(
        "--force",
        action="store_true",
        help="do it even if a service, or clients under a pin, then have no region that serves",
    )


def _register_clear(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verb(
        verbs,
        "clear",
        "end an override, or the hold on an endpoint that flapped",
        ["resolverd clear eu-west", "resolverd clear use-1 --json"],
        run_clear,
    )
    parser.add_argument(
        "target", metavar="REGION|ENDPOINT", help="what is overridden, or held down"
    )
    add_edge(parser)
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Put the override in force; returns 0 once answers obey it."""
    answers = find(arguments).post(
        "/override",
        {
            "target": arguments.target,
            "kind": arguments.kind,
            "why": arguments.why,
            "who": operator(),
            "for": arguments.seconds,
            "force": arguments.force,
            **_edge(arguments),
        },
    )
    if arguments.json:
        show_json(answers)
        return ExitCode.OK
    for override in answers["set"]:
        until = _until(override, answers)
        out().print(f"{override['target']}: {override['kind']} {until}", markup=False)
    # Those that had none before are none that it has emptied.
    without = [{"service": service, "pins": []} for service in answers["services_without_region"]]
    warn_of_emptied([{"emptied": [*without, *answers["emptied"]]}])
    warn_of_untold([answers])
    return ExitCode.OK


def warn_of_emptied(answers: Sequence[Mapping[str, Any]]) -> None:
    """Say whom an override has left without a region, by what each daemon answered."""
    for fence in dict.fromkeys(
        whose(fence["service"], fence["pins"]) for answer in answers for fence in answer["emptied"]
    ):
        complain(f"no region serves {fence} now; its all_down setting decides", "yellow")


def run_clear(arguments: argparse.Namespace) -> int:
    """Clear the override; returns 0 once answers no longer obey it."""
    answers = find(arguments).delete(
        "/override", arguments.target, who=operator(), **_edge(arguments)
    )
    if arguments.json:
        show_json(answers)
        return ExitCode.OK
    for override in answers["cleared"]:
        was = f"was {override['kind']} by {shown(override['who'])}: {shown(override['why'])}"
        out().print(f"{override['target']}: cleared ({was})", markup=False)
    for target in answers.get("released", []):  # an older daemon does not report it
        out().print(f"{target}: held down no more; back once its probes succeed", markup=False)
    warn_of_untold([answers])
    return ExitCode.OK


def _edge(arguments: argparse.Namespace) -> dict[str, str]:
    """The edge that is named, if any: an older daemon knows of none."""
    return {"edge": arguments.edge} if arguments.edge else {}


def _until(override: dict[str, Any], answers: Mapping[str, Any]) -> str:
    undo = f": resolverd clear {override['target']}{only_at(answers)}"
    return for_how_long(override) + (undo if override["seconds_left"] is None else "")


def for_how_long(order: Mapping[str, Any]) -> str:
    """How long something in force still holds, in words, by the JSON of it."""
    if order["seconds_left"] is None:
        return "until cleared"
    # What is left has lost a few milliseconds on its way here.
    return f"for {span(order['seconds_left'] + 0.5)}, until {order['until']}"


def duration(text: str) -> float:
    """A duration that is not over before it begins, in seconds; for argparse."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f'"{text}" is over before it begins')
    return seconds


def reason(text: str) -> str:
    """An argparse type: a reason that is not empty. Raises ArgumentTypeError."""
    if not text.strip():
        raise argparse.ArgumentTypeError("say why, in a few words")
    return text.strip()
