"""`resolverd demo`."""

from __future__ import annotations

import argparse

from resolverd.cli.options import verb
from resolverd.errors import ExitCode


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb(verbs, "demo", "show it", ["resolverd demo"], run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    return ExitCode.OK
