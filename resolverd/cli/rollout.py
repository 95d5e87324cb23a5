"""`resolverd rollout`: another version of a service, region by region, each verified."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from resolverd.cli.console import complain, out, show_json
from resolverd.cli.link import Link, add_sockets, find_all, operator
from resolverd.cli.options import UsageError, add_config, add_json, verb
from resolverd.cli.override import duration
from resolverd.cli.waiting import waiting
from resolverd.config.explain import did_you_mean
from resolverd.errors import ExitCode
from resolverd.rollout.checkpoint import Checkpoint, Failure, locked, read
from resolverd.rollout.preflight import ObstaclesError, obstacles
from resolverd.rollout.run import Run, StepFailedError
from resolverd.rollout.steps import Step

PROMPT = "The capital of France is"
_TOKENS = 32


_MORE = """
Region by region: drain it, wait until its last TTL has run out, run the command, then verify by the
daemon's probes that it is up to stay, that it tells the version, and that it completes a fixed
prompt at temperature 0 as the other regions do; bring it back, and go on. The first failure stops
it: the region stays drained, and --resume goes on from there.

Before anything is drained every endpoint is asked for all of that once, and whatever stands in the
way is said at once. How far it came is in a file beside what the daemon keeps (server.state).

The command runs in a shell with RESOLVERD_REGION, RESOLVERD_SERVICE, RESOLVERD_VERSION and
RESOLVERD_ENDPOINTS (probe URLs, separated by spaces). It may be run again after an interruption.

