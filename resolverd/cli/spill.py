"""`resolverd spill`: what an operator says of a service's spilling, whatever its load is."""

from __future__ import annotations

import argparse
from typing import Any

from resolverd.cli.console import complain, out, show_json
from resolverd.cli.link import add_socket, find, operator
from resolverd.cli.options import UsageError, add_config, add_json, verb
from resolverd.cli.override import add_for, for_how_long, reason
from resolverd.cli.rows import shown
from resolverd.cli.telling import add_edge, only_at, warn_of_untold
from resolverd.errors import ExitCode
from resolverd.policy.operator_rules import OFF, in_words, key_of

_AUTO = "auto"
_MORE = """
off     sends nobody on, and takes nobody whom others send on
SHARE   sends on that share of its clients, such as 30%, as far as others have room for it; it takes
        nobody. Who takes them is decided as ever: regions that serve, are not full, and lie in the
        client's fence
auto    ends the rule before its time: what is sent on follows the load again

A region's own rule goes before that of its service. A rule outlives a restart where server.state is
usable. In a fleet all edges obey it at once; without one every edge host has rules of its own.

exit codes:
  0  answers obey it
  1  another operator has said something of it meanwhile
  2  there is no such service or region, or no rule to end
  3  the daemon cannot be asked
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `spill` and its options to `verbs`."""
    parser = verb(
        verbs,
        "spill",
        "say what a service's regions send on, whatever their load is",
        [
            'resolverd spill chat off --for 1h --why "its metrics lie, see ticket 4711"',
            'resolverd spill chat --region eu-west 30% --for 2h --why "a launch at noon"',
            'resolverd spill chat --region us-east off --why "it gives the others its crashes"',
            'resolverd spill chat --region eu-west 50% --edge fra1 --why "its way there is slow"',
            "resolverd spill chat --region eu-west auto",
        ],
        run,
        more=_MORE,
    )
    parser.add_argument("service", metavar="SERVICE", help="the service")
    parser.add_argument("what", metavar="off|auto|SHARE", type=_what, help="what is to hold")
    parser.add_argument(
        "--region",
        default="",
        metavar="REGION",
        help="the region that it is of (default: each of the service without a rule of its own)",
    )
    add_for(parser)
    parser.add_argument("--why", type=reason, help="for those who find it later; not with auto")
    add_edge(parser)
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Put the rule in force, or end it; returns 0 once answers obey. Raises UsageError."""
    ends = arguments.what == _AUTO
    if ends and (arguments.why or arguments.seconds):
        raise UsageError(
            "auto ends a rule: it has no reason and no time\nleave --why and --for out"
        )
    if not ends and not arguments.why:
        raise UsageError('say why, in a few words, for those who find it later\nadd --why "…"')
    if not ends and arguments.what != OFF and not arguments.region:
        raise UsageError(
            "where every region sends clients on, none is left to take them\n"
            "name the region that is to send them on: --region REGION"
        )
    answers = _ended(arguments) if ends else _set(arguments)
    if arguments.json:
        show_json(answers)
        return ExitCode.OK
    _report(answers)
    warn_of_untold([answers])
    return ExitCode.OK


def _set(arguments: argparse.Namespace) -> dict[str, Any]:
    body = {
        "service": arguments.service,
        "region": arguments.region,
        "share": arguments.what,
        "why": arguments.why,
        "who": operator(),
        "for": arguments.seconds,
        "edge": arguments.edge,
    }
    return find(arguments).post("/spill", body)


def _ended(arguments: argparse.Namespace) -> dict[str, Any]:
    only = {"region": arguments.region, "edge": arguments.edge}
    given = {name: value for name, value in only.items() if value}
    return find(arguments).delete("/spill", arguments.service, who=operator(), **given)


def _report(answers: dict[str, Any]) -> None:
    rule = answers.get("set") or answers["cleared"]
    name = key_of(rule["service"], rule["region"] or "")
    says = in_words(rule["share"])
    if "cleared" in answers:
        was = f"was {says} by {shown(rule['who'])}: {shown(rule['why'])}"
        out().print(f"{name}: auto again ({was})", markup=False)
        return
    only = f" --region {rule['region']}" if rule["region"] else ""
    undo = f"resolverd spill {rule['service']}{only} auto{only_at(answers)}"
    out().print(f"{name}: {says} {for_how_long(rule)}", markup=False)
    _report_taken(rule, answers)
    out().print(f"undo: {undo}", markup=False)


def _report_taken(rule: dict[str, Any], answers: dict[str, Any]) -> None:
    """Who takes what is sent on, at the edge that was asked, if it was said to all."""
    region, regions = rule["region"], answers["regions"]
    if not rule["share"] or not region or only_at(answers):
        return
    if not regions[region]["spill_ratio"]:
        complain(f"{region} does not serve now, and sends nobody on until it does", "yellow")
        return
    takes = [f"{r} {s['accept_ratio']:.0%}" for r, s in regions.items() if s["accept_ratio"]]
    if takes:
        out().print(f"taken, as far as it is now: {', '.join(takes)}", markup=False)
    elif len(regions) == 1:
        alone = f"{rule['service']} has no other region: what {region} sends on stays there"
        complain(alone, "yellow")
    elif all(share.get("under_rule") for share in regions.values()):  # not of an older daemon
        complain(
            f"every other region of {rule['service']} is under a spill rule too, and takes nobody: "
            f"what {region} sends on stays there",
            "yellow",
        )
    else:
        complain(f"no region has room for what {region} sends on: it stays there", "yellow")


def _what(text: str) -> float | str:
    """An argparse type: `auto`, or the share that is sent on (off: 0). Raises ArgumentTypeError."""
    if text in (_AUTO, "off"):
        return _AUTO if text == _AUTO else OFF
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'"{text}" is not off, auto or a share such as 30%'
        ) from error
    if not 0 < share <= 1:
        hint = "write off to send nobody on" if share == 0 else "one lies above 0 and up to 100%"
        raise argparse.ArgumentTypeError(f'"{text}" is no share: {hint}')
    return share
