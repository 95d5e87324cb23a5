"""`resolverd check`: would this configuration be served? Asked of the real loader."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from resolverd.cli.console import complain, out
from resolverd.cli.options import add_config, add_json, verb
from resolverd.errors import ExitCode, ProblemsError
from resolverd.loop import run_loop
from resolverd.snapshot.inputs import load_inputs


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verb(
        verbs,
        "check",
        "read configuration, zones and databases, and report everything that is wrong",
        ["resolverd check", "resolverd check --config /etc/resolverd/resolverd.toml --json"],
        run,
    )
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check; 0 when it would be served (warnings are printed), 1 when not."""
    try:
        inputs = run_loop(load_inputs(arguments.config, arguments.overrides))
    except ProblemsError as wrong:
        problems, summary = wrong.problems, ""
    else:
        problems = inputs.warnings
        summary = (
            f"{arguments.config}: good: {len(inputs.zones)} zones, "
            f"{len(inputs.config.service)} services, {len(inputs.config.region)} regions, "
            f"{len(inputs.targets.by_id)} probes"
        )
    if arguments.json:
        report = {"served": bool(summary), "problems": [asdict(p) for p in problems]}
        out().print_json(json.dumps(report))
        return ExitCode.OK if summary else ExitCode.PROBLEMS
    for problem in problems:
        complain(
            f"{problem.severity}: {problem}" if problem.severity == "warning" else str(problem)
        )
    if summary:
        out().print(summary, markup=False)
        return ExitCode.OK
    errors = sum(problem.severity == "error" for problem in problems)
    complain(f"{errors} problem{'s' if errors != 1 else ''}; nothing of this would be served")
    return ExitCode.PROBLEMS