exit codes:
  0  every region is updated, verified and back
  1  a step failed and the rollout stopped, or something stands in its way: nothing was drained
  2  wrong arguments, or a checkpoint that does not fit them
  3  a daemon cannot be asked
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `rollout` and its options to `verbs`."""
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
        metavar="TEXT",
        help=f'what is completed (default: "{PROMPT}", or with --resume what it was)',
    )
    parser.add_argument(
        "--match",
        dest="tokens",
        type=_tokens,
        metavar="TOKENS",
        help=f"how many tokens of the completions must be equal (default: {_TOKENS}, or with "
        "--resume as many as it was)",
    )
    parser.add_argument(
        "--accept-output",
        action="store_true",
        help="the version may answer otherwise: compare only regions that have it",
    )
    parser.add_argument(
        "--timeout",
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
        "--checkpoint",
        type=Path,
        default=None,
        metavar="FILE",
        help="how far it came (default: rollout-SERVICE.json in the daemon's server.state)",
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
    """Do the rollout, or with `--resume` what is left of it. Returns the exit code."""
    if arguments.again and not arguments.resume:
        raise UsageError("--again is of --resume alone\nadd --resume")
    edges = find_all(arguments)
    if arguments.dry_run and not arguments.resume:
        return _show_plan(arguments, _planned(arguments, edges))
    path = _checkpoint_path(arguments, edges[0])
    if arguments.dry_run:
        return _show_plan(arguments, _resumed(arguments, path))
    with locked(path):
        if arguments.resume:
            checkpoint = _resumed(arguments, path)
        else:
            _refuse_unfinished(arguments, path)
            checkpoint = _planned(arguments, edges)
        return _go(arguments, edges, checkpoint, path)


def _go(
    arguments: argparse.Namespace, edges: Sequence[Link], checkpoint: Checkpoint, path: Path
) -> int:
    steps: list[dict[str, str]] = []

    def report(region: str, step: Step, what: str) -> None:
        steps.append({"region": region, "step": step.value, "what": what})
        if not arguments.json:
            out().print(f"{region}: {step}: {what}", markup=False)

    waits = partial(waiting, quiet=arguments.json)
    doing = Run(
        edges, checkpoint, path, operator(), arguments.timeout, report, waits, arguments.json
    )
    try:
        doing.go()
    except StepFailedError as failed:
        return _stopped(arguments, checkpoint, path, failed, steps)
    if arguments.json:
        show_json({"done": True, "checkpoint": str(path), "steps": steps, "failure": None})
    else:
        out().print(
            f"{checkpoint.service} is {checkpoint.version} in {', '.join(checkpoint.regions)}",
            markup=False,
        )
    return ExitCode.OK


def _stopped(
    arguments: argparse.Namespace,
    checkpoint: Checkpoint,
    path: Path,
    failed: StepFailedError,
    steps: list[dict[str, str]],
) -> int:
    """Tell where it stands, and the ways on and back."""
    failure, progress = failed.failure, checkpoint.progress
    if arguments.json:
        stop = failure.model_dump(mode="json")
        show_json({"done": False, "checkpoint": str(path), "steps": steps, "failure": stop})
        return ExitCode.PROBLEMS
    complain(f"resolverd: {failed}")
    rows = [
        f"verified and back: {', '.join(progress.verified) or 'none'}",
        f"stopped: {failure.region}, which {_left(failure)}",
        f"as they were: {', '.join(progress.untouched) or 'none'}",
        f"go on, once it is fixed: resolverd rollout {checkpoint.service} --resume"
        + (" --again" if failure.step.verifies else ""),
        f"or go back: put the old version in {failure.region}, "
        f"then resolverd clear {failure.region} and remove {path}",
    ]
    for row in rows:
        complain(f"  {row}", "yellow")
    return ExitCode.PROBLEMS


def _left(failure: Failure) -> str:
    """How a step that failed has left its region, in words."""
    if failure.drained:
        return "stays drained"
    return "is as it was" if failure.step is Step.DRAIN else "is not drained any more"


def _show_plan(arguments: argparse.Namespace, checkpoint: Checkpoint) -> int:
    progress = checkpoint.progress
    left = ([progress.region] if progress.region else []) + list(progress.untouched)
    if arguments.json:
        show_json({"service": checkpoint.service, "version": checkpoint.version, "regions": left})
        return ExitCode.OK
    for region in left:
        out().print(f"{region}: {', '.join(Step)}", markup=False)
    return ExitCode.OK


def _planned(arguments: argparse.Namespace, edges: Sequence[Link]) -> Checkpoint:
    """A new rollout, once nothing stands in its way. Raises UsageError and ObstaclesError."""
    if not arguments.version or not arguments.command:
        raise UsageError("a new rollout needs --to VERSION and --command COMMAND")
    services = {service["name"]: service for service in edges[0].get("/state")["services"]}
    service = services.get(arguments.service)
    if service is None:
        near = did_you_mean(arguments.service, list(services))
        raise UsageError(f'there is no service "{arguments.service}"\n{near}')
    plan = Checkpoint(
        service=arguments.service,
        version=arguments.version,
        command=arguments.command,
        regions=tuple(_order(arguments.order, list(service["regions"]))),
        prompt=PROMPT if arguments.prompt is None else arguments.prompt,
        tokens=arguments.tokens or _TOKENS,
        accept_output=arguments.accept_output,
        credential=str(arguments.credential.absolute()) if arguments.credential else "",
        force=arguments.force,
    )
    if found := obstacles(edges, plan, plan.regions):
        raise ObstaclesError(found)
    return plan


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


def _resumed(arguments: argparse.Namespace, path: Path) -> Checkpoint:
    """The rollout of the checkpoint at `path`, at the step where it goes on. Raises UsageError."""
    checkpoint = read(path)
    if checkpoint is None or checkpoint.finished or checkpoint.service != arguments.service:
        raise UsageError(f"{path} tells of no unfinished rollout of {arguments.service}")
    for name in ("version", "command"):
        asked, kept = getattr(arguments, name), getattr(checkpoint, name)
        if asked is not None and asked != kept:
            raise UsageError(f"the rollout to go on with has {name} {kept}, not {asked}")
    if arguments.order is not None:
        raise UsageError(
            "a rollout that goes on keeps its order\n"
            f"leave --order out; or remove {path} and begin another, with the regions that are left"
        )
    checkpoint.go_to(checkpoint.progress.resumed(command=arguments.again))
    checkpoint.accept_output |= arguments.accept_output
    checkpoint.force |= arguments.force
    for name in ("prompt", "tokens"):
        if (asked := getattr(arguments, name)) is not None:
            setattr(checkpoint, name, asked)
    if arguments.credential is not None:
        checkpoint.credential = str(arguments.credential.absolute())
    return checkpoint


def _refuse_unfinished(arguments: argparse.Namespace, path: Path) -> None:
    checkpoint = read(path)
    if checkpoint is not None and not checkpoint.finished:
        raise UsageError(
            f"a rollout of {checkpoint.service} to {checkpoint.version} is unfinished in "
            f"{checkpoint.progress.region}\n"
            f"go on: resolverd rollout {checkpoint.service} --resume; or give it up: remove {path}"
        )


def _checkpoint_path(arguments: argparse.Namespace, edge: Link) -> Path:
    """Where the record of it is: what is named, else where the daemon keeps things."""
    if arguments.checkpoint is not None:
        named: Path = arguments.checkpoint
        return named.absolute()
    directory = edge.get("/state")["state_directory"]
    if directory is None:
        raise UsageError(
            "the daemon keeps nothing, so the checkpoint has no place\n"
            "set server.state, or name one with --checkpoint FILE"
        )
    if not os.path.isdir(directory):  # noqa: PTH112 - False too where it may not be looked at
        raise UsageError(
            f"the daemon keeps things in {directory}, which cannot be reached from here\n"
            "name a file here with --checkpoint FILE"
        )
    return Path(directory) / f"rollout-{arguments.service}.json"


def _tokens(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 4096:
        raise argparse.ArgumentTypeError(f'"{text}" is no number of tokens from 1 to 4096')
    return int(text)
