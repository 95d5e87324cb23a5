"""Several processes behind one engine: what each is asked has its own reply, and a stop ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from multiprocessing.context import SpawnProcess

import pytest
from harness.engines import serving
from harness.server import HEAD, snapshot_of
from harness.threads import shared_threads_hanging
from structlog.testing import capture_logs

from resolverd import stop_limits
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine, LateReplyError, last_counted
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


@pytest.mark.parametrize("killed", [True, False])
async def test_a_worker_that_hangs_does_not_keep_a_stop_waiting(
    monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    """The check that found it waits for it still; whoever is well ends by himself.

    Not `killed`, as in a call to a disk that hangs, no kill ends it either.
    """
    monkeypatch.setattr(stop_limits, "ENGINE", 1.0)
    async with serving(snapshot_of({"example.": HEAD}), "reference", workers=2) as engine:
        stuck = _stopped(engine)
        kill = stuck.kill
        if not killed:
            monkeypatch.setattr(stuck, "kill", lambda: None)
        check = asyncio.create_task(engine.check())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.shield(check)
        async with asyncio.timeout(TIMEOUT):
            with capture_logs() as logged:
                await engine.stop()
            with pytest.raises(EngineError, match="a worker process is gone"):
                await check
        assert stuck.exitcode == (-signal.SIGKILL if killed else None)
        late = [event["reason"] for event in logged if event["event"] == "engine.late"]
        assert len(late) == 1
        assert str(stuck.pid) in late[0]
        kill()
        stuck.join()


async def test_what_a_worker_that_hangs_has_counted_is_not_given_as_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who is content with what was counted before, as a scrape is, says so."""
    async with serving(snapshot_of({"example.": HEAD}), "reference", workers=2) as engine:
        before = await engine.counters()
        monkeypatch.setattr(stop_limits, "COUNTS", 0.05)
        stuck = _stopped(engine)
        async with asyncio.timeout(TIMEOUT):
            for asked in (engine.counters, engine.block_samples):
                with pytest.raises(LateReplyError, match=r"not replied within 0\.05 s"):
                    await asked()
            assert await last_counted(engine) == before
            assert stuck.pid is not None
            os.kill(stuck.pid, signal.SIGCONT)
            monkeypatch.setattr(stop_limits, "COUNTS", TIMEOUT)
            assert await engine.counters() == before


async def test_a_worker_hears_of_the_stop_where_no_descriptor_is_left() -> None:
    """Else it would be killed with what it had read."""
    async with serving(snapshot_of({"example.": HEAD}), "reference", workers=2) as engine:
        assert isinstance(engine, WorkerPool)
        workers = [process for process, _ in engine._workers]
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken = max(map(int, os.listdir("/proc/self/fd")))  # noqa: PTH208 - names, not paths
        await engine.check()  # its threads are there
        gaps = list[int]()
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 1, limits[1]))
        try:
            with contextlib.suppress(OSError):
                while True:
                    gaps.append(os.dup(0))
            await engine.stop()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for gap in gaps:
                os.close(gap)
        assert [process.exitcode for process in workers] == [0, 0]


def _stopped(engine: Engine) -> SpawnProcess:
    """One of its workers, which replies no more."""
    assert isinstance(engine, WorkerPool)
    stuck = engine._workers[0][0]
    assert stuck.pid is not None
    os.kill(stuck.pid, signal.SIGSTOP)
    return stuck
