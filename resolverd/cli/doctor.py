"""`resolverd doctor`: is this host fit to serve, which engine would, and what should be fixed."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from resolverd import outlook
from resolverd.cli.console import out, show_json
from resolverd.cli.link import NoDaemonError, RefusedError, find
from resolverd.cli.options import UsageError, add_config, add_json, existing_config, verb
from resolverd.config.explain import did_you_mean
from resolverd.doctor.endpoints import endpoints
from resolverd.doctor.examine import examine
from resolverd.doctor.finding import IDS, LEVELS, Finding, Level, worst
from resolverd.doctor.inherited import listening
from resolverd.doctor.kept import restart, state
from resolverd.errors import ExitCode, ResolverdError
from resolverd.kept.locate import state_path
from resolverd.loop import run_loop
from resolverd.snapshot.inputs import load_inputs

_COLOURS: dict[Level, str] = {
    "ok": "green",
    "advice": "cyan",
    "warning": "bold yellow",
    "fault": "bold red",
}
_CODES = """
exit codes:
  0  no fault was found; there may be advice and warnings
  1  at least one fault: resolverd would not serve here, or not what it should
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `doctor` and its options to `verbs`."""
    parser = verb(
        verbs,
        "doctor",
        "examine this host: which engine would serve, and what would keep it from serving well",
        [
            "resolverd doctor --config /etc/resolverd/resolverd.toml",
            "resolverd doctor --set 'server.listen=[\"192.0.2.53:53\"]'",
            "resolverd doctor --only engine",
            "resolverd doctor --json | jq '.findings[] | select(.level == \"fault\")'",
        ],
        run,
        more=_CODES,
    )
    parser.add_argument("--only", metavar="ID", help="show the findings of this id alone")
    add_config(parser, may_be_gone=True)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Examine; 1 when there is a fault, else 0. Nothing on the host is changed."""
    if arguments.config_named and state_path(arguments.config, arguments.overrides) is None:
        existing_config(arguments)
    if arguments.only and arguments.only not in IDS:
        known = did_you_mean(arguments.only, IDS)
        raise UsageError(f'there is no check with the id "{arguments.only}"\n{known}')
    found = examine(arguments.config, arguments.overrides)
    findings = (*found.findings, *_of_files(arguments, found.file), *_of_endpoints(arguments))
    if arguments.only:
        findings = tuple(finding for finding in findings if finding.id == arguments.only)
    level = worst(findings)
    if arguments.json:
        show_json(
            {
                "config": str(found.file) if found.file else None,
                "engine": found.engine,
                "worst": level,
                "findings": [_as_json(finding) for finding in findings],
            }
        )
    elif findings:
        _show(findings)
    else:
        out().print(f"{arguments.only}: there is nothing to examine here", markup=False)
    return ExitCode.PROBLEMS if level == "fault" else ExitCode.OK


def _as_json(finding: Finding) -> dict[str, str]:
    return {"id": finding.id, "level": finding.level, "seen": finding.seen, "hint": finding.hint}


def _of_files(arguments: argparse.Namespace, file: Path | None) -> tuple[Finding, ...]:
    """How a restart would go; nothing where there is no configuration."""
    path: Path = arguments.config
    directory = state_path(path, arguments.overrides)
    if file is None and directory is None:
        return ()
    try:
        inputs = run_loop(load_inputs(path, arguments.overrides))
    except ResolverdError as refused:
        instead = run_loop(outlook.of_refused(path, arguments.overrides, refused))
        return restart(path, instead.text), state(directory)
    held = run_loop(outlook.of_good(path, arguments.overrides, inputs))
    return restart(path, "", held.text), state(directory)


def _of_endpoints(arguments: argparse.Namespace) -> tuple[Finding, ...]:
    """What the probes of a daemon that serves this configuration know; none where none does."""
    try:
        link = find(argparse.Namespace(**vars(arguments), socket=None))
    except (ResolverdError, OSError):
        return ()  # none runs, or may be asked: the host is examined all the same
    try:
        state = link.look()
        if Path(str(state["config"])).resolve() == arguments.config.resolve():
            return (*endpoints(state), *listening(state))
    except NoDaemonError:
        seen = f"{link.socket} gives no answer, so that no endpoint is examined"
        return (Finding("endpoint", "warning", seen, "resolverd state"),)
    except RefusedError:
        return ()  # it is starting or ending
    return ()


def _show(findings: Sequence[Finding]) -> None:
    """One finding per row; its hint below it, never wrapped, so that it can be pasted."""
    console = out()
    names = max(len(finding.id) for finding in findings)
    levels = max(map(len, LEVELS))
    margin = " " * (levels + names + 4)
    room = max(30, console.width - len(margin)) if console.is_terminal else None
    for finding in findings:
        rows = textwrap.wrap(finding.seen, room) if room else [finding.seen]
        text = Text()
        text.append(f"{finding.level:{levels}}  ", _COLOURS[finding.level])
        text.append(f"{finding.id:{names}}  ", "bold")
        text.append(f"\n{margin}".join(rows))
        if finding.hint:
            label = "other" if finding.level == "ok" else "hint"
            text.append(f"\n{margin}{label}: {finding.hint}", "green")
        console.print(text, soft_wrap=True)
    console.print()
    console.print(_summary(findings))


def _summary(findings: Sequence[Finding]) -> Text:
    text = Text()
    for level in reversed(LEVELS):
        number = sum(finding.level == level for finding in findings)
        if number or level == "fault":
            plural = "s" if number != 1 and level in {"warning", "fault"} else ""
            colour = _COLOURS[level] if number else ""
            text.append(", " if text else "").append(f"{number} {level}{plural}", colour)
    return text
