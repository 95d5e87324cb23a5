"""A sound server is never withdrawn: not at its limit, not while it turns users away, not idle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from figures import Figures
from heard import complete, crowd, metrics
from real_vllm import QUEUE, Vllm
from steered import FAR, NEAR, Steered, steering

pytestmark = pytest.mark.asyncio(loop_scope="session")

BUDGET = 20_000.0
"""Tokens that the canaries of one endpoint may take in an hour, by default."""
SHORT_AND_LONG = [
    pytest.param(60.0, id="1-minute"),
    pytest.param(600.0, id="10-minutes", marks=pytest.mark.long),
]


@pytest.mark.parametrize("seconds", SHORT_AND_LONG)
async def test_a_saturated_server_spills_and_is_not_withdrawn(
    near: Vllm,
    far: Vllm,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    figures: Figures,
    seconds: float,
) -> None:
    """Twenty users of two slots: a new request waits for a minute, and so does any canary."""
    async with steering(tmp_path, near.url, far.url) as steered:
        await steered.settled(NEAR, 60.0)
        async with crowd(http, near.url, 20):
            await asyncio.sleep(seconds)
            heard = await complete(http, near.url, within=2.0)
            assert (heard.status, heard.token) == (200, None), "it must be saturated"
            assert (await metrics(http, near.url))["vllm:num_requests_waiting"] >= 5
        _keeps(steered, figures, f"saturated for {seconds:.0f} s")
        assert steered.spills("near") == 1
        assert steered.last(FAR) > 0, "some of the clients must be sent on"


async def test_a_full_queue_spills_and_is_not_withdrawn(
    near: Vllm, far: Vllm, http: aiohttp.ClientSession, tmp_path: Path, figures: Figures
) -> None:
    async with steering(tmp_path, near.url, far.url) as steered:
        await steered.settled(NEAR, 60.0)
        before = await metrics(http, near.url)
        async with crowd(http, near.url, QUEUE + 10):
            await asyncio.sleep(30.0)
        after = await metrics(http, near.url)
        rejections = "vllm:admission_rejections_total"
        assert after[rejections] > before[rejections] + 20, "it must turn requests away"
        _keeps(steered, figures, "turning requests away for 30 s")


@pytest.mark.parametrize("seconds", SHORT_AND_LONG)
async def test_an_idle_server_is_left_alone_for_few_tokens(
    near: Vllm,
    far: Vllm,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    figures: Figures,
    seconds: float,
) -> None:
    async with steering(tmp_path, near.url, far.url) as steered:
        await steered.settled(NEAR, 60.0)
        before = await _tokens(near, http)
        await asyncio.sleep(seconds)
        used = await _tokens(near, http) - before
        seen = [(each["region"], each["after"], each["reason"]) for each in steered.transitions()]
        assert not seen, f"{seen}; this host stood still for {steered.stall():.1f} s"
        figures.bar(f"idle for {seconds:.0f} s: transitions", len(seen), 0, "")
        figures.bar("canaries of an idle server", used * 3600.0 / seconds, BUDGET, "tokens/hour")
        assert used > 0, "nothing else proves that it works"
        assert all(round_.share(NEAR) == 1.0 for round_ in steered.rounds)


def _keeps(steered: Steered, figures: Figures, what: str) -> None:
    figures.bar(f"{what}: withdrawals", len(steered.withdrawals("near")), 0, "")
    figures.bar(f"{what}: spill episodes", steered.spills("near"), 1, "")


async def _tokens(server: Vllm, http: aiohttp.ClientSession) -> float:
    seen = await metrics(http, server.url)
    return seen["vllm:prompt_tokens_total"] + seen["vllm:generation_tokens_total"]
