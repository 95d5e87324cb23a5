"""How far an operator's word has come in the fleet, in words; and the option that limits it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from resolverd.cli.console import complain
from resolverd.config.fleet import EVERY_EDGE
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


def only_at(answer: Mapping[str, Any]) -> str:
    """``--edge NAME`` after a space, where it was said to that edge alone; else empty."""
    fleet = answer.get("fleet")
    return "" if not fleet or fleet["scope"] == EVERY_EDGE else f" --edge {fleet['scope']}"
