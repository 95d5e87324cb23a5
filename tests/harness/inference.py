"""A server with vLLM's paths whose every fault a test can set; what it says is vLLM 0.32's."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = "tiny/random-llama"
ROOT = "/models/tiny"
FINGERPRINT = "vllm-0.32.0-7d089230"


@dataclass
class Inference:
    """One server. `works` is whether its engine does: if not, completions never get a token.

    `completion` is what a new request gets: a status, ``"token"``, ``"hangs"`` (200 and headers,
    then nothing), ``"stalls"`` (a token, then nothing), ``"breaks"`` (a token, then an error),
    ``"silence"``, ``"ends"`` (a stream without a token), or an `sse` error code. `least_tokens` is
    the fewest that it lets a client ask for.
    `delay` is the time to the first token in seconds, `more` lines that the page has besides.
    `others` is how many tokens other clients get between two readings of the metrics.
    """

    completion: str | int = "token"
    sse: int | None = None
    health: int = 200
    model: str = MODEL
    root: str = ROOT
    max_model_len: int = 4096
    version: str | None = "0.32.0"
    fingerprint: str | None = FINGERPRINT
    metrics: bool = True
    tells_responses: bool = True
    frozen: bytes | None = None
    models_status: int = 200
    least_tokens: int = 1
    token: str = ""
    delay: float = 0.0
    more: str = ""
    others: int = 0
    errors: int = 0
    started: float = 1.7e9
    generated: int = 0
    rejections: int = 0
    responses: dict[str, int] = field(default_factory=lambda: {"2xx": 1})
    asked: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_get("/health", self._health)
        made.router.add_get("/version", self._version)
        made.router.add_get("/v1/models", self._models)
        made.router.add_get("/metrics", self._metrics)
        made.router.add_post("/v1/completions", self._completions)
        made.on_response_prepare.append(self._note)
        return made

    @property
    def canaries(self) -> int:
        return self.asked.count("/v1/completions")

    def page(self) -> bytes:
        """The metrics of now."""
        labels = f'{{engine="0",model_name="{self.model}"}}'
        lines = [
            "# HELP vllm:num_requests_running Number of requests in model execution batches.",
            "# TYPE vllm:num_requests_running gauge",
            f"vllm:num_requests_running{labels} {3 if self.others else 0}.0",
            f"vllm:num_requests_waiting{labels} {1 if self.others else 0}.0",
            'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 77.0',
            f"vllm:kv_cache_usage_perc{labels} 0.25",
            f"vllm:prompt_tokens_total{labels} {self.generated}.0",
            f"vllm:generation_tokens_total{labels} {self.generated}.0",
            f"vllm:iteration_tokens_total_count{labels} {self.generated}.0",
            f'vllm:admission_rejections_total{{reason="max_num_queued_reqs"}} {self.rejections}.0',
            f'vllm:time_to_first_token_seconds_bucket{{engine="0",le="0.1"}} {self.generated}.0',
            f'vllm:time_to_first_token_seconds_bucket{{engine="0",le="+Inf"}} {self.generated}.0',
            f"process_start_time_seconds {self.started}",
            *(
                f'http_requests_total{{handler="/v1/completions",method="POST",status="{s}"}} {n}.0'
                for s, n in (self.responses.items() if self.tells_responses else ())
            ),
        ]
        return "\n".join([*lines, self.more]).encode()

    async def _note(self, request: web.Request, _response: web.StreamResponse) -> None:
        self.asked.append(request.path)
        self.headers.append(dict(request.headers))

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(status=self.health)

    async def _version(self, _request: web.Request) -> web.Response:
        if self.version is None:
            return web.Response(status=404)
        return web.json_response({"version": self.version})

    async def _models(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return web.json_response({"error": "Unauthorized"}, status=401)
        if self.models_status != 200:
            return web.Response(status=self.models_status)
        card = {"id": self.model, "root": self.root, "max_model_len": self.max_model_len}
        return web.json_response({"object": "list", "data": [card]})

    async def _metrics(self, _request: web.Request) -> web.Response:
        if not self.metrics:
            return web.Response(status=404)
        self.generated += self.others
        self.responses["5xx"] = self.responses.get("5xx", 0) + self.errors
        return web.Response(body=self.frozen or self.page())

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        if not self._allowed(request):
            return web.json_response({"error": "Unauthorized"}, status=401)
        if (asked := self.bodies[-1]["max_tokens"]) < self.least_tokens:
            error = {"message": f"max_tokens must be at least {self.least_tokens}", "code": 400}
            return web.json_response({"error": error}, status=400)
        if self.completion == "silence":
            await asyncio.Event().wait()
        if isinstance(self.completion, int):
            error = {"message": f"no: {request.headers.get('Authorization', '')}", "code": 1}
            return web.json_response({"error": error}, status=self.completion)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(self.delay)
        if self.completion == "hangs":
            await asyncio.Event().wait()
        await response.write(b": keep-alive\n\n")
        if self.sse is not None:
            error = {"message": "the engine says no", "type": "Error", "code": self.sse}
            await response.write(f"data: {json.dumps({'error': error})}\n\n".encode())
        elif self.completion in ("token", "stalls", "breaks"):
            for number in range(1, asked + 1):
                self.generated += 1
                finish = "length" if number == asked else None
                chunk = {"choices": [{"index": 0, "text": "", "finish_reason": finish}]}
                if self.fingerprint is not None:
                    chunk["system_fingerprint"] = self.fingerprint  # type: ignore[assignment]
                await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
                if self.completion == "stalls":
                    await asyncio.Event().wait()
                if self.completion == "breaks":
                    error = {"message": "the engine died", "code": 500}
                    await response.write(f"data: {json.dumps({'error': error})}\n\n".encode())
                    break
        await response.write(b"data: [DONE]\n\n")
        return response

    def _allowed(self, request: web.Request) -> bool:
        return not self.token or request.headers.get("Authorization") == f"Bearer {self.token}"
