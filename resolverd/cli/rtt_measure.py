"""`resolverd rtt --measure`: the clients of a region's front door, as a page of round-trip times.

A process of its own that needs no privilege and no configuration. It ends at SIGTERM.
"""

from __future__ import annotations

import argparse
import re

from resolverd import log
from resolverd.cli.options import UsageError, add_log
from resolverd.config.types import Listener, parse_duration, parse_listener
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.loop import run_loop
from resolverd.rtt.networks import Networks, is_public
from resolverd.signals import PROCESS

# The names that regions may have in a configuration.
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def add_arguments(parser: argparse.ArgumentParser, uses: argparse._MutuallyExclusiveGroup) -> None:
    """Add `--measure` to the uses of the verb, and the options that belong to it."""
    uses.add_argument(
        "--measure",
        action="store_true",
        help="read the round-trip times of the connections to this host from the kernel, and "
        "serve them by network until SIGTERM",
    )
    group = parser.add_argument_group("with --measure")
    group.add_argument(
        "--region", type=_region, metavar="NAME", help="the region that this host is in"
    )
    group.add_argument(
        "--port",
        action="append",
        default=[],
        type=_port,
        metavar="N",
        help="a local port of the front door, as often as there are (default: 443)",
    )
    group.add_argument(
        "--listen",
        type=_listener,
        default=parse_listener("127.0.0.1:9091"),
        metavar="ADDRESS:PORT",
        help="where the page is served over HTTP (default: 127.0.0.1:9091)",
    )
    group.add_argument(
        "--min-clients",
        type=_positive,
        default=5,
        metavar="K",
        help="networks of fewer clients are not shown (default: 5); an IPv6 /56 is one client",
    )
    group.add_argument(
        "--clients",
        type=_positive,
        default=100_000,
        metavar="N",
        help="clients that are remembered, up to 1 KB each; those not seen for longest go "
        "first (default: 100000)",
    )
    group.add_argument(
        "--window",
        type=_duration,
        default=86_400.0,
        metavar="TIME",
        help="how long a client's least time counts, and a client is remembered (default: 24h)",
    )
    group.add_argument(
        "--interval",
        type=_duration,
        default=10.0,
        metavar="TIME",
        help="time between two looks at all connections (default: 10s)",
    )
    group.add_argument(
        "--except",
        dest="excluded",
        action="append",
        default=[],
        type=_prefix,
        metavar="PREFIX",
        help="networks that are not measured, such as the edges', whose probes are no clients",
    )
    group.add_argument(
        "--private",
        action="store_true",
        help="measure private networks and loopback too; without it the public Internet alone",
    )
    add_log(group)


def run(arguments: argparse.Namespace) -> int:
    """Measure and serve until a signal. Raises UsageError, or what `measure` does."""
    if not arguments.region:
        raise UsageError("--measure wants the region's name: --region NAME, as edges configure it")
    # What it needs is not needed by the other verbs.
    from resolverd.cli.measuring import Measuring
    from resolverd.rtt.kernel import TcpStatistics
    from resolverd.systemd import Supervisor

    excluded: list[Prefix] = arguments.excluded

    def measured(network: Prefix) -> bool:
        if any(prefix.contains(network) or network.contains(prefix) for prefix in excluded):
            return False
        return bool(arguments.private or is_public(network))

    log.in_background(arguments.log)
    measuring = Measuring(
        TcpStatistics(arguments.port or [443]),
        Networks(arguments.clients, arguments.window, measured),
        arguments.region,
        arguments.min_clients,
        interval=arguments.interval,
    )
    with PROCESS.obeyed(), log.everything():
        return int(run_loop(measuring.run(arguments.listen, Supervisor.adopt())))


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise argparse.ArgumentTypeError(f'"{text}" is not a region\'s name, such as eu-west')
    return text


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f'"{text}" is not a port, such as 443')
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 100_000_000:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number of clients, such as 5')
    return int(text)


def _listener(text: str) -> Listener:
    try:
        return parse_listener(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _duration(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not 0.1 <= seconds <= 90 * 86_400:
        raise argparse.ArgumentTypeError(f'"{text}" is not from 100ms to 90d')
    return seconds


def _prefix(text: str) -> Prefix:
    try:
        return parse_prefix(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{error}; write "198.51.100.0/24"') from error
