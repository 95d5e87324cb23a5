"""Long prompts, read chunk by chunk: no counter of a real vLLM moves, and it works all the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from real_vllm import ENGINE, MODEL, Vllm, vllm

from resolverd.health.addresses import AddressBook
from resolverd.health.kinds.kind import kind_named
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes import Tools, run
from resolverd.health.probes.vllm_metrics import Page, read_page
from resolverd.turns import at_once

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def small_chunks(model: Path) -> AsyncIterator[Vllm]:
    """A server that reads 16 tokens in a step, so that a long prompt takes it seconds."""
    async with vllm(model, "--max-num-seqs", "2", "--max-num-batched-tokens", "16") as server:
        yield server


async def _page(http: aiohttp.ClientSession, server: Vllm) -> Page:
    async with http.get(f"{server.url}/metrics") as response:
        return at_once(read_page(await response.read(), [MODEL]))


async def _ask(http: aiohttp.ClientSession, server: Vllm, seed: int) -> int:
    draw = random.Random(seed)
    prompt = " ".join(f"w{draw.randrange(3, 512)}" for _ in range(2000))
    body = {"model": MODEL, "prompt": prompt, "max_tokens": 2, "temperature": 0}
    async with http.post(f"{server.url}/v1/completions", json=body) as response:
        return response.status


async def test_a_chunked_prefill_is_work_and_a_stopped_engine_does_none(
    small_chunks: Vllm, http: aiohttp.ClientSession
) -> None:
    probe = VllmProbe(model=MODEL)
    tools = Tools(AddressBook([]))
    ask = kind_named("vllm").prepare(small_chunks.url, probe, tools)

    async def look() -> Outcome:
        return await run(ask, probe.longest)

    assert (await look()).ok
    users = [asyncio.create_task(_ask(http, small_chunks, seed)) for seed in range(6)]
    first = await _page(http, small_chunks)
    while not (first.running and first.kv_usage):
        first = await _page(http, small_chunks)
    while (later := await _page(http, small_chunks)).kv_usage == first.kv_usage:
        pass
    (before,), (after,) = first.engines.values(), later.engines.values()
    assert (before.prompt, before.generated, before.iterations) == (
        after.prompt,
        after.generated,
        after.iterations,
    )
    assert (after.kv_usage or 0) > (before.kv_usage or 0)
    while not all(user.done() for user in users[:3]):
        seen = await look()
        assert (seen.ok, seen.condition.holds) == (True, False), seen.reason
    with small_chunks.stopped(ENGINE):
        frozen = await _page(http, small_chunks)
        stopped = [await look() for _ in range(2)]
        assert (await _page(http, small_chunks)).engines == frozen.engines
    assert stopped[-1].condition is Condition.HUNG
    assert await asyncio.gather(*users) == [200] * 6
    await tools.close()
