"""`resolverd override` and `resolverd clear`: an operator's word against what is measured."""

from __future__ import annotations

import argparse
from typing import Any

from resolverd.cli.console import complain, out, show_json
from resolverd.cli.link import add_socket, find, operator
from resolverd.cli.options import add_config, add_json, verb
from resolverd.cli.spans import span
from resolverd.config.types import parse_duration
from resolverd.errors import ExitCode


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both verbs."""
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
            'resolverd override us-east up --for 10m --why "its probe is broken, not its GPUs"',
        ],
        run,
        more="\nIt outlives a restart where server.state is usable; see resolverd doctor.\n",
    )
    parser.add_argument("target", metavar="REGION|ENDPOINT", help="what to override")
    parser.add_argument(
        "kind",
        choices=("up", "down", "drain"),
        help="up serves; down and drain do not (drain says that it is on purpose)",
    )
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        metavar="DURATION",
        help="how long it holds, such as 30m (default: until cleared)",
    )
    parser.add_argument("--why", required=True, type=reason, help="for those who find it later")
    add_socket(parser)
    add_config(parser)
    add_json(parser)


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
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Set it; 0 once answers obey."""
    told = find(arguments).post(
        "/override",
        {
            "target": arguments.target,
            "kind": arguments.kind,
            "why": arguments.why,
            "who": operator(),
            "for": arguments.seconds,
        },
    )
    if arguments.json:
        show_json(told)
        return ExitCode.OK
    for each in told["set"]:
        out().print(f"{each['target']}: {each['kind']} {_until(each)}", markup=False)
    for service in told["services_without_region"]:
        complain(f"no region serves {service} now; its all_down setting decides", "yellow")
    return ExitCode.OK


def run_clear(arguments: argparse.Namespace) -> int:
    """Clear it; 0 once answers obey."""
    told = find(arguments).delete("/override", arguments.target, who=operator())
    if arguments.json:
        show_json(told)
        return ExitCode.OK
    for each in told["cleared"]:
        was = f"was {each['kind']} by {each['who']}: {each['why']}"
        out().print(f"{each['target']}: cleared ({was})", markup=False)
    for target in told.get("released", []):  # an older daemon does not tell
        out().print(f"{target}: held down no more; its next success brings it up", markup=False)
    return ExitCode.OK


def _until(override: dict[str, Any]) -> str:
    if override["seconds_left"] is None:
        return f"until cleared: resolverd clear {override['target']}"
    # What is left has lost a few milliseconds on its way here.
    return f"for {span(override['seconds_left'] + 0.5)}, until {override['until']}"


def duration(text: str) -> float:
    """A duration that is not over before it begins, in seconds; for argparse."""
    try:
        seconds = parse_duration(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from wrong
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f'"{text}" is over before it begins')
    return seconds


def reason(text: str) -> str:
    """A few words; for argparse."""
    if not text.strip():
        raise argparse.ArgumentTypeError("say why, in a few words")
    return text.strip()
