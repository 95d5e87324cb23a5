"""`resolverd rollout`: another version of a service, region by region, each verified."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from resolverd.cli.console import complain, out, show_json
from resolverd.cli.link import Link, add_sockets, find_all, operator
from resolverd.cli.options import UsageError, add_config, add_json, verb
from resolverd.cli.override import duration
from resolverd.cli.waiting import waiting
from resolverd.config.explain import did_you_mean
from resolverd.config.fences import whose
from resolverd.config.sources import read_sources
from resolverd.errors import ExitCode, ResolverdError
from resolverd.rollout.journal import Journal, locked, read
from resolverd.rollout.run import Run, StepFailedError
from resolverd.rollout.steps import Step

PROMPT = "The capital of France is"


class EmptyFenceError(ResolverdError):
    """A region of the rollout is the last that serves somebody."""

    exit_code = ExitCode.PROBLEMS


_MORE = """
Region by region: drain it, wait until its last TTL has run out, run the command, then verify by the
daemon's probes that it is up to stay, that it tells the version, and that it completes a fixed
prompt at temperature 0 as the other regions do; bring it back, and go on. The first failure stops
it: the region stays drained, and --resume goes on from there.

The command runs in a shell with RESOLVERD_REGION, RESOLVERD_SERVICE, RESOLVERD_VERSION and
RESOLVERD_ENDPOINTS (probe URLs, separated by spaces). It may be run again after an interruption.

