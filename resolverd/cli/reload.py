"""`resolverd reload`: have the running daemon adopt the files as they are now."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from resolverd.cli.console import complain, count, out, report, show_json
from resolverd.cli.link import RefusedError, add_socket, find
from resolverd.cli.options import add_config, add_json, verb
from resolverd.errors import ExitCode, Problem, ProblemsError, errors_among


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verb(
        verbs,
        "reload",
        "have the running daemon adopt its files, or tell why it refuses them",
        ["resolverd reload", "resolverd reload --yes", "resolverd reload --json"],
        run,
        more="\nThe daemon reloads after every edit by itself; this shows the outcome.\n",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="adopt the files even where they take away what an override is set on",
    )
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reload; 0 when adopted, 1 when refused: then nothing has changed."""
    link = find(arguments)
    try:
        told = link.post("/reload?yes=1" if arguments.yes else "/reload")
    except (ProblemsError, RefusedError) as wrong:
        return _refused(arguments, wrong)
    problems = [Problem(**problem) for problem in told["reload"]["problems"]]
    if arguments.json:
        show_json(
            {
                "adopted": True,
                "generation": told["generation"],
                "problems": told["reload"]["problems"],
            }
        )
        return ExitCode.OK
    for problem in problems:
        report(problem)
    warned = f", with {count(len(problems), 'warning')}" if problems else ""
    out().print(f"adopted: plan {told['generation']} is served{warned}")
    return ExitCode.OK


def _refused(arguments: argparse.Namespace, wrong: ProblemsError | RefusedError) -> int:
    """Tell why; a refusal without problems is about the Plan, or about the request itself."""
    problems: tuple[Problem, ...] = ()
    if isinstance(wrong, ProblemsError):
        problems = wrong.problems
    elif "reload" not in wrong.body:
        raise wrong
    reason = "" if isinstance(wrong, ProblemsError) else str(wrong.body["reload"]["reason"])
    if arguments.json:
        show_json({"adopted": False, "reason": reason, "problems": [asdict(p) for p in problems]})
        return ExitCode.PROBLEMS
    for problem in problems:
        report(problem)
    told = reason or f"{count(len(errors_among(problems)), 'problem')}"
    complain(f"{told}; refused: what was served is served on")
    return ExitCode.PROBLEMS
