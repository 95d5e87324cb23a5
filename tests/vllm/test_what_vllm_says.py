"""What resolverd's judgement rests on: how each fault looks from outside, row by row.

An update of vLLM that changes one of these changes what the `vllm` probe has to believe.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest
from heard import complete, health, metrics, pending
from real_vllm import ENGINE, MODEL, QUEUE, WORKER, Vllm, vllm
from tiny_llama import MAX_MODEL_LEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROGRESS = (
    "vllm:iteration_tokens_total_count",
    "vllm:generation_tokens_total",
    "vllm:prompt_tokens_total",
)
"""Counters that stand still when the engine does."""
WATCHED = 10.0
"""Seconds for which a hung engine is watched; 401 in the long form, as long as ever measured."""
HUNG_WORKER = "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS"


@pytest.mark.quick
async def test_a_sound_server_tells_who_it_is_and_makes_progress(
    near: Vllm, http: aiohttp.ClientSession
) -> None:
    before = await metrics(http, near.url)
    heard = await complete(http, near.url)
    after = await metrics(http, near.url)
    assert (heard.status, heard.error, await health(http, near.url)) == (200, None, 200)
    assert heard.token is not None
    assert all(after[name] > before[name] for name in PROGRESS)
    assert before["process_start_time_seconds"] == after["process_start_time_seconds"] > 1.7e9
    for gauge in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc"):
        assert after[f"vllm:{gauge}"] == 0

    async with http.get(f"{near.url}/version") as got:
        version = (await got.json())["version"]
    assert heard.fingerprint is not None
    assert heard.fingerprint.startswith(f"vllm-{version}-")
    async with http.get(f"{near.url}/v1/models") as got:
        (card,) = (await got.json())["data"]
    assert (card["id"], card["max_model_len"]) == (MODEL, MAX_MODEL_LEN)
    assert card["root"].endswith("/tiny")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("part", "watched"),
    [
        pytest.param(ENGINE, WATCHED, id="engine"),
        pytest.param(WORKER, WATCHED, id="worker"),
        pytest.param(ENGINE, 401.0, id="engine-401", marks=pytest.mark.long),
        pytest.param(WORKER, 290.0, id="worker-290", marks=pytest.mark.long),
    ],
)
async def test_a_hung_engine_or_worker_looks_healthy_and_idle(
    near: Vllm, http: aiohttp.ClientSession, part: str, watched: float
) -> None:
    with near.stopped(part):
        before = await metrics(http, near.url)
        async with pending(http, near.url, 1) as (user,):
            began = time.monotonic()
            while time.monotonic() < began + watched:
                assert await health(http, near.url) == 200
                heard = await complete(http, near.url, within=1.0)
                assert (heard.status, heard.token, heard.error) == (200, None, None)
                assert heard.headers is not None
                assert heard.headers < 0.5
                after = await metrics(http, near.url)
                assert after["vllm:num_requests_running"] == 0
                assert after["vllm:num_requests_waiting"] == 0
                assert {name: after[name] for name in PROGRESS} == {
                    name: before[name] for name in PROGRESS
                }
            assert not user.done()
    assert (await complete(http, near.url, within=30.0)).token is not None


@pytest.mark.parametrize("worker_timeout", [10, pytest.param(300, marks=pytest.mark.long)])
async def test_a_hung_worker_is_an_error_after_a_timeout_of_its_own(
    model: Path, http: aiohttp.ClientSession, worker_timeout: int
) -> None:
    """Five minutes, unless an environment variable says otherwise."""
    less = {} if worker_timeout == 300 else {HUNG_WORKER: str(worker_timeout)}
    async with vllm(model, environment=less) as server:
        with server.stopped(WORKER):
            began = time.monotonic()
            heard = await complete(http, server.url, within=worker_timeout + 60.0)
            assert (heard.status, heard.token, heard.error) == (200, None, 500)
            assert time.monotonic() - began > worker_timeout - 1.0
            assert await _refused_or_503(server, http)
            assert await server.ended(within=60.0) == 0


async def test_a_killed_engine_is_told_at_once_and_the_server_ends(
    model: Path, http: aiohttp.ClientSession
) -> None:
    """With status 0: a service manager that restarts failures alone would leave it down."""
    async with vllm(model) as server:
        server.send(signal.SIGKILL, ENGINE)
        assert await _refused_or_503(server, http)
        assert await server.ended(within=60.0) == 0


@pytest.mark.quick
async def test_a_paused_server_looks_healthy_and_does_not_answer(
    near: Vllm, http: aiohttp.ClientSession
) -> None:
    async with near.paused(http):
        assert await health(http, near.url) == 200
        heard = await complete(http, near.url)
        assert (heard.status, heard.token, heard.error) == (200, None, None)
        assert (await metrics(http, near.url))["vllm:num_requests_running"] == 0
    assert (await complete(http, near.url)).token is not None


@pytest.mark.quick
async def test_a_sleeping_server_looks_healthy_and_only_a_metric_tells(
    near: Vllm, http: aiohttp.ClientSession
) -> None:
    async with near.asleep(http):
        assert await health(http, near.url) == 200
        heard = await complete(http, near.url)
        assert (heard.status, heard.token, heard.error) == (200, None, None)
        async with http.get(f"{near.url}/metrics") as got:
            rows = [row for row in (await got.text()).splitlines() if "engine_sleep_state{" in row]
        assert {row.split('sleep_state="')[1] for row in rows} == {
            'awake"} 0.0',
            'weights_offloaded"} 1.0',
            'discard_all"} 0.0',
        }
    assert (await complete(http, near.url)).token is not None


@pytest.mark.quick
async def test_a_stopped_api_process_takes_connections_and_says_nothing(
    near: Vllm, http: aiohttp.ClientSession
) -> None:
    with near.stopped():
        assert (await complete(http, near.url)).status is None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await health(http, near.url)
    assert (await complete(http, near.url)).token is not None


async def test_a_draining_server_is_healthy_and_turns_every_new_request_away(
    model: Path, http: aiohttp.ClientSession
) -> None:
    async with vllm(model, "--shutdown-timeout", "60") as server:
        async with pending(http, server.url, 1) as (user,):
            await _running(server, http, 1)
            server.send(signal.SIGTERM)
            for _ in range(5):
                heard = await complete(http, server.url)
                assert (heard.status, heard.token, heard.error) == (500, None, 500)
                assert await health(http, server.url) == 200
                assert await metrics(http, server.url)
            assert server.running
            assert (await user).error is None
        assert await server.ended(within=60.0) == 0


@pytest.mark.quick
async def test_a_full_queue_is_503_with_good_health(
    near: Vllm, http: aiohttp.ClientSession
) -> None:
    before = await metrics(http, near.url)
    async with pending(http, near.url, QUEUE):
        await _running(near, http, 2)
        for streamed in (True, False):
            heard = await complete(http, near.url, stream=streamed)
            assert (heard.status, heard.token, heard.error) == (503, None, 503)
        assert await health(http, near.url) == 200
        # The engine tells its queue with each step, so the page may be of one before.
        for _ in range(200):
            after = await metrics(http, near.url)
            if after["vllm:num_requests_waiting"] == QUEUE - 2:
                break
            await asyncio.sleep(0.1)
    assert after["vllm:num_requests_waiting"] == QUEUE - 2
    assert after["vllm:admission_rejections_total"] - before["vllm:admission_rejections_total"] == 2


@pytest.mark.quick
async def test_another_model_is_404(near: Vllm, http: aiohttp.ClientSession) -> None:
    heard = await complete(http, near.url, model="tiny/another-llama")
    assert (heard.status, heard.token, heard.error) == (404, None, 404)


async def _refused_or_503(server: Vllm, http: aiohttp.ClientSession) -> bool:
    """Whether health says 503, or the port is closed already, within a second."""
    for _ in range(20):
        try:
            if await health(http, server.url) == 503:
                return True
        except aiohttp.ClientConnectionError:
            return True
        await asyncio.sleep(0.05)
    return False


async def _running(server: Vllm, http: aiohttp.ClientSession, count: int) -> None:
    """Wait until the engine runs `count` requests."""
    async with asyncio.timeout(30.0):
        while True:
            if (await metrics(http, server.url))["vllm:num_requests_running"] >= count:
                return
            await asyncio.sleep(0.05)
