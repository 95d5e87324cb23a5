"""`resolverd template completion`: a script that completes command lines."""

from __future__ import annotations

import argparse
import sys

from resolverd.cli.completion import SHELLS, script
from resolverd.cli.options import verb
from resolverd.errors import ExitCode


def register(uses: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the use to `uses`."""
    parser = verb(
        uses,
        "completion",
        "print what completes command lines of resolverd in a shell",
        [
            "resolverd template completion bash > /etc/bash_completion.d/resolverd",
            "resolverd template completion zsh > ~/.zfunc/_resolverd",
            "resolverd template completion fish > ~/.config/fish/completions/resolverd.fish",
        ],
        _run,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads it")


def _run(arguments: argparse.Namespace) -> int:
    sys.stdout.write(script(arguments.shell))
    return ExitCode.OK
