"""How far an operator's word has come in the fleet, in words; and the option that limits it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from resolverd.cli.console import complain


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


def untold(answer: Mapping[str, Any]) -> str:
    """Which edges do not obey what was said, in words; empty where all do."""
    fleet = answer.get("fleet")  # which an older daemon does not report
    if not fleet or not (fleet["pending"] or fleet["without"]):
        return ""
    names, many = fleet["without"], len(fleet["without"])
    edges = f"{many} edge{'' if many == 1 else 's'}: {', '.join(names)}" if names else "no edge"
    if fleet["pending"]:
        return f"said here only, for NATS is away: it is told once that is back; not told: {edges}"
    return f"not obeyed yet by {edges}"
