"""The HTTP face of one vLLM server, with a made-up engine behind it.

Paths, JSON, server-sent events, errors and what is counted are those of vLLM 0.32's
OpenAI-compatible server; so is what shows of each `Fault`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Annotated, Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resolverd.demo.engine import EXECUTE_SECONDS, Engine, EngineDeadError
from resolverd.demo.exposition import CONTENT_TYPE, exposition
from resolverd.demo.faults import Fault

# The version of vLLM whose faults were measured, and whose formats these are.
VERSION = "0.32.0"
MAX_MODEL_LEN = 16_384
# What is served where another model stands than should.
OTHER_MODEL = "Qwen/Qwen2.5-7B-Instruct"

_FULL = (
    "The engine is currently busy and cannot accept new requests. "
    "Please try again later or on a different instance."
)
# What a server that is told to stop says: its tokenizer is the first to go.
_STOPPING = "cannot schedule new futures after shutdown"
# Those that vLLM leaves out of http_requests_total.
_NOT_COUNTED = {"/metrics", "/health", "/version"}


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
    """One server of `model` in `region`, of vLLM's `version`; `fault` is what is wrong with it.

    `on_fault`, where it is set, is called after each change of the fault. With an `api_key`, all
    of `/v1` wants it as bearer token.
    """

    def __init__(
        self,
        region: str,
        model: str,
        *,
        version: str = VERSION,
        api_key: str = "",
        execute_seconds: float = EXECUTE_SECONDS,
    ) -> None:
        self.region, self.version = region, version
        self.fault: Fault | None = None
        self.on_fault: Callable[[], None] | None = None
        self._model, self._api_key = model, api_key
        self._engine = Engine(region, lambda: self.set_fault(Fault.DEAD), execute_seconds)
        # Streams under way, by the identity of their requests, which cannot be hashed.
        self._begun: set[int] = set()
        self._goes_on = asyncio.Event()
        self._goes_on.set()

    @property
    def model(self) -> str:
        """The id of the model that is served now."""
        return OTHER_MODEL if self.fault is Fault.WRONG_MODEL else self._model

    @property
    def fingerprint(self) -> str:
        """`system_fingerprint`: the version, how it is parallel, and a hash of its settings."""
        return f"vllm-{self.version}-tp2-{hashlib.sha256(self.model.encode()).hexdigest()[:8]}"

    def set_fault(self, fault: Fault | None) -> None:
        """Let `fault` be what is wrong from now on.

        A process that was ending, or one that serves another model, is followed by a new one.
        """
        before, self.fault = self.fault, fault
        gone = before in (Fault.DEAD, Fault.DRAINING) and fault is not Fault.DEAD
        if gone or (before is not fault and Fault.WRONG_MODEL in (before, fault)):
            self._engine.restart()
        self._engine.set_fault(fault)
        if fault is Fault.SILENT:
            self._goes_on.clear()
        else:
            self._goes_on.set()
        if self.on_fault is not None:
            self.on_fault()

    def restart(self, version: str) -> None:
        """Begin anew as another version of vLLM, with nothing wrong."""
        self.version = version
        self.set_fault(None)
        self._engine.restart()

    def application(self) -> web.Application:
        """The aiohttp application; each one serves once."""
        made = web.Application(middlewares=[self._standing_still, self._counted, self._authorized])
        made.router.add_get("/health", self._health)
        made.router.add_get("/version", self._version)
        made.router.add_get("/v1/models", self._models)
        made.router.add_get("/metrics", self._metrics)
        made.router.add_post("/v1/completions", self._completions)
        return made

    @web.middleware
    async def _standing_still(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await self._goes_on.wait()
        return await handler(request)

    @web.middleware
    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """As instrumented in vLLM: a stream that was begun is a 200, whatever becomes of it."""
        status = 500
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            if id(request) in self._begun:
                self._begun.discard(id(request))
                status = 200
            if request.path not in _NOT_COUNTED:
                resource = request.match_info.route.resource
                path = "none" if resource is None else resource.canonical
                self._engine.work.respond(path, request.method, status)

    @web.middleware
    async def _authorized(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        known = not self._api_key or (
            request.headers.get("Authorization") == f"Bearer {self._api_key}"
        )
        if request.path.startswith("/v1") and (self.fault is Fault.UNAUTHORIZED or not known):
            return web.json_response({"error": "Unauthorized"}, status=401)
        return await handler(request)

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(status=503 if self.fault is Fault.DEAD else 200)

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": self.version})

    async def _metrics(self, _request: web.Request) -> web.Response:
        self._engine.catch_up()
        page = exposition(self._engine.work, self.model)
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
        except ValidationError as invalid:
            reason = "; ".join(
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors()
            )
            return _refused(400, "Bad Request", reason)
        refused = self._refusal(ask)
        if refused is not None:
            return refused
        head: dict[str, Any] = {
            "id": f"cmpl-{uuid.uuid4().hex}", "object": "text_completion",
            "created": int(time.time()), "model": self.model,
        }  # fmt: skip
        if ask.stream:
            return await self._streamed(request, ask, head)
        try:
            words = [word async for word in self._engine.generate(_tokens(ask), ask.max_tokens)]
        except EngineDeadError as dead:
            return _refused(500, "InternalServerError", str(dead))
        return web.json_response(
            head
            | {"choices": [_choice("".join(words), "length") | {"prompt_logprobs": None}]}
            | {"usage": _usage(ask), "system_fingerprint": self.fingerprint}
        )

    def _refusal(self, ask: CompletionRequest) -> web.Response | None:
        """What is answered before anything is generated, if that is an error."""
        match self.fault:
            case Fault.DRAINING:
                return _refused(500, "InternalServerError", _STOPPING)
            case Fault.DEAD:
                return _refused(500, "InternalServerError", str(EngineDeadError()))
            case Fault.SHEDDING:
                self._engine.work.rejected += 1
                return _refused(503, "Service Unavailable", _FULL)
        if ask.model and ask.model != self.model:
            unknown = f"The model `{ask.model}` does not exist. Valid aliases: {self.model}."
            return _refused(404, "NotFoundError", unknown, "model")
        return None

    async def _streamed(
        self, request: web.Request, ask: CompletionRequest, head: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        self._begun.add(id(request))

        async def send(event: str) -> None:
            await response.write(f"data: {event}\n\n".encode())

        try:
            try:
                await self._send_words(ask, head, send)
            except EngineDeadError as dead:
                await send(json.dumps(_error(500, "InternalServerError", str(dead))))
            await send("[DONE]")
        except ConnectionResetError:
            return response  # the client has gone, which is its own affair
        return response

    async def _send_words(self, ask: CompletionRequest, head: dict[str, Any], send: Any) -> None:
        if self.fault is Fault.SHEDDING_LATE:
            self._engine.work.rejected += 1
            await send(json.dumps(_error(503, "Service Unavailable", _FULL)))
            return
        left, usage = ask.max_tokens, ask.stream_options.include_usage
        async for word in self._engine.generate(_tokens(ask), ask.max_tokens):
            left -= 1
            chunk = head | {"choices": [_choice(word, None if left else "length")]}
            if not left and not usage:
                chunk["system_fingerprint"] = self.fingerprint
            await send(json.dumps(chunk))
        if usage:
            last = {"choices": [], "usage": _usage(ask), "system_fingerprint": self.fingerprint}
            await send(json.dumps(head | last))


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


def _refused(status: int, kind: str, message: str, param: str | None = None) -> web.Response:
    return web.json_response(_error(status, kind, message, param), status=status)


def _error(code: int, kind: str, message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
