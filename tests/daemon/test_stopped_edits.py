"""A stop in the middle of an edit: whoever answers next answers as clients were answered last."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from live_daemon import Files, ask, supervised, zone_text

from resolverd import publication
from resolverd.daemon import Daemon
from resolverd.snapshot.model import Snapshot

EDITED = "192.0.2.99"


async def _answer(daemon: Daemon) -> str:
    response = await ask(daemon, "www.inference.example")
    return str(response.answer[0][0])


class Late:
    """An engine whose next publication of a Plan is answered from at once, and over once it may."""

    def __init__(self, daemon: Daemon) -> None:
        self.answers, self.may_end = asyncio.Event(), threading.Event()
        engine: Any = daemon.engine
        publish, before, loop = engine._publish, daemon.snapshot.plan, asyncio.get_running_loop()

        def late(snapshot: Snapshot) -> None:
            publish(snapshot)
            if snapshot.plan is not before:
                loop.call_soon_threadsafe(self.answers.set)
                self.may_end.wait()

        engine._publish = late


async def _soon(daemon: Daemon, engine: Late) -> None:
    stopping = asyncio.create_task(daemon.stop())
    asyncio.get_running_loop().call_soon(engine.may_end.set)
    await stopping


async def _too_late(daemon: Daemon, engine: Late) -> None:
    engine_stop, may_end = daemon.engine.stop, engine.may_end

    async def stop() -> None:
        may_end.set()
        await engine_stop()

    daemon.engine.stop = stop  # type: ignore[method-assign]
    await daemon.stop()


@pytest.mark.parametrize("stopped", [_soon, _too_late])
async def test_a_standby_answers_from_an_edit_that_a_stop_met_while_it_was_published(
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
    stopped: Callable[[Daemon, Late], Awaitable[None]],
) -> None:
    monkeypatch.setattr(publication, "_SETTLE_TIMEOUT", 30 if stopped is _soon else 0.05)
    async with supervised(files.config) as daemon:
        engine = Late(daemon)
        files.zone.write_text(zone_text(EDITED, 8))
        await engine.answers.wait()
        assert await _answer(daemon) == EDITED
        await stopped(daemon, engine)
        assert await _answer(daemon) == EDITED
