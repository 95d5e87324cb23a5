"""`resolverd drain`: withdraw a region, and say when it is safe to stop it."""

from __future__ import annotations

import argparse
from typing import Any

from resolverd.cli.console import out, show_json
from resolverd.cli.link import add_sockets, find_all, operator
from resolverd.cli.options import UsageError, add_config, add_json, verb
from resolverd.cli.override import add_force, duration, reason, warn_of_emptied
from resolverd.cli.spans import span
from resolverd.cli.waiting import waiting
from resolverd.errors import ExitCode
from resolverd.rollout.withdrawal import DrainSpec, Withdrawal

_MORE = """
It waits until the last TTL given for the region has run out, and then says that it is safe to stop.
Every edge host has a daemon and overrides of its own: name each socket you can reach, and run it on
the others too.

exit codes:
  0  it is safe to stop the region (with --no-wait: it is drained)
  1  the drain ended before it was safe, or it would leave clients without a region (see --force)
  2  there is no such region, or the drain would end before it is safe
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
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        metavar="DURATION",
        help="how long it holds, such as 30m (default: until cleared)",
    )
    parser.add_argument("--why", required=True, type=reason, help="for those who find it later")
    parser.add_argument(
        "--no-wait",
        dest="wait",
        action="store_false",
        help="return once it is drained, and tell when it will be safe",
    )
    add_force(parser)
    add_sockets(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Drain it, and wait."""
    spec = DrainSpec(
        arguments.region, arguments.why, operator(), arguments.seconds, force=arguments.force
    )
    withdrawal = Withdrawal(find_all(arguments), spec)
    withdrawal.begin()
    if spec.seconds is not None and spec.seconds <= withdrawal.wait:
        withdrawal.end()
        raise UsageError(
            f"the drain would end before it is safe: TTLs run out in {span(withdrawal.wait)}\n"
            "give it longer with --for, or none to drain until cleared"
        )
    if not arguments.json:
        _report(withdrawal)
    if arguments.wait:
        with waiting(f"TTLs that name {spec.region} run out", quiet=arguments.json) as progress:
            withdrawal.wait_out(progress)
    if arguments.json:
        show_json(_as_json(withdrawal, safe=arguments.wait))
    elif arguments.wait:
        out().print(f"{spec.region}: safe to stop", markup=False)
    return ExitCode.OK


def _report(withdrawal: Withdrawal) -> None:
    spec, latest = withdrawal.spec, max(reply["safe_at"] for reply in withdrawal.replies)
    until = "until cleared" if spec.seconds is None else f"for {span(spec.seconds)}"
    out().print(
        f"{spec.region}: drained {until}; the last TTL runs out in {span(withdrawal.wait + 0.5)}, "
        f"at {latest}",
        markup=False,
    )
    warn_of_emptied(withdrawal.replies)
    out().print(
        f"undo: resolverd clear {spec.region}; other edge hosts have to be drained as well",
        markup=False,
    )


def _as_json(withdrawal: Withdrawal, *, safe: bool) -> dict[str, Any]:
    return {
        "region": withdrawal.spec.region,
        "safe": safe or not withdrawal.left,
        "safe_at": max(reply["safe_at"] for reply in withdrawal.replies),
        "wait_seconds": withdrawal.wait,
        "edges": withdrawal.replies,
    }
