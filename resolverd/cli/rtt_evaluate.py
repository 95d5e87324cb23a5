"""`resolverd rtt --evaluate`: its options; `rtt_report` does what they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path

from resolverd.cli.rtt_report import REGIONS, evaluate

EXAMPLES = (
    "resolverd rtt --evaluate rtt.csv --places places.csv",
    "resolverd rtt --evaluate rtt.csv --edges 40 --draws 8 --json",
    "resolverd rtt --evaluate rtt.csv --regions us=Washington,eu=Frankfurt,ap=Tokyo",
    "resolverd rtt --from edges.csv --evaluate rtt.csv --regions us-east=16,eu-west=19",
)

MORE = """
MEASUREMENTS is a CSV file of times between places, with the columns from, to and min_ms (or ms);
PLACES is one of id, city, country, latitude and longitude. Every city asks once, with what was
measured in it left out; docs/rtt.md has the formats, and what the columns mean.
"""


def add_arguments(parser: argparse.ArgumentParser, uses: argparse._MutuallyExclusiveGroup) -> None:
    """Add `--evaluate` to the uses of the verb, and the options that belong to it."""
    uses.add_argument(
        "--evaluate",
        type=Path,
        metavar="MEASUREMENTS",
        help="replay a matrix of measured times, and print what clients would lose by each policy",
    )
    group = parser.add_argument_group("with --evaluate")
    group.add_argument(
        "--from",
        dest="tables",
        nargs="+",
        default=[],
        type=Path,
        metavar="CSV",
        help="what is known: tables of where,region,ms or one matrix (default: MEASUREMENTS)",
    )
    group.add_argument(
        "--places",
        type=Path,
        metavar="PLACES",
        help="where the places of MEASUREMENTS are (default: places.csv beside it)",
    )
    group.add_argument(
        "--regions",
        default=REGIONS,
        metavar="REGION,…",
        help="cities or ids of PLACES that have a region, each with another name before it as in "
        "us-east=Washington if the tables call it so (default: %(default)s)",
    )
    group.add_argument(
        "--edges",
        type=_positive,
        metavar="N",
        help="know only what N cities measured, drawn at random, and the regions (default: all, "
        "and 300 drawn of more)",
    )
    group.add_argument(
        "--draws", type=_positive, default=8, metavar="K", help="draw so often (default: 8)"
    )
    group.add_argument("--seed", type=int, default=0, metavar="S", help="of the draws (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    """Print the evaluation."""
    return evaluate(arguments)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 up')
    return number
