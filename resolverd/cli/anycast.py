"""`resolverd anycast`: this edge's service addresses, announced while it is fit to answer."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resolverd import log
from resolverd.cli.console import complain, out, show_json, show_rows
from resolverd.cli.link import Link, NoDaemonError, operator
from resolverd.cli.options import UsageError, add_config, add_json, add_log, existing_config, verb
from resolverd.cli.override import reason
from resolverd.cli.rows import Cell, Rows
from resolverd.config.readable import said
from resolverd.errors import ConfigError, ExitCode
from resolverd.loop import run_loop
from resolverd.signals import PROCESS

if TYPE_CHECKING:
    from resolverd.anycast.configuration import Started
    from resolverd.anycast.fleet import SharedFloor
    from resolverd.anycast.run import Edge
    from resolverd.anycast.speaker import Speaker
    from resolverd.config.anycast import Anycast
    from resolverd.config.load import LoadedConfig

Json = dict[str, Any]

_MORE = """
Without an option of these it runs until SIGTERM: beside BIRD as a service of its own, or as a
process of ExaBGP's. At its end it withdraws, and waits until queries have ebbed.

exit codes:
  0  it is done; with --status: all addresses are announced
  1  with --status: not all are; with --drain or --stop: the fleet's floor keeps an address;
     with --drain: it was undrained before queries had ebbed
  3  no such process runs here, or it cannot do it now; at its own end: what speaks BGP has not
     withdrawn a route
