"""`resolverd rtt`: round-trip times, measured, shown and judged; who does what the options ask for.

Each use is an option of its own, with more options that belong to it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from resolverd.cli import rtt_measure, rtt_show
from resolverd.cli.options import UsageError, add_config, add_json, verb
from resolverd.cli.rtt_report import REGIONS, evaluate

_MORE = """
MEASUREMENTS is a CSV file of times between places, with the columns from, to and min_ms (or ms);
PLACES is one of id, city, country, latitude and longitude. Every city asks once, with what was
measured in it left out; docs/rtt.md has the formats, and what the columns mean.
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `rtt` and its options to `verbs`."""
    parser = verb(
        verbs,
        "rtt",
        "measure round-trip times, show them, or judge by them where each policy sends clients",
        [
            "resolverd rtt --measure --region eu-west --port 443 --listen 127.0.0.1:9091",
            "resolverd rtt --show >> edges.csv",
            "resolverd rtt --evaluate rtt.csv --places places.csv",
            "resolverd rtt --evaluate rtt.csv --edges 40 --draws 8 --json",
            "resolverd rtt --evaluate rtt.csv --regions us=Washington,eu=Frankfurt,ap=Tokyo",
            "resolverd rtt --from rtt-table.csv --evaluate rtt.csv --regions us-east=16,eu-west=19",
        ],
        run,
        more=_MORE,
    )
    uses = parser.add_mutually_exclusive_group()
    rtt_show.add_arguments(parser, uses)
    rtt_measure.add_arguments(parser, uses)
    _add_evaluation(parser, uses)
    add_config(parser, may_be_gone=True)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the options ask for."""
    if arguments.measure:
        return rtt_measure.run(arguments)
    if arguments.show:
        return rtt_show.run(arguments)
    if arguments.evaluate is not None:
        return evaluate(arguments)
    raise UsageError(
        "nothing is asked for: measure with --measure, show with --show, or name what to judge by "
        "with --evaluate MEASUREMENTS"
    )


def _add_evaluation(
    parser: argparse.ArgumentParser, uses: argparse._MutuallyExclusiveGroup
) -> None:
    uses.add_argument(
        "--evaluate",
        type=Path,
        metavar="MEASUREMENTS",
        help="judge policies by a matrix of measured times, which are true",
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
        help="know only what N cities measured, drawn at random, and the regions (default: all)",
    )
    group.add_argument(
        "--draws", type=_positive, default=8, metavar="K", help="draw so often (default: 8)"
    )
    group.add_argument("--seed", type=int, default=0, metavar="S", help="of the draws (default: 0)")


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 up')
    return number
