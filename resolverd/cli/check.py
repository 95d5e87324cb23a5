"""`resolverd check`: would this configuration be served? Asked of the real loader."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from resolverd import outlook
from resolverd.abi.library import why_not
from resolverd.cli.comparison import forecast, of_daemon, refused_words, show, show_losses
from resolverd.cli.console import complain, count, out, report, show_json
from resolverd.cli.import_zones import import_zones
from resolverd.cli.link import add_socket
from resolverd.cli.options import add_config, add_json, existing_config, verb
from resolverd.config.fences import describe, fences
from resolverd.config.groups import groups
from resolverd.config.model import Config
from resolverd.errors import ExitCode, GeoError, ProblemsError, ResolverdError, errors_among
from resolverd.loop import run_loop
from resolverd.snapshot.coverage import Covered, covered
from resolverd.snapshot.inputs import Inputs, load_inputs

FIRST_CONFIG = """\
[server]
listen = ["127.0.0.1:5300"]
coordinates = [50.1, 8.7]           # where this host stands
zones = ["*.zone"]

[region.us-east]
coordinates = [39.0, -77.5]
[[region.us-east.endpoint]]
address = ["192.0.2.10"]            # what clients get
url = "http://192.0.2.10:8000"      # what is probed, at /health

[service.chat]
regions = ["us-east"]
"""

FIRST_ZONE = """\
$ORIGIN inference.example.
$TTL 3600
@     SOA   ns1 hostmaster 1 3600 900 604800 300
      NS    ns1
ns1   A     192.0.2.53
chat  60    DYNA  chat
"""


class CoverageError(ResolverdError):
    """What pins cover cannot be counted here."""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `check` and its options to `verbs`."""
    parser = verb(
        verbs,
        "check",
        "read configuration, zones and databases, and report everything that is wrong",
        [
            "resolverd check",
            "resolverd check --config /etc/resolverd/resolverd.toml --json",
            "resolverd check --import /var/lib/bind/db.example.com",
        ],
        run,
        more=_listing("a resolverd.toml to start from:", FIRST_CONFIG)
        + _listing("and a zone file beside it, inference.zone:", FIRST_ZONE),
    )
    add_socket(parser)
    add_config(parser, may_be_gone=True)
    add_json(parser)
    parser.add_argument(
        "--coverage",
        action="store_true",
        help="say what share of the databases' address space each pin holds for (takes seconds)",
    )
    parser.add_argument(
        "--import",
        nargs="+",
        type=Path,
        metavar="FILE",
        dest="imported",
        help="read zone files that BIND serves, without a configuration, and say what would change",
    )


def run(arguments: argparse.Namespace) -> int:
    """Check; 0 when it would be served (warnings are printed), 1 when not."""
    if arguments.imported:
        return import_zones(arguments.imported, as_json=arguments.json)
    inputs: Inputs | None = None
    try:
        inputs = run_loop(load_inputs(existing_config(arguments), arguments.overrides))
    except ProblemsError as error:
        problems = error.problems
        restart = run_loop(outlook.of_refused(arguments.config, arguments.overrides, error))
    else:
        problems = inputs.warnings
        restart = run_loop(outlook.of_good(arguments.config, arguments.overrides, inputs))
    compared = forecast(arguments)
    shares = _coverage(inputs) if inputs is not None and arguments.coverage else None
    if compared is not None:
        problems = (*problems, *of_daemon(compared))
    if arguments.json:
        sizes = [] if inputs is None else [fence._asdict() for fence in fences(inputs.config)]
        show_json(
            {
                "served": inputs is not None,
                "problems": [asdict(p) for p in problems],
                "fences": sizes,
                "coverage": None if shares is None else [share._asdict() for share in shares],
                "groups": [] if inputs is None else list(_groups(inputs.config)),
                "restart": restart.text or None,
                "reload": compared,
            }
        )
        return ExitCode.OK if inputs is not None else ExitCode.PROBLEMS
    for problem in problems:
        report(problem)
    if inputs is not None:
        out().print(_summary(arguments, inputs, len(problems)), markup=False)
        for fence in fences(inputs.config) if inputs.config.pin else ():
            out().print(f"  {describe(fence)}", markup=False)
        for row in _groups(inputs.config):
            law = f"as of {row['as_of']} ({row['source']})"
            members = " ".join(row["countries"])
            out().print(f"  pin {row['pin']}: {row['group']} {law}: {members}", markup=False)
        for share in shares or ():
            out().print(f"  {_covered(share)}", markup=False)
        if compared is not None:
            show(compared)
        else:
            show_losses(restart.losses)
        if restart.text:
            out().print(restart.text, markup=False)
        return ExitCode.OK
    if compared is not None:
        show(compared)
    else:
        show_losses(restart.losses)
    complain(restart.text)
    complain(f"{count(len(errors_among(problems)), 'problem')}{_consequence(compared, restart)}")
    return ExitCode.PROBLEMS


def _consequence(compared: dict[str, Any] | None, restart: outlook.Outlook) -> str:
    """What comes of files with errors: of a daemon's next reload, or else of a start."""
    if compared is not None and (words := refused_words(compared)):
        return f"; {words}"
    return "" if restart.serves else "; nothing of this would be served"


def _coverage(inputs: Inputs) -> list[Covered]:
    """What each pin covers. Raises CoverageError where that cannot be counted."""
    if (reason := why_not()) is not None:
        raise CoverageError(f"--coverage needs the native library, which is not there: {reason}")
    try:
        return list(covered(inputs.config, inputs.locator))
    except GeoError as error:
        raise CoverageError(str(error)) from error


def _covered(share: Covered) -> str:
    families = [
        f"{100 * part:.3g} % of {family}"
        for family, part in (("IPv4", share.ipv4_ratio), ("IPv6", share.ipv6_ratio))
        if part is not None
    ]
    whose = f"pin {share.pin}" if share.pin else "no pin"
    where = " and ".join(families) or "nothing"
    return f"{share.service}, {whose}: {where}, of what the databases place"


def _groups(config: Config) -> Iterator[dict[str, Any]]:
    """The groups of countries by law that pins name."""
    for pin, settings in config.pin.items():
        for name in settings.groups:
            group = groups()[name]
            yield {
                "pin": pin,
                "group": name,
                "as_of": group.as_of.isoformat(),
                "source": group.source,
                "countries": list(group.countries),
            }


def _summary(arguments: argparse.Namespace, inputs: Inputs, warnings: int) -> str:
    warned = f", with {count(warnings, 'warning')}" if warnings else ""
    found = (
        count(len(inputs.zones), "zone"),
        count(len(inputs.config.service), "service"),
        count(len(inputs.config.region), "region"),
        count(len(inputs.targets.by_id), "probe"),
    )
    return f"{arguments.config}: good{warned}: {', '.join(found)}"


def _listing(title: str, text: str) -> str:
    return f"\n{title}\n" + textwrap.indent(text, "  ")