"""
_COLOURS = {"announced": "green", "raised": "yellow", "withdrawn": "red"}


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `anycast` and its options to `verbs`."""
    parser = verb(
        verbs,
        "anycast",
        "announce this edge's service addresses while it is fit to answer, and withdraw them first",
        [
            "resolverd anycast",
            "resolverd anycast --status",
            'resolverd anycast --drain --why "new line card"',
            "resolverd anycast --undrain",
        ],
        run,
        more=_MORE,
    )
    uses = parser.add_mutually_exclusive_group()
    uses.add_argument(
        "--status", action="store_true", help="show what is announced here, and what is against it"
    )
    uses.add_argument(
        "--drain",
        action="store_true",
        help="withdraw until --undrain, over restarts where there is a state (anycast.state), and "
        "wait until queries have ebbed",
    )
    uses.add_argument("--undrain", action="store_true", help="end a drain")
    uses.add_argument(
        "--stop",
        action="store_true",
        help="withdraw until the running process ends, and wait until queries have ebbed: before "
        "what speaks BGP is stopped",
    )
    uses.add_argument(
        "--withdraw",
        action="store_true",
        help="withdraw what a process that has died has left at BIRD, as far as the fleet's floor "
        "lets it go; under systemd only after a failure",
    )
    parser.add_argument("--why", type=reason, help="with --drain, for those who find it later")
    parser.add_argument(
        "--force", action="store_true", help="with --drain, whatever the fleet's floor says"
    )
    add_log(parser)
    add_config(parser, may_be_gone=True)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the option asks for, or announce until SIGTERM.

    Raises UsageError, ConfigError, NoDaemonError, RefusedError or SpeakerError.
    """
    if (arguments.why or arguments.force) and not arguments.drain:
        raise UsageError("--why and --force are of --drain alone\nadd --drain")
    if arguments.status or arguments.drain or arguments.undrain or arguments.stop:
        return _ask(arguments)
    if arguments.withdraw:
        return _withdraw(arguments)
    log.in_background(arguments.log)
    with PROCESS.obeyed(), log.everything():
        return int(run_loop(_serve(_started(arguments), arguments)))


def _started(arguments: argparse.Namespace) -> Started:
    """What is started with: the files, or what is kept of them where they are refused."""
    from resolverd.anycast import configuration

    try:
        started = configuration.load(arguments.config, arguments.overrides)
    except ConfigError:
        existing_config(arguments)  # of one that is not there it says where it was looked for
        raise
    if not started.loaded.config.anycast.addresses:
        raise UsageError(
            "there is nothing to announce: [anycast] has no addresses\n"
            'write addresses = ["192.0.2.53"] into it, or other service addresses'
        )
    return started


def _ask(arguments: argparse.Namespace) -> int:
    """What the running process is asked for."""
    link = _link(arguments)
    if arguments.status:
        return _status(link, as_json=arguments.json)
    if arguments.drain:
        asked = {"who": operator(), "why": arguments.why or "", "force": arguments.force}
        return _drained(link.post("/drain", asked), arguments)
    if arguments.undrain:
        done = link.delete("/drain", "this", who=operator())
        return _report(done, arguments, "no longer drained")
    return _report(link.post("/stop"), arguments, "withdrawn until it ends")


async def _serve(started: Started, arguments: argparse.Namespace) -> ExitCode:
    from resolverd.anycast import configuration
    from resolverd.anycast import drain as drains
    from resolverd.anycast.announcer import Announcer
    from resolverd.anycast.looking import Looking
    from resolverd.anycast.run import Edge
    from resolverd.anycast.served import Pages, serving
    from resolverd.systemd import Supervisor

    configuration.keep(started, arguments.config, arguments.overrides)
    loaded, settings = started.loaded, started.loaded.config.anycast
    supervisor = Supervisor.adopt()
    floor = _floor(loaded)
    speaker, gone = await _speaker(settings)
    looking = Looking(settings, loaded.config.admin, loaded.base)
    edge = Edge(settings, looking, Announcer(settings, speaker, floor), floor)
    place = drains.directory(settings.state, loaded.base)
    edge.kept, edge.drained = started.kept, drains.read(place)
    PROCESS.follow(asyncio.get_running_loop(), edge.ended.set, lambda: None)
    watching = asyncio.create_task(_end_with(gone, edge)) if gone else None
    try:
        async with serving(Pages(edge, place), edge, loaded.base):
            await edge.run(supervisor)
            # A success would keep systemd's ExecStopPost= from trying it again.
            return ExitCode.UNAVAILABLE if edge.left_announced else ExitCode.OK
    finally:
        if watching is not None:
            watching.cancel()
        await speaker.close()
        await looking.close()
        await floor.stop()


async def _end_with(gone: asyncio.Event, edge: Edge) -> None:
    """ExaBGP's end is ours: its sessions go, and every route with them."""
    await gone.wait()
    edge.abandoned = True
    edge.ended.set()


async def _speaker(settings: Anycast) -> tuple[Speaker, asyncio.Event | None]:
    """What speaks BGP, and what says that it has ended, where that ends us. Raises SpeakerError."""
    if settings.via == "bird":
        from resolverd.anycast.bird import BirdSpeaker

        raises = settings.mode == "metric"
        return BirdSpeaker(settings.bird, settings.addresses, raises=raises), None
    from resolverd.anycast.exabgp import ExabgpSpeaker, Process

    process = Process(settings.exabgp.timeout)
    await process.start()
    return ExabgpSpeaker(settings, process), process.gone


def _floor(loaded: LoadedConfig) -> SharedFloor:
    """Who says whether an address may be withdrawn. Raises NatsMissingError."""
    from resolverd.anycast.fleet import FleetFloor, NoFloor
    from resolverd.fleet.installed import need_nats

    settings, fleet = loaded.config.anycast, loaded.config.fleet
    if not fleet.urls or not settings.min_edges:
        return NoFloor()
    need_nats()
    return FleetFloor(fleet, settings, loaded.base)


def _withdraw(arguments: argparse.Namespace) -> int:
    """What systemd runs after the process has ended, in whatever way (ExecStopPost=)."""
    if os.environ.get("SERVICE_RESULT", "failure") == "success":
        return ExitCode.OK  # it has withdrawn by itself, or the floor has kept it
    log.configure(arguments.log)
    loaded = _started(arguments).loaded
    if loaded.config.anycast.via != "bird":
        raise UsageError(
            "--withdraw is for BIRD: what a process of ExaBGP's has left, the one that is "
            'respawned withdraws\nleave it out with via = "exabgp"'
        )
    return run_loop(_withdraw_left(loaded))


