"""What a client hears from a vLLM: a streamed completion, its health, its metrics."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from real_vllm import MODEL
from tiny_llama import MAX_MODEL_LEN

LONG = MAX_MODEL_LEN - 100
"""Tokens of a completion that takes a while: ten seconds or more."""


@dataclass
class Heard:
    """One streamed completion. Times in seconds from its start; None is what never came.

    `error` is the code of an error in the body or in the stream, whatever the status says.
    """

    status: int | None = None
    headers: float | None = None
    token: float | None = None
    error: int | None = None
    fingerprint: str | None = None


async def complete(
    http: aiohttp.ClientSession, url: str, within: float = 3.0, **options: Any
) -> Heard:
    """Ask for one token (or what `options` say), and listen for at most `within` seconds."""
    heard, began = Heard(), time.monotonic()
    body = {"model": MODEL, "prompt": "w7", "max_tokens": 1, "stream": True} | options
    with contextlib.suppress(TimeoutError):  # what has not come stays None
        async with asyncio.timeout(within), http.post(f"{url}/v1/completions", json=body) as got:
            heard.status, heard.headers = got.status, time.monotonic() - began
            async for line in got.content:
                chunk = line.strip().removeprefix(b"data: ")
                if chunk and chunk != b"[DONE]":
                    _take(json.loads(chunk), heard, time.monotonic() - began)
    return heard


def _take(chunk: dict[str, Any], heard: Heard, at: float) -> None:
    if "error" in chunk:
        error = chunk["error"]
        heard.error = int(error["code"]) if isinstance(error, dict) else heard.status
    elif heard.token is None and chunk["choices"]:
        heard.token, heard.fingerprint = at, chunk.get("system_fingerprint")


async def health(http: aiohttp.ClientSession, url: str) -> int:
    """The status of /health."""
    async with http.get(f"{url}/health") as got:
        return got.status


async def metrics(http: aiohttp.ClientSession, url: str) -> dict[str, float]:
    """Every sample of /metrics by name, those of one name added up."""
    async with http.get(f"{url}/metrics") as got:
        assert got.status == 200
        page = await got.text()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


@asynccontextmanager
async def pending(
    http: aiohttp.ClientSession, url: str, count: int, **options: Any
) -> AsyncIterator[list[asyncio.Task[Heard]]]:
    """`count` long completions under way together, abandoned at the end.

    A server that dies meanwhile is no error here; anything else is.
    """
    long = {"max_tokens": LONG, "ignore_eos": True} | options
    tasks = [asyncio.create_task(complete(http, url, 3600.0, **long)) for _ in range(count)]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, aiohttp.ClientError):
                raise ended


@asynccontextmanager
async def crowd(http: aiohttp.ClientSession, url: str, users: int) -> AsyncIterator[None]:
    """`users` who each ask for one long completion after another, until the end."""

    async def use() -> None:
        while True:
            heard = await complete(http, url, 3600.0, max_tokens=LONG, ignore_eos=True)
            if heard.error is not None:
                await asyncio.sleep(1.0)  # as clients retry

    tasks = [asyncio.create_task(use()) for _ in range(users)]
    try:
        yield
    finally:
        over = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not over, over[0].exception()
