"""`resolverd rtt --show`: what a running daemon's own probes measured, as rows of a table."""

from __future__ import annotations

import argparse
import time

from resolverd.cli.console import complain, out, show_json
from resolverd.cli.link import add_socket, find
from resolverd.errors import ExitCode
from resolverd.rtt.kept_table import HEADER, KeptRow, lines_of


def add_arguments(parser: argparse.ArgumentParser, uses: argparse._MutuallyExclusiveGroup) -> None:
    """Add `--show` to the uses of the verb, and the options that belong to it."""
    uses.add_argument(
        "--show",
        action="store_true",
        help="print what the probes of the daemon on this host measured, as rows of a table; those "
        "of several hosts, and of several days, can be put into one file of [rtt]",
    )
    add_socket(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the rows; what is implausible is said and left out. Raises NoDaemonError."""
    document = find(arguments).get("/rtt")
    if arguments.json:
        show_json(document)
        return ExitCode.OK
    now = time.time()
    out().out(HEADER)
    for row in document["regions"]:
        if row["implausible"]:
            complain(f"left out: {row['region']}: {row['implausible']}")
            continue
        known = KeptRow(row["ms"], row["count"], now - row["age_seconds"])
        for line in lines_of(row["region"], {document["where"]: known}):
            out().out(line)
    return ExitCode.OK
