"""Each fault of a real vLLM against resolverd: how soon nobody is sent to it any more.

Probes have their default settings; clients ask ten times a second. What a fault looks like
without resolverd is in test_what_vllm_says.py.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from figures import Figures
from heard import complete, health, pending
from real_vllm import ENGINE, WORKER, Vllm, vllm
from steered import FAR, INTERVAL, NEAR, steering

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUT = 15.0
"""Seconds in which a server that makes no progress is out of the answers."""
BACK = 60.0
"""Seconds in which one that is mended is in them again: probes are quick meanwhile."""


@asynccontextmanager
async def _stopped(near: Vllm, part: str) -> AsyncIterator[None]:
    with near.stopped(part):
        yield


Fault = Callable[[Vllm, aiohttp.ClientSession], AbstractAsyncContextManager[None]]
MENDABLE: dict[str, Fault] = {
    "a hung engine": lambda near, _: _stopped(near, ENGINE),
    "a hung worker": lambda near, _: _stopped(near, WORKER),
    "a stopped API process": lambda near, _: _stopped(near, ""),
    "a paused scheduler": lambda near, http: near.paused(http),
    "a sleeping engine": lambda near, http: near.asleep(http),
}
CASES = [
    pytest.param(name, users, marks=(pytest.mark.quick,) if users == 0 and "hung" in name else ())
    for name in MENDABLE
    for users in (0, 2)
]
"""Each of them on an idle server, and on one with requests under way."""


@pytest.mark.parametrize(("name", "users"), CASES)
async def test_what_makes_no_progress_is_out_until_it_is_mended(
    near: Vllm,
    far: Vllm,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    figures: Figures,
    name: str,
    users: int,
) -> None:
    async with steering(tmp_path, near.url, far.url) as steered:
        await steered.settled(NEAR, 60.0)
        async with pending(http, near.url, users):
            async with MENDABLE[name](near, http):
                began = time.monotonic()
                await steered.settled(FAR, OUT + 10.0)
                if name != "a stopped API process":
                    assert await health(http, near.url) == 200
                await asyncio.sleep(2.0)
            taken = steered.last(NEAR) - began
            figures.bar(f"{name} with {users} requests: out", taken, OUT, "s")
            # Not all at once: it has the work of the meantime to do, and may send a share on.
            await steered.until(lambda round_: round_.share(NEAR) >= 0.5, BACK)


async def test_a_killed_engine_is_out(
    model: Path, far: Vllm, tmp_path: Path, figures: Figures
) -> None:
    async with vllm(model) as near, steering(tmp_path, near.url, far.url) as steered:
        await steered.settled(NEAR, 60.0)
        began = time.monotonic()
        near.send(signal.SIGKILL, ENGINE)
        await steered.settled(FAR, OUT + 10.0)
        figures.bar("a killed engine: out", steered.last(NEAR) - began, OUT, "s")


async def test_a_draining_server_is_out_within_an_interval_of_its_first_500(
    model: Path, far: Vllm, http: aiohttp.ClientSession, tmp_path: Path, figures: Figures
) -> None:
    """It goes on for half a minute with what it has, one after another."""
    options = ("--shutdown-timeout", "120", "--max-num-seqs", "1")
    async with (
        vllm(model, *options) as near,
        steering(tmp_path, near.url, far.url) as steered,
        pending(http, near.url, 4) as users,
    ):
        await steered.settled(NEAR, 60.0)
        near.send(signal.SIGTERM)
        heard = await complete(http, near.url)
        first = time.monotonic()
        assert (heard.status, await health(http, near.url)) == (500, 200)
        await steered.settled(FAR, OUT)
        assert near.running, "it must still be draining"
        figures.bar("a draining server: out", steered.last(NEAR) - first, INTERVAL, "s")
        assert {user.error for user in await asyncio.gather(*users)} == {None}
        assert len(steered.withdrawals("near")) == 1


async def test_another_model_is_never_an_answer(
    model: Path, far: Vllm, tmp_path: Path, figures: Figures
) -> None:
    """Neither where it was so from the start, nor where it takes a sound server's place."""
    watched = 4 * INTERVAL
    async with vllm(model) as near, steering(tmp_path, near.url, far.url) as steered:
        await steered.settled(NEAR, 60.0)
        await near.stop()
        await steered.settled(FAR, OUT)
        begun = time.monotonic()
        async with vllm(model, port=near.port, served_as="tiny/another-llama") as other:
            await asyncio.sleep(watched)
            wrong = [round_ for round_ in steered.since(begun) if round_.share(NEAR)]
            figures.bar("another model in a server's place: answers", len(wrong), 0, "")
            (tmp_path / "anew").mkdir()
            async with steering(tmp_path / "anew", other.url, far.url) as anew:
                await asyncio.sleep(watched)
                wrong = [round_ for round_ in anew.rounds if round_.share(NEAR)]
                figures.bar("another model from the start: answers", len(wrong), 0, "")
                assert anew.withdrawals("near")
