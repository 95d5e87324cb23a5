"""Whatever hangs, the native engine is published to: the threads that wait for it are its own."""

from __future__ import annotations

import asyncio

import pytest
from harness.engines import needs_native, serving
from harness.server import HEAD, snapshot_of
from harness.threads import shared_threads_hanging

from resolverd.engine import native
from resolverd.engine.native import NativeEngine
from resolverd.errors import EngineError

SNAPSHOT = snapshot_of({"example.": HEAD}, compiled=True)
ASKERS, TIMEOUT = 50, 20.0


@needs_native
async def test_what_hangs_in_the_threads_of_others_keeps_nobody_from_publishing() -> None:
    """As a write to a disk that does not answer."""
    async with serving(SNAPSHOT) as engine, shared_threads_hanging(), asyncio.timeout(TIMEOUT):
        await engine.publish(SNAPSHOT)
        await engine.check()
        await engine.stop()


@needs_native
async def test_a_publication_waits_for_no_queue_of_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread is stuck for longer than a check and a publication take; the other one is well."""
    monkeypatch.setattr(native, "CHECK_TIMEOUT", 0.05)
    monkeypatch.setattr(native, "PUBLISH_TIMEOUT", 0.05)
    async with serving(SNAPSHOT, workers=2) as engine:
        assert isinstance(engine, NativeEngine)
        assert engine._threads is not None
        engine._threads.inject_fault(0, seconds=1)
        checks = [asyncio.create_task(engine.check()) for _ in range(ASKERS)]
        await asyncio.sleep(0)  # they have begun
        with pytest.raises(EngineError, match="serve-0 does not follow in time"):
            await engine.publish(SNAPSHOT)
        said = await asyncio.gather(*checks, return_exceptions=True)
        assert {str(error) for error in said} == {"worker thread serve-0 does not follow in time"}