async def _withdraw_left(loaded: LoadedConfig) -> ExitCode:
    from resolverd.anycast.announcer import Announcer

    settings = loaded.config.anycast
    floor = _floor(loaded)
    speaker, _ = await _speaker(settings)
    announcer = Announcer(settings, speaker, floor)
    try:
        await floor.start()
        await announcer.begin()
    finally:
        await speaker.close()
        await floor.stop()
    failing = any(route.failing for route in announcer.routes.values())
    return ExitCode.UNAVAILABLE if failing else ExitCode.OK


def _link(arguments: argparse.Namespace) -> Link:
    """The running process. Raises NoDaemonError, and ConfigError without a file."""
    from resolverd.anycast.served import sockets_of

    path = arguments.config
    places = sockets_of(_socket(path, arguments.overrides), path.parent)
    found = next((path for path in places if _is_there(path)), None)
    if found is None:
        existing_config(arguments)
        looked = ", ".join(map(str, places)) or 'nowhere: anycast.socket is ""'
        raise NoDaemonError(
            f"no `resolverd anycast` runs here; looked for {looked}\n"
            "start it: systemctl start resolverd-anycast, or as a process of ExaBGP's"
        )
    return Link(found)


def _socket(path: Path, overrides: Sequence[tuple[str, Any]]) -> str:
    """`anycast.socket`. A mistake elsewhere in the files keeps nobody from a drain."""
    from resolverd.config.anycast import Anycast

    written = said(path, "anycast", "socket", overrides)
    return written if isinstance(written, str) else Anycast().socket


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a directory that is closed to us
        return False


def _status(link: Link, *, as_json: bool) -> int:
    state = link.look()
    if as_json:
        show_json(state)
    else:
        show_rows(*_rows(state))
        if kept := state["kept"]:
            out().print(_kept(kept), markup=False, soft_wrap=True)
    announced = all(each["state"] == "announced" for each in state["addresses"])
    return ExitCode.OK if announced else ExitCode.PROBLEMS


def _rows(state: Json) -> list[Rows]:
    rows = Rows("ADDRESS", "STATE", "WHY")
    for each in state["addresses"]:
        rows.add_row(each["address"], Cell(each["state"], _COLOURS[each["state"]]), _why(each))
    return [rows]


def _kept(kept: Json) -> str:
    """That it does not run with the file, and why."""
    problems = "".join(f"\n  {line}" for line in kept["problems"])
    return (
        f"It runs with what was adopted at {kept['adopted_at']}: at its start the file was "
        f"refused.{problems}"
    )


def _why(each: Json) -> str:
    """What is against it, what holds it, and what is waited for."""
    said = [one["text"] for one in each["reasons"]]
    if each["held"]:
        said.append(f"stays all the same: {each['held']}")
    if each["unproved"]:
        said.append(f"not proved: {each['unproved']}")
    if not said and each["announced_in_seconds"] is not None:
        said.append(f"fit; announced in {each['announced_in_seconds']:.0f} s")
    return "; ".join(said) or "fit"


def _drained(done: Json, arguments: argparse.Namespace) -> int:
    if done.get("kept_over_restarts", True):  # an older process does not say it
        return _report(done, arguments, "withdrawn until --undrain")
    if not arguments.json:
        complain(
            "nothing remembers it: a restart announces again; set anycast.state to a directory",
            "yellow",
        )
    return _report(done, arguments, "withdrawn until the running process ends")


def _report(done: Json, arguments: argparse.Namespace, text: str) -> int:
    if arguments.json:
        show_json(done)
    else:
        out().print(text, markup=False)
    return ExitCode.OK
