"""The options of `resolverd publish` that say on what terms a set goes through the fleet."""

from __future__ import annotations

import argparse

from resolverd.config.types import parse_duration
from resolverd.publishing.model import DEFAULT_LIMITS, Terms

_DEFAULTS = Terms()
# A count that no fleet has, for 100 %: a share of 1 would be a count of one.
_EVERY = 1e6


def add_terms(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    limits = ", ".join(f"{name}={limit:g}" for name, limit in DEFAULT_LIMITS.items())
    parser.add_argument(
        "--yes",
        action="store_true",
        help="publish it although it takes away what is served now (services, pins, zones)",
    )
    parser.add_argument(
        "--canary",
        action="append",
        default=[],
        metavar="EDGE",
        help="an edge of the first wave; may be given several times (default: those with canary = "
        "true, else the first by name)",
    )
    parser.add_argument(
        "--waves",
        type=shares,
        default=_DEFAULTS.shares,
        metavar="LIST",
        help="the waves after the canaries, as shares of all edges or counts, such as 1,25%%; the "
        'rest follow in one more; "all": all others at once (default: 25%%)',
    )
    parser.add_argument(
        "--prove",
        type=parsed_duration,
        default=_DEFAULTS.proof,
        metavar="DURATION",
        help=f"how long each edge proves itself (default: {_DEFAULTS.proof:g}s)",
    )
    parser.add_argument(
        "--patience",
        type=parsed_duration,
        default=_DEFAULTS.patience,
        metavar="DURATION",
        help="how much longer a report is waited for until all return (default: "
        f"{_DEFAULTS.patience:g}s)",
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        type=limit,
        metavar="FIGURE=MOST",
        help=f"the most that a proof may show (default: {limits})".replace("%", "%%"),
    )


def terms_of(arguments: argparse.Namespace) -> Terms:
    """The terms that the command line says."""
    return Terms(
        arguments.prove,
        arguments.patience,
        tuple(sorted(set(arguments.canary))),
        arguments.waves,
        {**DEFAULT_LIMITS, **dict(arguments.limit)},
        arguments.yes,
    )


def shares(text: str) -> tuple[float, ...]:
    """An argparse type: ``1,25%`` as (1.0, 0.25)."""
    if text == "all":
        return ()
    found = []
    for part in text.split(","):
        number, percent = part.strip().removesuffix("%"), part.strip().endswith("%")
        try:
            value = float(number) / 100 if percent else int(number)
        except ValueError:
            value = 0.0
        if not value > 0 or (percent and value > 1):  # NaN is neither
            raise argparse.ArgumentTypeError(f'"{part}" is no count nor share, such as 2 or 25%')
        found.append(_EVERY if percent and value == 1 else value)
    return tuple(found)


def limit(text: str) -> tuple[str, float]:
    """An argparse type: ``moved=0.5``."""
    name, _, value = text.partition("=")
    try:
        most = float(value)
    except ValueError:
        most = -1.0
    if name not in DEFAULT_LIMITS or not most >= 0:
        known = ", ".join(DEFAULT_LIMITS)
        raise argparse.ArgumentTypeError(
            f'"{text}" is not FIGURE=MOST, such as moved=0.5; figures are {known}'
        )
    return name, most


def parsed_duration(text: str) -> float:
    """An argparse type: a duration in seconds, which may be 0."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
