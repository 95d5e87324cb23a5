"""`resolverd external-dns`: the provider that external-dns speaks to, beside it in its pod."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import dns.name
from dns.name import Name

from resolverd import log
from resolverd.cli.options import UsageError, add_config, add_log, existing_config, verb
from resolverd.cli.output_file import OutputError
from resolverd.config.types import Listener, parse_listener
from resolverd.dns.names import key_from_text
from resolverd.errors import ExitCode
from resolverd.files.matching import real_paths
from resolverd.loop import run_loop
from resolverd.signals import PROCESS

if TYPE_CHECKING:
    from resolverd.external_dns.provider import Provider

_MAX_TTL = 604_800


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `external-dns` and its options to `verbs`."""
    parser = verb(
        verbs,
        "external-dns",
        "keep the records that external-dns owns in a fragment of a zone, until SIGTERM",
        [
            "resolverd external-dns --zone inference.example --output zones/external-dns.records",
            "resolverd external-dns --zone a.example --output zones/a.records "
            "--zone b.example --output zones/b.records --health 0.0.0.0:8080",
        ],
        run,
        more="\nexternal-dns is given --provider=webhook, and the zone's own file ends with\n"
        '  $INCLUDE "external-dns.records"\n'
        "Changes are checked as `resolverd check` does before they are written.\n",
    )
    parser.add_argument(
        "--zone",
        dest="zones",
        action="append",
        required=True,
        type=_zone,
        metavar="NAME",
        help="a zone whose names external-dns manages; may be given again, each with an --output",
    )
    parser.add_argument(
        "--output",
        dest="outputs",
        action="append",
        required=True,
        type=Path,
        metavar="FILE",
        help="the fragment of that zone, which the zone's own file includes",
    )
    parser.add_argument(
        "--listen",
        type=_listener,
        default=parse_listener("127.0.0.1:8888"),
        metavar="ADDRESS:PORT",
        help="where external-dns asks (default: 127.0.0.1:8888, as it does)",
    )
    parser.add_argument(
        "--health",
        type=_listener,
        default=parse_listener("127.0.0.1:8080"),
        metavar="ADDRESS:PORT",
        help="where /healthz is (default: 127.0.0.1:8080; in a pod: 0.0.0.0:8080)",
    )
    parser.add_argument(
        "--ttl",
        type=_ttl,
        default=300,
        metavar="SECONDS",
        help="of records for which no TTL is annotated (default: 300)",
    )
    add_log(parser)
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal. Raises UsageError, ProblemsError, OutputError or EngineError."""
    from resolverd.external_dns.provider import Provider
    from resolverd.external_dns.zone_check import ZoneCheck

    zones: list[Name] = arguments.zones
    outputs: list[Path] = arguments.outputs
    if len(zones) != len(outputs):
        raise UsageError("give one --output for each --zone, in the same order")
    if len(set(zones)) < len(zones) or len(set(real_paths(outputs))) < len(outputs):
        raise UsageError("each --zone and each --output may be given once")
    config = existing_config(arguments)
    checks = [
        ZoneCheck(config, arguments.overrides, zone, output)
        for zone, output in zip(zones, outputs, strict=True)
    ]
    provider = Provider(checks, arguments.ttl)
    try:
        provider.begin()
    except OSError as error:
        raise OutputError(
            f"{error.filename} cannot be written: {error.strerror}; name a file in a directory "
            "that is there, and that you may write to"
        ) from error
    log.in_background(arguments.log)
    with PROCESS.obeyed(), log.everything():
        return int(run_loop(_serve(provider, arguments.listen, arguments.health)))


async def _serve(provider: Provider, listen: Listener, health: Listener) -> ExitCode:
    from resolverd.external_dns.server import WebhookServer

    stopping = asyncio.Event()
    PROCESS.follow(asyncio.get_running_loop(), stopping.set, lambda: None)
    async with WebhookServer(provider).serving(listen, health):
        await stopping.wait()
    return ExitCode.OK


def _zone(text: str) -> Name:
    try:
        return dns.name.from_wire(key_from_text(text), 0)[0]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _listener(text: str) -> Listener:
    try:
        return parse_listener(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _ttl(text: str) -> int:
    if not text.isdigit() or int(text) > _MAX_TTL:
        raise argparse.ArgumentTypeError(f'"{text}" is not a TTL from 0 to {_MAX_TTL} seconds')
    return int(text)
