"""The openai probe against llama.cpp's own server: $LLAMA_SERVER names the program.

Run by name: `LLAMA_SERVER=…/llama-server python -m pytest tests/servers`. Tried with b11434.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from harness.programs import free_port
from harness.readings import load_by
from tiny_gguf import write_gguf

from resolverd.config.probe_layers import complete_probe
from resolverd.health.addresses import AddressBook
from resolverd.health.kinds.kind import kind_named
from resolverd.health.machine import EndpointHealth, observe
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes import Tools, run
from resolverd.health.verdict import State

PROGRAM = os.environ.get("LLAMA_SERVER", "")
SECONDS_TO_READY = 60.0
# By the tokenizer of the tests a word has six and a half.
LONG_PROMPT = " ".join(f"w{7 * number % 253}" for number in range(2440))

pytestmark = pytest.mark.skipif(not PROGRAM, reason="$LLAMA_SERVER names no llama-server")


@asynccontextmanager
async def llama_server(
    model: Path, *options: str
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A server that is ready, its URL and its process."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "-m", str(model), "--host", "127.0.0.1", "--port", str(port), "-c", "32768",
        "-t", "2", "-a", "m", *options,
        env={**os.environ, "LD_LIBRARY_PATH": str(Path(PROGRAM).parent)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(SECONDS_TO_READY), aiohttp.ClientSession() as http:
            while not await _is_ready(http, url):
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield url, process
    finally:
        process.kill()
        await process.wait()


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/health") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


class Watch:
    """Probes once a second, as after a failure, and keeps the state that follows."""

    def __init__(self, url: str, tools: Tools, **settings: object) -> None:
        self.settings = complete_probe({"kind": "openai", "model": "m"} | settings)
        self._ask = kind_named("openai").prepare(url, self.settings, tools)
        self.health = EndpointHealth()
        self.seen: list[Outcome] = []

    async def look(self) -> Outcome:
        outcome = await run(self._ask, self.settings.timeout)
        self.health = observe(self.health, outcome, self.settings, time.monotonic())
        self.seen.append(outcome)
        return outcome

    async def until(self, state: State, within: float) -> float:
        """Seconds until the state is this one. Raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(within), asyncio.TaskGroup() as group:
            while self.health.state is not state:
                group.create_task(self.look())
                await asyncio.sleep(self.settings.fast_interval)
        return time.monotonic() - began


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    made = Tools(AddressBook([]))
    yield made
    await made.close()


@pytest.mark.parametrize("api", ["completions", "chat", "responses"])
@pytest.mark.parametrize("options", [("--metrics",), ()], ids=["metrics", "slots"])
async def test_it_answers_whole_and_tells_its_load(
    tmp_path: Path, tools: Tools, api: str, options: tuple[str, ...]
) -> None:
    write_gguf(tmp_path / "tiny.gguf", 64, 1)
    async with llama_server(tmp_path / "tiny.gguf", *options) as (url, _):
        seen = await Watch(url, tools, canary=api, timeout=10.0).look()
    assert (seen.ok, seen.condition) == (True, Condition.NONE)
    assert seen.reason.endswith(f"({api})")
    assert load_by(seen).running == 0


async def test_one_that_only_embeds_is_found_to_do_so(tmp_path: Path, tools: Tools) -> None:
    write_gguf(tmp_path / "tiny.gguf", 64, 1)
    options = ("--embeddings", "--pooling", "mean")
    async with llama_server(tmp_path / "tiny.gguf", *options) as (url, _):
        watch = Watch(url, tools, timeout=10.0, canary="embeddings")
        assert (await watch.look()).reason.endswith("(embeddings)")


async def test_a_long_prompt_is_work_and_a_stopped_server_goes_down(
    tmp_path: Path, tools: Tools
) -> None:
    write_gguf(tmp_path / "slow.gguf", 512, 6)
    body = {"model": "m", "prompt": LONG_PROMPT, "max_tokens": 1, "stream": True}
    async with (
        llama_server(tmp_path / "slow.gguf", "--metrics", "-b", "512") as (url, process),
        aiohttp.ClientSession() as http,
    ):
        watch = Watch(url, tools)
        await watch.until(State.UP, within=30.0)  # the first tokens of a cold model are slow
        reading = asyncio.create_task(http.post(f"{url}/v1/completions", json=body))
        for _ in range(15):
            await watch.look()
            assert watch.health.state is not State.DOWN
        assert any(outcome.condition is Condition.BUSY for outcome in watch.seen)
        process.send_signal(signal.SIGSTOP)
        try:
            assert await watch.until(State.DOWN, within=20.0) < 15.0
        finally:
            process.send_signal(signal.SIGCONT)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
