"""`resolverd publish`: a checked configuration for all edges of a fleet, in waves."""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from resolverd import log
from resolverd.cli.console import complain, count, out, report, show_json, show_rows
from resolverd.cli.link import operator
from resolverd.cli.options import (
    UsageError,
    add_config,
    add_json,
    existing_config,
    verb,
)
from resolverd.cli.override import reason
from resolverd.cli.publish_options import add_terms, terms_of
from resolverd.cli.publish_rows import edges_rows, generation_json, list_rows, show_text
from resolverd.config.load import load_config
from resolverd.config.published import fleet_of
from resolverd.errors import ExitCode, ProblemsError, ResolverdError
from resolverd.files.reading import Reads
from resolverd.loop import run_loop
from resolverd.snapshot.inputs import load_inputs

if TYPE_CHECKING:
    from resolverd.publishing.gather import Gathered
    from resolverd.publishing.model import Generation, Ledger
    from resolverd.publishing.publisher import Publisher
    from resolverd.snapshot.inputs import Inputs

    Checked = tuple[Inputs, Gathered]

_MORE = """
The set is the configuration with its fragments, and its zones with what they include. What is each
edge's own is not in it: [server], [admin], [fleet], [anycast], databases, credentials. An edge
takes sets with configuration = "published" in its [fleet]. The canaries take a new one first and
prove it; then the others follow in waves. Where an edge fails, or does not report, all return by
themselves.

exit codes:
  0  every edge serves it (with --no-wait: it is on trial)
  1  problems were found and nothing was published, or it was returned or aborted
  2  there is no such generation, or it is not one to return to
  3  the fleet cannot be reached with a quorum, or another generation is on trial
"""


class NoFleetError(ResolverdError):
    """The file says of no fleet."""

    exit_code = ExitCode.PROBLEMS


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `publish` and its options to `verbs`."""
    parser = verb(
        verbs,
        "publish",
        "check a configuration with its zones and have every edge of the fleet take it, in waves",
        [
            'resolverd publish --config /srv/dns/resolverd.toml --note "region eu-north"',
            'resolverd publish --note "half the regions moved" --limit moved=0.6 --prove 5m',
            "resolverd publish --list",
            "resolverd publish --show 12",
            'resolverd publish --to 11 --note "eu-north answers slowly" --waves all --prove 5s',
            'resolverd publish --abort --note "wrong file"',
        ],
        run,
        more=_MORE,
    )
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument("--list", action="store_true", help="list generations, and the edges")
    actions.add_argument(
        "--show", type=int, metavar="NUMBER", help="tell of one: its files, waves and reports"
    )
    actions.add_argument(
        "--to", type=int, metavar="NUMBER", help="publish the set of an earlier generation again"
    )
    actions.add_argument("--abort", action="store_true", help="end the trial: all edges return")
    parser.add_argument(
        "--note", type=reason, metavar="WHY", help="why, for those who find it later"
    )
    add_terms(parser)
    parser.add_argument(
        "--no-wait",
        dest="wait",
        action="store_false",
        help="return once it is on trial; the edges go on by themselves",
    )
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Publish, return, abort or tell. Returns the exit code."""
    if not arguments.list and arguments.show is None and not arguments.note:
        raise UsageError("say why: --note WHY")
    log.configure(level=logging.ERROR)  # what fails is said once, by us
    path = existing_config(arguments)
    settings = fleet_of(path, arguments.overrides)
    if settings is None or not settings.urls:
        load_config(path, arguments.overrides)  # what is wrong is said before what is missing
        raise NoFleetError(
            f'{path} names no fleet\nwrite urls = ["nats://HOST:4222"] into [fleet] there'
        )
    return run_loop(_run(arguments, path))


async def _run(arguments: argparse.Namespace, path: Path) -> int:
    from resolverd.fleet.installed import need_nats

    need_nats()
    from resolverd.publishing.publisher import publisher

    settings = fleet_of(path, arguments.overrides)
    assert settings is not None
    checked = None
    is_new = arguments.show is None and arguments.to is None
    if is_new and not arguments.list and not arguments.abort:
        checked = await _checked(arguments, path)
    async with publisher(settings, path.parent) as fleet:
        if arguments.list:
            await fleet.hear_edges()
            return _list(arguments, fleet)
        if arguments.show is not None:
            return await _show(arguments, fleet)
        if arguments.abort:
            return await _abort(arguments, fleet)
        return await _publish(arguments, fleet, checked)


