"""Several processes behind one engine: what each is asked has its own reply, and a stop ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest
from harness.engines import serving
from harness.server import HEAD, snapshot_of
from harness.threads import shared_threads_hanging
from structlog.testing import capture_logs

from resolverd.engine import pool
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.pool import WorkerPool
from resolverd.errors import EngineError

TURNS, TIMEOUT = 300, 20.0


async def test_a_reply_that_nobody_waits_for_any_more_is_not_the_next_ones() -> None:
    """A check of liveness that takes too long, a task that the stop cancels: it hung then.

    Also while the threads hang that it shares with others: it has its own.
    """
    snapshot = snapshot_of({"example.": HEAD})
    async with serving(snapshot, "reference", workers=2) as engine, shared_threads_hanging():
        for turn in range(TURNS):
            given_up = asyncio.create_task(engine.counters())
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            given_up.cancel()
            assert isinstance(await engine.block_samples(), BlockSamples)
            assert isinstance(await engine.counters(), Counters)
            with contextlib.suppress(asyncio.CancelledError):
                await given_up


async def test_a_worker_that_hangs_does_not_keep_a_stop_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check that found it waits for it still; whoever is well ends by himself.

    A stop asks for counters first, as a scrape does: they are what was known of it last.
    """
    monkeypatch.setattr(pool, "STOP_TIMEOUT", 1.0)
    async with serving(snapshot_of({"example.": HEAD}), "reference", workers=2) as engine:
        assert isinstance(engine, WorkerPool)
        counted = await engine.counters()
        monkeypatch.setattr(pool, "COUNT_TIMEOUT", 0.05)
        stuck = engine._workers[0][0]
        assert stuck.pid is not None
        os.kill(stuck.pid, signal.SIGSTOP)
        check = asyncio.create_task(engine.check())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.shield(check)
        async with asyncio.timeout(TIMEOUT):
            assert await engine.counters() == counted
            with capture_logs() as logged:
                await engine.stop()
            with pytest.raises(EngineError, match="a worker process is gone"):
                await check
        assert stuck.exitcode == -signal.SIGKILL
        late = [event["reason"] for event in logged if event["event"] == "engine.late"]
        assert len(late) == 1
        assert str(stuck.pid) in late[0]
