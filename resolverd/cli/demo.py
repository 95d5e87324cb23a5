"""`resolverd demo`: the daemon, four simulated regions and ten cities; verifies itself."""

from __future__ import annotations

import argparse
import logging

from resolverd import log
from resolverd.cli.console import watched_out
from resolverd.cli.options import PLACES, add_config, add_json, verb
from resolverd.demo.faults import Fault
from resolverd.demo.runner import run_demo
from resolverd.demo.schedule import ScheduledFault, parse_fault
from resolverd.demo.show import JsonShow, TextShow
from resolverd.loop import run_loop


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `demo` and its options to `verbs`."""
    parser = verb(
        verbs,
        "demo",
        "run the daemon and four simulated regions on loopback, kill one, and watch",
        [
            "resolverd demo",
            "resolverd demo --fault hung:us-east",
            "resolverd demo --fault saturated:us-east --fault draining:eu-west@5s",
            "resolverd demo --stay --port 5353",
            "resolverd demo --json | jq 'select(.event == \"change\")'",
        ],
        run,
        more="\nfaults:\n" + "".join(f"  {fault:<14} {fault.meaning}\n" for fault in Fault),
    )
    parser.add_argument(
        "--stay", action="store_true", help="kill nothing; stay up until Ctrl-C or SIGTERM"
    )
    parser.add_argument(
        "--fault",
        type=_scheduled_fault,
        action="append",
        default=[],
        metavar="NAME:REGION[@TIME]",
        help="let a region fail like this instead of killing one, so long after all runs; may be "
        "repeated",
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help="where the daemon listens; 0 takes any, and so do the regions then "
        "(default: the shipped ports where they are free)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show all of the daemon's events on standard error"
    )
    # Not the installed one: a demonstration of what serves there would look like it.
    add_config(parser, places=PLACES[:1])
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run it; 0 when every promise was kept, 1 when one was not."""
    # Regions die here on purpose: its own events say so.
    log.configure(level=logging.DEBUG if arguments.verbose else logging.ERROR)
    show = JsonShow(watched_out()) if arguments.json else TextShow(watched_out())
    demo = run_demo(
        arguments.config,
        arguments.overrides,
        port=arguments.port,
        stay=arguments.stay,
        schedule=arguments.fault,
        emit=show,
    )
    try:
        return run_loop(demo)
    finally:
        show.close()


def _scheduled_fault(text: str) -> ScheduledFault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f'"{text}" is not a port: 0 to 65535')
    return int(text)
