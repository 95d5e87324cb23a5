"""The HTTP face of one vLLM server, with a made-up model behind it.

Paths, JSON and server-sent events are those of vLLM's OpenAI-compatible server. The model
"generates" a fixed sentence that names its region, one word per token, so that whoever asks
sees which region answered.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resolverd.demo.exposition import CONTENT_TYPE, Workload, exposition

VERSION = "0.11.0"
MAX_MODEL_LEN = 131_072
TOKEN_SECONDS = 0.02
KV_CACHE_TOKENS = 100_000


class StreamOptions(BaseModel):
    """`stream_options`: whether the stream's last chunk carries the usage."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """The part of a completion request that matters here; vLLM accepts many more options."""

    model_config = ConfigDict(extra="ignore")

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    model: str = ""
    max_tokens: int = Field(16, ge=1, le=MAX_MODEL_LEN)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()


class SimulatedServer:
    """One server of `model` in `region`; `work` is what its `/metrics` tells."""

    def __init__(self, region: str, model: str) -> None:
        self.region, self.model = region, model
        self.work = Workload(started_at=time.time())

    def application(self) -> web.Application:
        """The aiohttp application."""
        made = web.Application()
        made.router.add_get("/health", self._health)
        made.router.add_get("/version", self._version)
        made.router.add_get("/v1/models", self._models)
        made.router.add_get("/metrics", self._metrics)
        made.router.add_post("/v1/completions", self._completions)
        return made

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def _metrics(self, _request: web.Request) -> web.Response:
        page = exposition(self.work, self.model)
        return web.Response(body=page.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _models(self, _request: web.Request) -> web.Response:
        created = int(time.time())
        permission = {
            "id": f"modelperm-{uuid.uuid4().hex}", "object": "model_permission",
            "created": created, "allow_create_engine": False, "allow_sampling": True,
            "allow_logprobs": True, "allow_search_indices": False, "allow_view": True,
            "allow_fine_tuning": False, "organization": "*", "group": None, "is_blocking": False,
        }  # fmt: skip
        card = {
            "id": self.model, "object": "model", "created": created, "owned_by": "vllm",
            "root": self.model, "parent": None, "max_model_len": MAX_MODEL_LEN,
            "permission": [permission],
        }  # fmt: skip
        return web.json_response({"object": "list", "data": [card]})

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        try:
            ask = CompletionRequest.model_validate_json(await request.read())
        except ValidationError as wrong:
            reason = "; ".join(
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in wrong.errors()
            )
            return _error(400, "BadRequestError", reason)
        if ask.model and ask.model != self.model:
            return _error(404, "NotFoundError", f"The model `{ask.model}` does not exist.")
        head: dict[str, Any] = {
            "id": f"cmpl-{uuid.uuid4().hex}", "object": "text_completion",
            "created": int(time.time()), "model": self.model,
        }  # fmt: skip
        if ask.stream:
            return await self._streamed(request, ask, head)
        text = "".join([word async for word in self._generate(ask)])
        return web.json_response(
            head
            | {"choices": [_choice(text, "length") | {"prompt_logprobs": None}]}
            | {"usage": _usage(ask)}
        )

    async def _streamed(
        self, request: web.Request, ask: CompletionRequest, head: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)

        async def send(event: str) -> None:
            await response.write(f"data: {event}\n\n".encode())

        left = ask.max_tokens
        async for word in self._generate(ask):
            left -= 1
            await send(json.dumps(head | {"choices": [_choice(word, None if left else "length")]}))
        if ask.stream_options.include_usage:
            await send(json.dumps(head | {"choices": [], "usage": _usage(ask)}))
        await send("[DONE]")
        return response

    async def _generate(self, ask: CompletionRequest) -> AsyncIterator[str]:
        """`max_tokens` words, counted in `work` as the engine's steps."""
        work, begun, prompt = self.work, time.monotonic(), _tokens(ask)
        work.running += 1
        work.kv_cache += prompt / KV_CACHE_TOKENS
        work.prompt_tokens += prompt
        made = 0
        try:
            sentence = itertools.cycle(f" This answer was made in {self.region}.".split(" ")[1:])
            for word in itertools.islice(sentence, ask.max_tokens):
                await asyncio.sleep(TOKEN_SECONDS)
                if not made:
                    work.first_token.observe(time.monotonic() - begun)
                work.iteration_tokens.observe(1 if made else 1 + prompt)
                work.generation_tokens += 1
                work.kv_cache += 1 / KV_CACHE_TOKENS
                made += 1
                yield f" {word}"
        finally:
            work.running -= 1
            work.finished["length" if made == ask.max_tokens else "abort"] += 1
            work.kv_cache = max(0.0, work.kv_cache - (prompt + made) / KV_CACHE_TOKENS)
            if not work.running:
                work.kv_cache = 0.0  # what rounding has left


def _tokens(ask: CompletionRequest) -> int:
    prompt = ask.prompt if isinstance(ask.prompt, str) else ask.prompt[0]
    return 1 + len(prompt.split())


def _choice(text: str, finish: str | None) -> dict[str, Any]:
    return {
        "index": 0, "text": text, "logprobs": None, "finish_reason": finish, "stop_reason": None,
    }  # fmt: skip


def _usage(ask: CompletionRequest) -> dict[str, Any]:
    prompt = _tokens(ask)
    return {
        "prompt_tokens": prompt, "total_tokens": prompt + ask.max_tokens,
        "completion_tokens": ask.max_tokens, "prompt_tokens_details": None,
    }  # fmt: skip


def _error(status: int, kind: str, message: str) -> web.Response:
    body = {"error": {"message": message, "type": kind, "param": None, "code": status}}
    return web.json_response(body, status=status)
