"""A daemon, its standby and its successor, with a service manager that keeps what it is given."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from harness.config import config_text
from harness.engines import ENGINES, LIMITS, EngineName
from harness.messages import query
from harness.server import HEAD, snapshot_of
from harness.waiting import until_holds
from structlog.testing import capture_logs

from resolverd.config.types import Listener
from resolverd.engine.choice import Choice
from resolverd.engine.interface import Engine
from resolverd.engine.make import make_engine
from resolverd.engine.sockets import bind
from resolverd.handover import succession
from resolverd.handover.channel import NAME, channel
from resolverd.handover.latest import Latest
from resolverd.handover.leftovers import Killed
from resolverd.handover.standby import Standby
from resolverd.handover.succession import Succession
from resolverd.loop import run_loop
from resolverd.snapshot.model import Snapshot
from resolverd.systemd import Supervisor

TIMEOUT = 30.0


class Manager:
    """As a service manager it hears, and keeps descriptors by name, until `forget`."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.kept: dict[str, list[socket.socket]] = {}
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(self.address)
        self._heard.setblocking(False)

    def supervisor(self) -> Supervisor:
        """What the next daemon adopts."""
        self.hear()
        return Supervisor(address=self.address, stored=self.kept)

    def hear(self) -> None:
        """Take what was sent."""
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._heard, 4096, 64)
            except BlockingIOError:
                return
            fields = dict(line.split("=", 1) for line in message.decode().splitlines())
            if "FDSTOREREMOVE" in fields:
                for each in self.kept.pop(fields["FDNAME"], []):
                    each.close()
            made = [socket.socket(fileno=each) for each in descriptors]
            self.kept.setdefault(fields.get("FDNAME", ""), []).extend(made)

    def forget(self) -> None:
        """The service is stopped."""
        self.hear()
        for each in self.kept.pop(NAME, []):
            each.close()

    def close(self) -> None:
        """Close all."""
        for sockets in self.kept.values():
            for each in sockets:
                each.close()
        self._heard.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager."""
    made = Manager(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """One that answers on a port of its own."""
    chosen: EngineName = request.param
    bound, sockets = bind([Listener("127.0.0.1", 0)])
    made = make_engine(Choice(chosen, 1, ""), bound, sockets, LIMITS, run_loop)
    await made.start(_snapshot())
    yield made
    if not made.died.done():  # a test may have stopped it
        await made.stop()


@cache
def _snapshot() -> Snapshot:
    zone = f"$ORIGIN inference.example.\n{HEAD}"
    return snapshot_of(zone, config_text(services=""))


async def _answers(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.setblocking(False)
        client.connect(("127.0.0.1", port))
        client.send(query("inference.example", "SOA"))
        try:
            async with asyncio.timeout(TIMEOUT):
                return bool(await asyncio.get_running_loop().sock_recv(client, 512))
        except (TimeoutError, ConnectionRefusedError):
            return False


def _runs(pid: int) -> bool:
    """Whether this child of ours has not ended."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False


async def _until_gone(pid: int) -> None:
    await until_holds(lambda: not _runs(pid), within=TIMEOUT)


async def _served(manager: Manager, engine: Engine) -> tuple[Succession, int]:
    """A daemon that serves, and the PID of its standby."""
    daemon = Succession(manager.supervisor(), run_loop)
    await daemon.succeed(engine, _snapshot(), own_sockets=False)
    manager.hear()
    assert daemon.standby is not None
    return daemon, daemon.standby


async def test_the_standby_answers_until_the_next_daemon_serves(
    manager: Manager, engine: Engine
) -> None:
    snapshot = _snapshot()
    daemon, pid = await _served(manager, engine)
    port = engine.bound[0].port
    await daemon.bequeath(engine, snapshot)
    await engine.stop()
    assert await _answers(port)
    successor = Succession(manager.supervisor(), run_loop)
    successor.begin()
    await asyncio.sleep(0)
    assert await _answers(port)
    end = manager.kept[NAME][0]
    await successor.take_over(end)
    await _until_gone(pid)


async def test_the_standby_ends_when_the_service_is_stopped(
    manager: Manager, engine: Engine
) -> None:
    daemon, pid = await _served(manager, engine)
    await daemon.bequeath(engine, _snapshot())
    assert _runs(pid)
    manager.forget()
    await _until_gone(pid)


async def test_a_stop_without_a_place_for_a_successor_leaves_nobody(
    manager: Manager, engine: Engine
) -> None:
    daemon, pid = await _served(manager, engine)
    manager.forget()
    await daemon.bequeath(engine, _snapshot())
    assert not _runs(pid)


