"""`resolverd reload`: have the running daemon adopt the files as they are now."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from resolverd.cli.console import complain, count, out, report, show_json
from resolverd.cli.link import RefusedError, add_socket, find
from resolverd.cli.options import add_config, add_json, verb
from resolverd.errors import ExitCode, Problem, errors_among

MAX_SHOWN = 50
"""Changes that are shown to people; `--json` has all."""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `reload` and its options to `verbs`."""
    parser = verb(
        verbs,
        "reload",
        "have the running daemon adopt its files, or tell why it refuses them",
        ["resolverd reload", "resolverd reload --yes", "resolverd reload --json"],
        run,
        more="\nThe daemon reloads after every edit by itself; this does so at once, and tells\n"
        "what has changed. It fails if a part of the files is refused, or held: it loses much.\n",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="adopt the files even where they take much away: a service, region, zone or pin, many "
        "names, or what an override is set on",
    )
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reload; 0 when all of the files is served, 1 when a part of them is refused or held."""
    link = find(arguments)
    try:
        body = link.post("/reload?yes=1" if arguments.yes else "/reload")
    except RefusedError as error:
        if "reload" not in error.body:
            raise
        return _refused(arguments, error.body)
    reload = body["reload"]
    if arguments.json:
        show_json({"adopted": True, "generation": body["generation"], **_report(reload)})
        return ExitCode.OK
    warnings = _show_warnings(reload)
    warned = f", with {count(warnings, 'warning')}" if warnings else ""
    changed = _changes(reload)
    if changed:
        out().print(f"adopted: plan {body['generation']} is served{warned}")
        _show(changed)
    else:
        out().print(f"nothing has changed: plan {body['generation']} is served{warned}")
    return ExitCode.OK


def _refused(arguments: argparse.Namespace, body: Mapping[str, Any]) -> int:
    """Tell why, and which parts are adopted all the same."""
    reload = body["reload"]
    if arguments.json:
        fields = {"adopted": False, "generation": body["generation"], **_report(reload)}
        show_json({**fields, "reason": "" if reload["problems"] else reload["reason"]})
        return ExitCode.PROBLEMS
    problems = [Problem(**problem) for problem in reload["problems"]]
    for problem in problems:
        report(problem)
    for part in reload["outdated"]:
        served = "is served as before" if part["served"] else "is not served"
        complain(f"{part['part']}: {part['state']}; {served}")
    if changed := _changes(reload):
        out().print(f"adopted in part: plan {body['generation']} is served")
        _show(changed)
    others = "the other edits are served" if changed else "what was served is served on"
    held = [part for part in reload["outdated"] if part["state"] == "held"]
    if held and len(held) == len(reload["outdated"]):
        complain(f"held, for it takes much away: {others}; to accept: resolverd reload --yes")
    else:
        why = count(len(errors_among(problems)), "problem") if problems else reload["reason"]
        complain(f"{why}; refused: {others}")
    return ExitCode.PROBLEMS


def _report(reload: Mapping[str, Any]) -> dict[str, Any]:
    report = {key: reload[key] for key in ("problems", "changed", "outdated", "warnings")}
    return {**report, "needs_restart": reload.get("needs_restart", [])}  # an older daemon has none


def _changes(reload: Mapping[str, Any]) -> list[str]:
    return list(reload["changed"]["summary"]) if reload["changed"] else []


def _show(changes: Sequence[str]) -> None:
    for change in changes[:MAX_SHOWN]:
        out().print(f"  {change}", markup=False)
    if len(changes) > MAX_SHOWN:
        out().print(f"  and {len(changes) - MAX_SHOWN} more; --json has all")


def _show_warnings(reload: Mapping[str, Any]) -> int:
    for warning in reload["warnings"]:
        report(Problem(**warning))
    return len(reload["warnings"])
