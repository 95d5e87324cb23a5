"""A stop is no failure of a trial, whatever of a generation an edge is taking up when it comes."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from resolverd import stop_limits
from resolverd.config.fleet import Fleet
from resolverd.engine.counters import Counters
from resolverd.files.replay import Replay
from resolverd.fleet.link import Link
from resolverd.publishing import edge as edge_module
from resolverd.publishing.disk import GenerationFiles, OnDisk
from resolverd.publishing.edge import Adopting, EdgeGenerations, Serving
from resolverd.publishing.model import Generation, Ledger, Outcome, Trial
from resolverd.publishing.packing import digest_of_set
from resolverd.publishing.reporting import Reporting
from resolverd.tasks import Tasks

HERE = Fleet(edge="fra1")


class TakingUp:
    """An edge that serves a first generation, and is told to take up a second on trial.

    `moment` is when it is cut short; `at` is set then, and what is done there goes on at `go_on`.
    """

    def __init__(self, folder: Path, link: Link, moment: str) -> None:
        self.at, self.go_on = asyncio.Event(), threading.Event()
        self.files, self._moment = GenerationFiles(folder), moment
        self.first, second = (self._written(number) for number in (1, 2))
        self.files.switch(self.first)
        self._loop = asyncio.get_running_loop()
        for method in ("begin_trial", "switch"):
            if method == moment:
                setattr(self.files, method, self._held_up(getattr(self.files, method)))
        self.edge = EdgeGenerations(link, HERE, folder, self.files)
        self.edge.into(cast(Adopting, self), cast(Serving, self))
        self.edge.status.serves = self.first
        completed, tried = (
            Generation(each.number, each.digest, "ada", "a test", 0.0, 100, 1, outcome=outcome)
            for each, outcome in ((self.first, Outcome.COMPLETED), (second, Outcome.TRIED))
        )
        self.edge.fleet.ledger = Ledger((completed, tried), 1, Trial(2, (("fra1",),)))
        self.snapshot = None
        self._tasks = Tasks()

    def _written(self, number: int) -> OnDisk:
        content = {"resolverd.toml": f"# {number}\n".encode()}
        return self.files.write(number, digest_of_set(content), content)

    def _held_up(self, change: Callable[[Any], None]) -> Callable[[Any], None]:
        """The first call of `change` made by a disk that takes its time."""

        def slow(what: object) -> None:
            if not self.at.is_set():
                self._loop.call_soon_threadsafe(self.at.set)
                self.go_on.wait()
            change(what)

        return slow

    async def counters(self) -> Counters:
        return Counters()

    def record(self, _path: str) -> str:
        return self.files.record_digest(self.first)

    async def take(
        self,
        _replay: Replay,
        place: AbstractAsyncContextManager[None],
        *,
        accept_losses: bool,
        trial: bool,
    ) -> None:
        async with place:
            await self._stay("adopting")
        await self._stay("adopted")

    async def _stay(self, moment: str) -> None:
        if moment == self._moment:
            self.at.set()
            await asyncio.Event().wait()

    async def begin(self) -> None:
        """Return at the moment."""
        self._tasks.keep("generations", self.edge.keep)
        async with asyncio.timeout(20):
            await self.at.wait()

    async def stop(self) -> None:
        """As the daemon does."""
        async with asyncio.timeout(20):
            await self._tasks.stop()
            await self.edge.stop()


@pytest.fixture(autouse=True)
def no_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is answered, and nobody is told."""

    async def told(_: Reporting) -> None:
        pass

    monkeypatch.setattr(edge_module, "answers_of", lambda _: {})
    monkeypatch.setattr(Reporting, "stop", told)
    monkeypatch.setattr(Reporting, "note_wave", lambda *_: None)


@pytest.mark.parametrize("moment", ["begin_trial", "switch", "adopting", "adopted"])
async def test_a_stop_leaves_the_last_good_set_to_start_with(
    tmp_path: Path, link: Link, moment: str
) -> None:
    edge = TakingUp(tmp_path, link, moment)
    await edge.begin()
    stopping = asyncio.create_task(edge.stop())
    asyncio.get_running_loop().call_soon(edge.go_on.set)
    await stopping
    assert edge.files.recover() is None, "the next start would report that it failed"
    assert edge.files.current() == edge.first


def _not_put_back(logged: Sequence[EventDict]) -> set[str]:
    """Why the last good set was not put back; nothing else is a warning."""
    warnings = [each for each in logged if each["log_level"] == "warning"]
    assert {each["event"] for each in warnings} == {"generation.not_returned"}
    return {each["reason"] for each in warnings}


async def test_a_stop_ends_on_a_disk_that_is_full(tmp_path: Path, link: Link) -> None:
    edge = TakingUp(tmp_path, link, "adopting")
    await edge.begin()

    def full(to: OnDisk) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    edge.files.switch, switch = full, edge.files.switch  # type: ignore[method-assign]
    with capture_logs() as logged:
        await edge.stop()
    assert _not_put_back(logged) == {"No space left on device"}
    edge.files.switch = switch  # type: ignore[method-assign]
    assert edge.files.recover() is not None
    assert edge.files.current() == edge.first


async def test_a_stop_ends_on_a_disk_that_hangs(
    tmp_path: Path, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop_limits, "RESET", 0.05)
    monkeypatch.setattr(stop_limits, "SETTLE", 0.05)
    edge = TakingUp(tmp_path, link, "switch")
    await edge.begin()
    with capture_logs() as logged:
        await edge.stop()
    assert _not_put_back(logged) == {"the disk does not answer"}
    edge.go_on.set()
    await edge.edge._changes.make(lambda: None)
    assert edge.files.current() == edge.first, "what was asked of it is done once it answers"
