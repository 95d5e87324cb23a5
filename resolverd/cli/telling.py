"""How far an operator's word has come in the fleet, in words; and the option that limits it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from resolverd.cli.console import complain
from resolverd.rollout.withdrawal import untold


def add_edge(parser: argparse.ArgumentParser) -> None:
    """Add the option `--edge NAME`."""
    parser.add_argument(
        "--edge",
        default="",
        metavar="NAME",
        help="the only edge of the fleet that it is said to (default: all of them)",
    )


def warn_of_untold(answers: Iterable[Mapping[str, Any]]) -> None:
    """Say which edges do not obey yet, by what each daemon answered."""
    for answer in answers:
        if text := untold(answer):
            complain(text, "yellow")