async def _checked(arguments: argparse.Namespace, path: Path) -> Checked:
    """The inputs and the set of the files at `path`. Raises ProblemsError with every problem."""
    from resolverd.publishing.gather import check_set, gather
    from resolverd.publishing.losses import lay_out

    reads = Reads()
    inputs = await load_inputs(path, arguments.overrides, reads=reads)
    gathered = gather(inputs, reads.take_contents())

    def check() -> None:
        with tempfile.TemporaryDirectory(prefix="resolverd-publish-") as name:
            lay_out(gathered.files, Path(name))
            check_set(Path(name), inputs)

    await asyncio.to_thread(check)
    return inputs, gathered


async def _publish(arguments: argparse.Namespace, fleet: Publisher, checked: Checked | None) -> int:
    from resolverd.publishing.publisher import Wish

    wish = Wish(operator(), arguments.note, terms_of(arguments))
    if checked is None:
        generation = await fleet.again(arguments.to, wish)
        left_out: tuple[str, ...] = ()
    else:
        inputs, gathered = checked
        left_out = gathered.left_out
        for warning in inputs.warnings if not arguments.json else ():
            report(warning)
        await _refuse_losses(arguments, fleet, inputs)
        generation = await fleet.publish(gathered.files, wish)
    if not arguments.json:
        size = f"{count(generation.files, 'file')}, {generation.octets} octets"
        out().print(
            f"generation {generation.number}: {size}, SHA-256 {generation.digest}", markup=False
        )
        for row in left_out:
            out().print(f"  not in it: {row}", markup=False)
    ended = await _waited(arguments, fleet, generation) if arguments.wait else generation
    if arguments.json:
        show_json({**generation_json(ended, fleet.ledger), "left_out": list(left_out)})
    if not arguments.wait or ended.outcome == "completed":
        return ExitCode.OK
    if not arguments.json:
        complain(f"generation {ended.number} was {ended.outcome}: {ended.why}")
    return ExitCode.PROBLEMS


async def _refuse_losses(arguments: argparse.Namespace, fleet: Publisher, inputs: Inputs) -> None:
    """Raises ProblemsError for what the set takes away, unless --yes."""
    from resolverd.publishing.losses import losses_of

    served = fleet.ledger.get(fleet.ledger.completed)
    if served is None or arguments.yes:
        return
    before = await fleet.content(served)
    if losses := await asyncio.to_thread(losses_of, before, inputs):
        raise ProblemsError(losses)


async def _waited(
    arguments: argparse.Namespace, fleet: Publisher, generation: Generation
) -> Generation:
    """The generation once its trial is over, with a line for each step."""
    said: set[str] = set()

    def tell(ledger: Ledger) -> None:
        if arguments.json:
            return
        for line in show_text(ledger, generation.number):
            if line not in said:
                said.add(line)
                out().print(f"  {line}", markup=False)

    await fleet.watch(generation.number, tell)
    return fleet.ledger.get(generation.number) or generation


def _list(arguments: argparse.Namespace, fleet: Publisher) -> int:
    ledger = fleet.ledger
    if arguments.json:
        show_json(
            {
                "completed": ledger.completed,
                "generations": [generation_json(g, ledger) for g in ledger.generations],
                "edges": [{"edge": edge, **row} for edge, row in sorted(fleet.edges.items())],
            }
        )
    elif not ledger.generations:
        out().print("nothing has been published", markup=False)
    else:
        show_rows(list_rows(ledger), edges_rows(fleet.edges))
    return ExitCode.OK


async def _show(arguments: argparse.Namespace, fleet: Publisher) -> int:
    from resolverd.publishing.publisher import NoSuchGenerationError

    generation = fleet.ledger.get(arguments.show)
    if generation is None:
        raise NoSuchGenerationError(f"there is no generation {arguments.show}")
    files = await fleet.content(generation)
    if arguments.json:
        sizes = {name: len(content) for name, content in sorted(files.items())}
        show_json({**generation_json(generation, fleet.ledger), "sizes": sizes})
        return ExitCode.OK
    show_rows(list_rows(fleet.ledger, only=generation.number))
    for line in show_text(fleet.ledger, generation.number):
        out().print(f"  {line}", markup=False)
    for name, content in sorted(files.items()):
        out().print(f"  {name}: {len(content)} octets", markup=False)
    return ExitCode.OK


async def _abort(arguments: argparse.Namespace, fleet: Publisher) -> int:
    ended = await fleet.abort(f"{operator()}: {arguments.note}")
    if arguments.json:
        show_json({"aborted": ended.number if ended else None})
    elif ended is None:
        out().print("no generation is on trial", markup=False)
    else:
        out().print(f"generation {ended.number} is aborted; its edges return", markup=False)
    return ExitCode.OK if ended else ExitCode.PROBLEMS
