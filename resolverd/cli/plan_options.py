"""The options of `resolverd plan`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from resolverd.planner.budgets import BUDGETS
from resolverd.planner.smaller import BITS, Lighter

MAX_GPUS = 1_000_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all that is of this verb alone."""
    parser.add_argument("--service", metavar="NAME", help="the service (default: the first)")
    parser.add_argument(
        "--traffic",
        type=Path,
        metavar="CSV",
        help="traffic by place (default: by region, as the running daemon has counted its answers)",
    )
    parser.add_argument("--prices", type=Path, metavar="CSV", help="other price lists, beside ours")
    _add_sizing(parser)
    _add_changes(parser)
    parser.add_argument(
        "--budget",
        choices=[budget.name for budget in BUDGETS],
        default="chat",
        help="the application that --keep and --chart are about (default: %(default)s)",
    )
    parser.add_argument(
        "--calls",
        type=whole(1000),
        default=10,
        metavar="N",
        help="calls of an agent, 1 to 1000 (default: 10)",
    )
    parser.add_argument(
        "--at",
        type=_moment,
        default=None,
        metavar="TIME",
        help="hours of service at that time, ISO 8601, UTC unless it says (default: now)",
    )
    parser.add_argument(
        "--chart", action="store_true", help="draw it in the terminal, instead of tables"
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw it into a file, too")


def _add_sizing(parser: argparse.ArgumentParser) -> None:
    """Add what shares GPUs out, and makes a model smaller."""
    parser.add_argument(
        "--gpus",
        type=whole(MAX_GPUS),
        metavar="N",
        help=f"GPUs to share out by traffic, 1 to {MAX_GPUS} (default: all there are)",
    )
    parser.add_argument(
        "--tensor-parallel",
        type=whole(1024),
        metavar="N",
        help="GPUs of one replica, which are not split up, 1 to 1024 (default: 1; for --bits, all "
        "of a region)",
    )
    parser.add_argument(
        "--minor",
        type=percent,
        default=0.2,
        metavar="PERCENT",
        help="a region with less of the traffic could do with a smaller model (default: 20)",
    )
    parser.add_argument(
        "--bits",
        type=whole(BITS),
        default=Lighter().bits,
        metavar="N",
        help=f"bits of its weights, instead of {BITS} (default: %(default)s)",
    )
    parser.add_argument(
        "--model-size",
        type=percent,
        default=1.0,
        metavar="PERCENT",
        help="its parameters, of those of the present one: 8B for 70B is 11.4 (default: 100)",
    )


def _add_changes(parser: argparse.ArgumentParser) -> None:
    """Add what tries other regions."""
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="REGION",
        help="try it without this region; may be given again",
    )
    parser.add_argument(
        "--add",
        action="append",
        default=[],
        metavar="PLACE[=GPUS]",
        help='try it with a region there: a country, "LATITUDE LONGITUDE", or a candidate\'s name; '
        "may be given again",
    )
    parser.add_argument(
        "--candidates", type=Path, metavar="CSV", help="tell which of these regions to add next"
    )
    parser.add_argument(
        "--keep",
        type=percent,
        default=0.0,
        metavar="PERCENT",
        help="tell the fewest regions that keep so many users within --budget",
    )


def whole(most: int) -> Callable[[str], int]:
    """A reader of a number from 1 to `most`, which raises ArgumentTypeError."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= most):
            raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 to {most}')
        return int(text)

    return read


def percent(text: str) -> float:
    """``20`` or ``20%`` as 0.2. Raises ArgumentTypeError."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f'"{text}" is no percentage from 0 to 100')
    return value / 100


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f'"{text}" is no time, such as 2026-12-01T03:00Z'
        ) from error