exit codes:
  0  every region is updated, verified and back
  1  a step failed and the rollout stopped, or a drain would leave clients without a region
  2  wrong arguments, or a journal that does not fit them
  3  a daemon cannot be asked
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verb(
        verbs,
        "rollout",
        "bring another version of a service to its regions, one after the other",
        [
            'resolverd rollout chat --to 0.33.0 --command "./deploy.sh"',
            "resolverd rollout chat --to 0.33.0 --command ./deploy.sh --dry-run",
            "resolverd rollout chat --resume",
        ],
        run,
        more=_MORE,
    )
    parser.add_argument("service", metavar="SERVICE", help="what to update")
    parser.add_argument("--to", dest="version", metavar="VERSION", help="what /version will tell")
    parser.add_argument("--command", metavar="COMMAND", help="what updates one region")
    parser.add_argument(
        "--order", metavar="REGION,…", help="regions in order (default: all, as the service does)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a rollout that stopped")
    parser.add_argument(
        "--again", action="store_true", help="with --resume: run the command of its region again"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be done")
    parser.add_argument(
        "--prompt",
        default=PROMPT,
        metavar="TEXT",
        help='what is completed ("%(default)s")',
    )
    parser.add_argument(
        "--match",
        dest="tokens",
        type=_tokens,
        default=32,
        metavar="TOKENS",
        help="how many tokens of the completions must be equal (default: %(default)s)",
    )
    parser.add_argument(
        "--accept-output",
        action="store_true",
        help="the version may answer otherwise: compare only regions that have it",
    )
    parser.add_argument(
        "--patience",
        type=duration,
        default=900.0,
        metavar="DURATION",
        help="how long a region may take to become healthy (default: 15m)",
    )
    parser.add_argument(
        "--credential",
        type=Path,
        default=None,
        metavar="FILE",
        help="file with the bearer token for completions (default: the probe's)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=None,
        metavar="FILE",
        help="the journal (default: rollout-SERVICE.json in server.state)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="drain regions even if a service, or clients under a pin, then have none",
    )
    add_sockets(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do it, or what is left of it."""
    edges = find_all(arguments)
    path = _journal_path(arguments)
    if arguments.dry_run:
        journal = _resumed(arguments, path) if arguments.resume else _planned(arguments, edges[0])
        return _show_plan(arguments, journal)
    with locked(path):
        if arguments.resume:
            journal = _resumed(arguments, path)
        else:
            _refuse_unfinished(arguments, path)
            journal = _planned(arguments, edges[0])
        return _go(arguments, edges, journal, path)


def _go(arguments: argparse.Namespace, edges: Sequence[Link], journal: Journal, path: Path) -> int:
    told: list[dict[str, str]] = []

    def tell(region: str, step: Step, what: str) -> None:
        told.append({"region": region, "step": step.value, "what": what})
        if not arguments.json:
            out().print(f"{region}: {step}: {what}", markup=False)

    waits = partial(waiting, quiet=arguments.json)
    doing = Run(edges, journal, path, operator(), arguments.patience, tell, waits, arguments.json)
    try:
        doing.go()
    except StepFailedError as failed:
        return _stopped(arguments, journal, path, failed, told)
    if arguments.json:
        show_json({"done": True, "journal": str(path), "steps": told, "failure": None})
    else:
        out().print(
            f"{journal.service} is {journal.version} in {', '.join(journal.regions)}", markup=False
        )
    return ExitCode.OK


def _stopped(
    arguments: argparse.Namespace,
    journal: Journal,
    path: Path,
    failed: StepFailedError,
    told: list[dict[str, str]],
) -> int:
    """Tell where it stands, and the ways on and back."""
    failure, progress = failed.failure, journal.progress
    if arguments.json:
        told_failure = failure.model_dump(mode="json")
        show_json({"done": False, "journal": str(path), "steps": told, "failure": told_failure})
        return ExitCode.PROBLEMS
    complain(f"resolverd: {failed}")
    begun = failure.step is not Step.DRAIN
    rows = [
        f"verified and back: {', '.join(progress.verified) or 'none'}",
        f"stopped: {failure.region}, which {'stays drained' if begun else 'is as it was'}",
        f"as they were: {', '.join(progress.untouched) or 'none'}",
        f"go on, once it is mended: resolverd rollout {journal.service} --resume"
        + (" --again" if failure.step.verifies else ""),
        f"or go back: put the old version in {failure.region}, "
        f"then resolverd clear {failure.region} and remove {path}",
    ]
    for row in rows:
        complain(f"  {row}", "yellow")
    return ExitCode.PROBLEMS


def _show_plan(arguments: argparse.Namespace, journal: Journal) -> int:
    progress = journal.progress
    left = ([progress.region] if progress.region else []) + list(progress.untouched)
    if arguments.json:
        show_json({"service": journal.service, "version": journal.version, "regions": left})
        return ExitCode.OK
    for region in left:
        out().print(f"{region}: {', '.join(Step)}", markup=False)
    return ExitCode.OK


def _planned(arguments: argparse.Namespace, edge: Link) -> Journal:
    """A new rollout, once nothing stands in its way. Raises UsageError and RefusedError."""
    if not arguments.version or not arguments.command:
        raise UsageError("a new rollout needs --to VERSION and --command COMMAND")
    state = edge.get("/state")
    services = {each["name"]: each for each in state["services"]}
    service = services.get(arguments.service)
    if service is None:
        mend = did_you_mean(arguments.service, list(services))
        raise UsageError(f'there is no service "{arguments.service}"\n{mend}')
    regions = _order(arguments.order, list(service["regions"]))
    overridden = {each["target"]: each for each in state["overrides"]}
    for region in regions:
        if region in overridden:
            by = overridden[region]
            raise UsageError(
                f"{region} has an override, {by['kind']} by {by['who']}: {by['why']}\n"
                "clear it, or leave the region out with --order"
            )
        emptied = edge.get("/drain", region=region)["emptied"]
        if emptied and not arguments.force:
            fences = ", ".join(whose(each["service"], each["pins"]) for each in emptied)
            raise EmptyFenceError(
                f"without {region} no region serves {fences}\n"
                "bring another up first, leave it out with --order, or --force it"
            )
    return Journal(
        service=arguments.service,
        version=arguments.version,
        command=arguments.command,
        regions=tuple(regions),
        prompt=arguments.prompt,
        tokens=arguments.tokens,
        accept_output=arguments.accept_output,
        credential=str(arguments.credential.absolute()) if arguments.credential else "",
        force=arguments.force,
    )


def _order(text: str | None, known: list[str]) -> list[str]:
    if text is None:
        return known
    wanted = [region.strip() for region in text.split(",")]
    for region in wanted:
        if region not in known:
            raise UsageError(f'"{region}" is no region of it\n{did_you_mean(region, known)}')
        if wanted.count(region) > 1:
            raise UsageError(f"--order names {region} twice")
    return wanted


def _resumed(arguments: argparse.Namespace, path: Path) -> Journal:
    """The rollout that the journal tells of, where it is to go on. Raises UsageError."""
    journal = read(path)
    if journal is None or journal.finished or journal.service != arguments.service:
        raise UsageError(f"{path} tells of no unfinished rollout of {arguments.service}")
    for name in ("version", "command"):
        asked, kept = getattr(arguments, name), getattr(journal, name)
        if asked is not None and asked != kept:
            raise UsageError(f"the rollout to go on with has {name} {kept}, not {asked}")
    journal.go_to(journal.progress.resumed(command=arguments.again))
    journal.accept_output |= arguments.accept_output
    if arguments.credential is not None:
        journal.credential = str(arguments.credential.absolute())
    return journal


def _refuse_unfinished(arguments: argparse.Namespace, path: Path) -> None:
    journal = read(path)
    if journal is not None and not journal.finished:
        raise UsageError(
            f"a rollout of {journal.service} to {journal.version} is unfinished in "
            f"{journal.progress.region}\ngo on: resolverd rollout {journal.service} --resume; "
            f"or give it up: remove {path}"
        )


def _journal_path(arguments: argparse.Namespace) -> Path:
    if arguments.state is not None:
        named: Path = arguments.state
        return named.absolute()
    server: Any = {}
    if arguments.config.exists():
        server = read_sources(arguments.config).tree.get("server", {})
    state = server.get("state", "") if isinstance(server, dict) else ""
    if not state:
        raise UsageError(
            "the journal has no place\nset server.state, or name one with --state FILE"
        )
    beside: Path = arguments.config.parent
    return (beside / str(state)).absolute() / f"rollout-{arguments.service}.json"


def _tokens(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 4096:
        raise argparse.ArgumentTypeError(f'"{text}" is no number of tokens from 1 to 4096')
    return int(text)
