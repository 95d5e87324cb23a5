"""Several processes behind one engine: what each is asked has its own reply, whoever gives up."""

from __future__ import annotations

import asyncio
import contextlib

from harness.engines import serving
from harness.server import HEAD, snapshot_of

from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters

TURNS = 300


async def test_a_reply_that_nobody_waits_for_any_more_is_not_the_next_ones() -> None:
    """A check of liveness that takes too long, a task that the stop cancels: it hung then."""
    snapshot = snapshot_of({"example.": HEAD})
    async with serving(snapshot, "reference", workers=2) as engine:
        for turn in range(TURNS):
            given_up = asyncio.create_task(engine.counters())
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            given_up.cancel()
            assert isinstance(await engine.block_samples(), BlockSamples)
            assert isinstance(await engine.counters(), Counters)
            with contextlib.suppress(asyncio.CancelledError):
                await given_up
