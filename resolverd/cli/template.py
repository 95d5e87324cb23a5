"""`resolverd template`: a resolverd.toml with every option, to be filled in."""

from __future__ import annotations

import argparse

from resolverd.cli.console import out, show_json
from resolverd.cli.options import add_json, verb
from resolverd.config.template import declarations, template
from resolverd.errors import ExitCode


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `template` and its options to `verbs`."""
    parser = verb(
        verbs,
        "template",
        "print a commented resolverd.toml with every option",
        [
            "resolverd template > resolverd.toml && resolverd check",
            "resolverd template --json | jq '.options[] | select(.required)'",
        ],
        run,
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it; with `--json`, the declarations that it is made from."""
    if arguments.json:
        show_json({"options": declarations()})
    else:
        out().out(template(), end="")
    return ExitCode.OK