async def test_another_plan_has_another_standby_and_a_dead_one_is_replaced(
    manager: Manager, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolverd.handover.succession._RETRY_INTERVAL", 0.0)
    daemon, first = await _served(manager, engine)
    _snapshot.cache_clear()
    snapshot = _snapshot()
    await _until_renewed(daemon, engine, snapshot, first)
    second = daemon.standby
    assert second  # kill(2) takes 0 for the whole process group
    os.kill(second, signal.SIGKILL)
    await _until_renewed(daemon, engine, snapshot, second)
    third = daemon.standby
    assert third
    manager.forget()
    await daemon.bequeath(engine, snapshot)
    await _until_gone(third)


async def test_a_standby_of_the_next_plan_waits_beside_the_present_one_until_that_is_served(
    manager: Manager, engine: Engine
) -> None:
    """Whichever is named answers, and the other ends by itself."""
    daemon, first = await _served(manager, engine)
    _snapshot.cache_clear()
    snapshot = _snapshot()
    await daemon.prepare(engine, snapshot)
    assert daemon.standby == first
    daemon.update(engine, snapshot)
    second = daemon.standby
    assert second
    assert second != first
    await daemon.settled()
    assert not _runs(first)
    _snapshot.cache_clear()
    await daemon.prepare(engine, _snapshot())  # an edit that is not served in the end
    assert daemon.standby == second
    manager.forget()
    await daemon.bequeath(engine, snapshot)
    await _until_gone(second)


async def _until_renewed(
    daemon: Succession, engine: Engine, snapshot: Snapshot, before: int
) -> None:
    async with asyncio.timeout(TIMEOUT):
        while daemon.standby in (None, before):
            daemon.update(engine, snapshot)
            await asyncio.sleep(0.01)


async def test_without_a_thread_to_fork_in_it_serves_and_leaves_no_descriptor(
    manager: Manager, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where TasksMax= of the unit is reached; later there is a standby again."""
    monkeypatch.setattr("resolverd.handover.succession._RETRY_INTERVAL", 0.0)
    daemon, first = await _served(manager, engine)
    _snapshot.cache_clear()
    snapshot, before = _snapshot(), _descriptors()

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        await daemon.prepare(engine, snapshot)
    assert _descriptors() == before
    assert daemon.standby == first
    await _until_renewed(daemon, engine, snapshot, first)
    second = daemon.standby
    assert second
    manager.forget()
    await daemon.bequeath(engine, snapshot)
    await _until_gone(second)


async def test_a_standby_that_has_one_pipe_and_no_second_leaves_no_descriptor(
    manager: Manager, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon, pid = await _served(manager, engine)
    _snapshot.cache_clear()
    snapshot, before, pipe = _snapshot(), _descriptors(), os.pipe
    pipes = iter([pipe])

    def one_pipe() -> tuple[int, int]:
        for make in pipes:
            return make()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pipe", one_pipe)
        await daemon.prepare(engine, snapshot)
    assert _descriptors() == before
    assert daemon.standby == pid
    manager.forget()
    await daemon.bequeath(engine, snapshot)
    await _until_gone(pid)


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def _descriptors() -> int:
    gc.collect()  # of those that earlier tests have left
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


async def test_without_a_service_manager_there_is_no_standby(engine: Engine) -> None:
    daemon = Succession(Supervisor(), run_loop)
    began = time.monotonic()
    await daemon.succeed(engine, _snapshot(), own_sockets=True)
    assert daemon.standby is None
    await daemon.bequeath(engine, _snapshot())
    assert time.monotonic() - began < TIMEOUT


async def test_without_a_thread_a_standby_of_a_plan_that_is_not_served_ends_all_the_same(
    manager: Manager, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where TasksMax= of the unit is reached between two edits; the next edit goes on."""
    daemon, first = await _served(manager, engine)
    before = _descriptors()
    for _ in range(2):
        _snapshot.cache_clear()
        await daemon.prepare(engine, _snapshot())
        prepared = daemon._prepared
        assert prepared is not None
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _no_thread)
            for _ in range(2):
                await daemon.prepare(engine, _snapshot())
                assert _descriptors() == before
                assert not _runs(prepared.pid)
    assert daemon.standby == first
    manager.forget()
    await daemon.bequeath(engine, _snapshot())
    await _until_gone(first)


async def test_a_standby_that_is_dismissed_twice_closes_nothing_that_is_others(
    manager: Manager, engine: Engine, tmp_path: Path
) -> None:
    ours, theirs = channel()
    latest = Latest()
    standby = Standby(1, engine, _snapshot().plan, ours, latest)
    await standby.start(run_loop)
    standby.dismiss()
    assert not standby.alive
    files = [(tmp_path / str(n)).open("w") for n in range(4)]  # with the numbers that are free now
    standby.dismiss()
    for file in files:
        file.close()
    for each in (ours, theirs, latest):
        each.close()


@pytest.mark.parametrize("passed_on", [True, False])
def test_a_standby_is_spared_at_a_start_only_where_its_channel_is_passed_on(
    passed_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the service was stopped since, and a standby that hangs would hold the ports."""
    spared: list[str] = []

    def kill(*, but: str) -> list[Killed]:
        spared.append(but)
        return []

    monkeypatch.setattr(succession, "kill_leftovers", kill)
    ours, theirs = channel()
    with closing(ours), closing(theirs):
        stored = {NAME: [theirs]} if passed_on else {}
        Succession(Supervisor(stored=stored, main=True), run_loop).begin()
    assert spared == (["standby"] if passed_on else [""])


@pytest.mark.parametrize("thread", [True, False])
async def test_whoever_was_killed_at_the_start_is_waited_for_later_and_beside_the_event_loop(
    thread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are read meanwhile; without a thread (TasksMax= of the unit) the loop waits."""
    waited: list[str] = []

    def wait(killed: list[Killed], within: float) -> list[int]:
        assert within > 0
        waited.append(threading.current_thread().name)
        return [each.pid for each in killed]

    monkeypatch.setattr(succession, "kill_leftovers", lambda **_: [Killed(7, None)])
    monkeypatch.setattr(succession, "wait_for", wait)
    begun = Succession(Supervisor(main=True), run_loop)
    begun.begin()
    assert waited == []
    if not thread:
        monkeypatch.setattr(threading.Thread, "start", _no_thread)
    with capture_logs() as events:
        await begun.alone()
        await begun.alone()
    assert waited == ["load" if thread else "MainThread"]
    assert [(event["event"], event["pids"]) for event in events] == [("leftovers.remain", [7])]
