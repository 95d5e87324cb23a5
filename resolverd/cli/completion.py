"""What completes a command line of resolverd in bash, zsh and fish, made of the parser by shtab.

shtab is imported where a script is printed, and never where queries are served.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resolverd.cli import parser

SHELLS = ("bash", "zsh", "fish")
FILES = {"bash": "resolverd.bash", "zsh": "_resolverd", "fish": "resolverd.fish"}
"""The name under which each shell looks for it."""

_FILE_METAVARS = {"FILE", "CSV", "PATH", "PLACES", "MEASUREMENTS", "MMDB"}
_DIRECTORY_METAVARS = {"DIRECTORY"}


def script(shell: str) -> str:
    """The whole script for one of `SHELLS`."""
    import shtab

    whole = parser([])
    for action in _actions(whole):
        if action.metavar in _DIRECTORY_METAVARS:
            action.complete = shtab.DIRECTORY
        elif action.metavar in _FILE_METAVARS or action.type is Path:
            action.complete = shtab.FILE
    made: str = shtab.complete(whole, shell)
    return made.rstrip("\n") + "\n"


def _actions(of: argparse.ArgumentParser) -> Iterator[Any]:
    """Every option and argument, of uses too."""
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
        elif action.choices is None:
            yield action
