"""`resolverd template`: a resolverd.toml to fill in, and what others are configured with."""

from __future__ import annotations

import argparse

from resolverd.cli import template_completion, template_monitoring
from resolverd.cli.console import out, show_json
from resolverd.cli.options import add_json, verb
from resolverd.config.template import declarations, template
from resolverd.errors import ExitCode


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `template`, its options and its uses to `verbs`."""
    parser = verb(
        verbs,
        "template",
        "print a commented resolverd.toml with every option, or a file that others are given",
        [
            "resolverd template > resolverd.toml && resolverd check",
            "resolverd template --json | jq '.options[] | select(.required)'",
            "resolverd template grafana fleet > fleet.json",
            "resolverd template prometheus --jobs > resolverd.scrape.yml",
            "resolverd template alerts > resolverd.rules.yml",
        ],
        run,
    )
    add_json(parser)
    uses = parser.add_subparsers(title="uses", metavar="USE")
    template_monitoring.register(uses)
    template_completion.register(uses)


def run(arguments: argparse.Namespace) -> int:
    """Print it; with `--json`, the declarations that it is made from."""
    if arguments.json:
        show_json({"options": declarations()})
    else:
        out().out(template(), end="")
    return ExitCode.OK
