"""A simulated region speaks vLLM's formats, and is a process that never outlives its parent."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from resolverd.demo.region_processes import (
    EndpointSpec,
    RegionProcess,
    RegionProcessError,
    RegionProcesses,
)

MODEL = "meta-llama/Llama-3.1-70B-Instruct"
SAMPLE = re.compile(r'([a-z_:]+)(?:\{((?:[a-z_]+="[^"]*",?)*)\})? (\S+)')


@pytest.fixture
async def region() -> AsyncIterator[RegionProcess]:
    async with RegionProcesses([EndpointSpec("us-east", 0, 0, MODEL)]) as regions:
        yield regions.processes[0]


@pytest.fixture
async def http(region: RegionProcess) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(region.url) as session:
        yield session


async def complete(http: aiohttp.ClientSession, **options: Any) -> aiohttp.ClientResponse:
    body = {"model": MODEL, "prompt": "where are you", "max_tokens": 4} | options
    return await http.post("/v1/completions", json=body)


async def metrics(http: aiohttp.ClientSession) -> dict[str, float]:
    """Every sample by name; of a histogram's buckets, the last."""
    async with http.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        samples = [row for row in (await response.text()).splitlines() if row[0] != "#"]
    matched = [SAMPLE.fullmatch(row) for row in samples]
    return {found[1]: float(found[3]) for found in matched if found is not None}


async def test_health_version_and_models_are_as_vllm_gives_them(
    http: aiohttp.ClientSession,
) -> None:
    async with http.get("/health") as response:
        assert (response.status, await response.read()) == (200, b"")
    async with http.get("/version") as response:
        assert set(await response.json()) == {"version"}
    async with http.get("/v1/models") as response:
        listed = await response.json()
    assert listed["object"] == "list"
    assert [(card["id"], card["owned_by"]) for card in listed["data"]] == [(MODEL, "vllm")]


async def test_metrics_count_what_was_generated(http: aiohttp.ClientSession) -> None:
    before = await metrics(http)
    async with await complete(http):
        after = await metrics(http)
    assert before["process_start_time_seconds"] == after["process_start_time_seconds"] > 1.7e9
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    assert grown["http_requests_total"] == 1
    assert grown["vllm:generation_tokens_total"] == 4
    assert grown["vllm:prompt_tokens_total"] == 4
    assert grown["vllm:iteration_tokens_total_count"] == 4
    assert grown["vllm:time_to_first_token_seconds_count"] == 1
    for gauge in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc"):
        assert after[f"vllm:{gauge}"] == 0


async def test_a_completion_names_its_region_and_its_usage(http: aiohttp.ClientSession) -> None:
    async with await complete(http, max_tokens=6) as response:
        completion = await response.json()
    assert completion["object"] == "text_completion"
    assert completion["choices"][0]["text"] == " This answer was made in us-east."
    assert completion["choices"][0]["finish_reason"] == "length"
    assert completion["usage"]["completion_tokens"] == 6


async def test_a_stream_is_chunks_then_usage_then_done(http: aiohttp.ClientSession) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    async with await complete(http, **options) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        events = (await response.text()).split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert "".join(choice["text"] for choice in choices) == " This answer was made"
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, "length"]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 4)


@pytest.mark.parametrize(
    ("options", "status", "kind"),
    [
        ({"model": "gpt-5"}, 404, "NotFoundError"),
        ({"prompt": 7}, 400, "Bad Request"),
        ({"max_tokens": 0}, 400, "Bad Request"),
    ],
)
async def test_a_bad_request_gets_an_openai_error(
    http: aiohttp.ClientSession, options: dict[str, Any], status: int, kind: str
) -> None:
    async with await complete(http, **options) as response:
        error = (await response.json())["error"]
        assert (response.status, error["type"], error["code"]) == (status, kind, status)


async def test_a_killed_region_returns_on_its_port(region: RegionProcess) -> None:
    port, pid = region.port, region.pid
    await region.kill()
    await region.start()
    assert region.port == port
    assert region.pid != pid


async def test_a_taken_port_is_reported_and_leaves_no_process(
    region: RegionProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RegionProcessError, match="us-west ended with status 3"):
        async with RegionProcesses([EndpointSpec("us-west", 0, region.port, MODEL)]):
            pass
    assert "cannot listen" in capfd.readouterr().err


PARENT = f"""
import asyncio
from resolverd.demo.region_processes import RegionProcesses, EndpointSpec

async def main():
    async with RegionProcesses([EndpointSpec("us-east", 0, 0, "{MODEL}")] * 2) as regions:
        print(*(process.pid for process in regions.processes), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_regions_die_with_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pids = [int(word) for word in (await parent.stdout.readline()).split()]
    assert len(pids) == 2
    watched = [os.pidfd_open(pid) for pid in pids]
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    for fd in watched:
        await _ended(fd)


async def _ended(pidfd: int) -> None:
    """A pidfd is readable once its process has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(20):
            await ended.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
