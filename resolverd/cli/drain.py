"""`resolverd drain`: withdraw a region, and say when it is safe to stop it."""

from __future__ import annotations

import argparse
from typing import Any

from resolverd.cli.console import complain, out, show_json
from resolverd.cli.link import add_sockets, find_all, operator
from resolverd.cli.options import UsageError, add_config, add_json, verb
from resolverd.cli.override import add_for, add_force, reason, warn_of_emptied
from resolverd.cli.spans import span
from resolverd.cli.telling import add_edge, warn_of_untold
from resolverd.cli.waiting import waiting
from resolverd.errors import ExitCode
from resolverd.rollout.withdrawal import DrainSpec, NotDrainedError, Withdrawal, untold

_MORE = """
It waits until the last TTL given for the region has run out, and then says that it is safe to stop.
In a fleet all edges drain it at once, and it is not safe until all do; --edge, which drains it at
one alone, goes with --no-wait. Without a fleet every edge host has overrides of its own: name each
socket you can reach, and run it on the others too.

exit codes:
  0  it is safe to stop the region (with --no-wait: it is drained)
  1  the drain ended before it was safe, edges of the fleet do not obey it, or it would leave
     clients without a region (see --force)
  2  there is no such region, the drain would end before it is safe, or --edge is to be waited for
  3  a daemon cannot be asked
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `drain` and its options to `verbs`."""
    parser = verb(
        verbs,
        "drain",
        "withdraw a region, and say when it is safe to stop it",
        [
            'resolverd drain eu-west --for 30m --why "kernel update"',
            'resolverd drain eu-west --why "new racks" && systemctl stop vllm',
            'resolverd drain eu-west --why "moving out" --no-wait --json',
        ],
        run,
        more=_MORE,
    )
    parser.add_argument("region", metavar="REGION", help="what to drain")
    add_for(parser)
    parser.add_argument("--why", required=True, type=reason, help="for those who find it later")
    parser.add_argument(
        "--no-wait",
        dest="wait",
        action="store_false",
        help="return once it is drained, and tell when it will be safe",
    )
    add_force(parser)
    add_edge(parser)
    add_sockets(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Drain it, and wait. Raises UsageError."""
    if arguments.edge and arguments.wait:
        raise UsageError(
            "a drain at one edge makes nothing safe to stop: the others go on answering with the "
            "region\nadd --no-wait to drain it there alone, or leave --edge out"
        )
    spec = DrainSpec(
        arguments.region, arguments.why, operator(), arguments.seconds,
        force=arguments.force, edge=arguments.edge,
    )  # fmt: skip
    withdrawal = Withdrawal(find_all(arguments), spec)
    _check_length(withdrawal)
    withdrawal.begin()
    if _ends_within(spec, withdrawal.wait):  # other edges of a fleet have longer TTLs
        raise NotDrainedError(
            f"{spec.region}: drained, but that ends before it is safe: TTLs run out in "
            f"{span(withdrawal.wait)}\nnothing is safe to stop; drain it again, with a longer --for"
        )
    if not arguments.json:
        _report(withdrawal, tell=not arguments.wait)
    behind = next(filter(None, map(untold, withdrawal.replies)), "")
    if not spec.force and any(reply["emptied"] for reply in withdrawal.replies):
        withdrawal.check_served()  # another operator has taken the rest out meanwhile
    if arguments.wait and not behind:
        with waiting(f"TTLs that name {spec.region} run out", quiet=arguments.json) as progress:
            withdrawal.wait_out(progress)
    if arguments.json:
        safe = not (behind or spec.edge) and (arguments.wait or not withdrawal.left)
        show_json(_as_json(withdrawal, safe=safe))
    elif arguments.wait and not behind:
        out().print(f"{spec.region}: safe to stop", markup=False)
    if arguments.wait and behind:
        raise NotDrainedError(
            f"{spec.region}: {behind}\nnothing is safe to stop; drain it again once they are back"
        )
    return ExitCode.OK


def _check_length(withdrawal: Withdrawal) -> None:
    """Raise UsageError where the drain would end too soon.

    Nothing is said yet then: it would take the place of an override that is in force.
    """
    wait = withdrawal.longest_ttl()
    if _ends_within(withdrawal.spec, wait):
        raise UsageError(
            f"the drain would end before it is safe: TTLs run out in {span(wait)}\n"
            "give it longer with --for, or none to drain until cleared"
        )


def _ends_within(spec: DrainSpec, seconds: float) -> bool:
    """Whether the drain is over within so many seconds; that of one edge makes nothing safe."""
    return spec.seconds is not None and not spec.edge and spec.seconds <= seconds


def _report(withdrawal: Withdrawal, *, tell: bool) -> None:
    spec, latest = withdrawal.spec, max(reply["safe_at"] for reply in withdrawal.replies)
    until = "until cleared" if spec.seconds is None else f"for {span(spec.seconds)}"
    only = f" at {spec.edge} alone" if spec.edge else ""
    out().print(
        f"{spec.region}: drained{only} {until}; "
        f"the last TTL runs out in {span(withdrawal.wait + 0.5)}, at {latest}",
        markup=False,
    )
    if spec.edge:
        complain("other edges go on answering with it: it is not safe to stop", "yellow")
    warn_of_emptied(withdrawal.replies)
    if tell:
        warn_of_untold(withdrawal.replies)
    others = "" if _in_a_fleet(withdrawal) else "; other edge hosts have to be drained as well"
    edge = f" --edge {spec.edge}" if spec.edge else ""
    out().print(f"undo: resolverd clear {spec.region}{edge}{others}", markup=False)


def _in_a_fleet(withdrawal: Withdrawal) -> bool:
    return all(reply.get("fleet") for reply in withdrawal.replies)


def _as_json(withdrawal: Withdrawal, *, safe: bool) -> dict[str, Any]:
    return {
        "region": withdrawal.spec.region,
        "safe": safe,
        "safe_at": max(reply["safe_at"] for reply in withdrawal.replies),
        "wait_seconds": withdrawal.wait,
        "edges": withdrawal.replies,
    }
