"""A server or gateway of OpenAI's API whose paths answer what a test says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

COMPLETION = (
    b'data: {"choices":[{"index":0,"text":"a","finish_reason":null}]}\n\n'
    b'data: {"choices":[{"index":0,"text":"b","finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
)
CHAT = (
    b'data: {"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
)
RESPONSE = (
    b"event: response.created\n"
    b'data: {"type":"response.created","response":{"error":null}}\n\n'
    b"event: response.output_text.delta\n"
    b'data: {"type":"response.output_text.delta","delta":"a"}\n\n'
    b"event: response.incomplete\n"
    b'data: {"type":"response.incomplete","response":{"error":null}}\n\n'
)
EMBEDDING = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-0.2]}]}'
WHOLE = {
    "/v1/completions": COMPLETION,
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSE,
    "/v1/embeddings": EMBEDDING,
    "/pooling": b'{"object":"list","data":[{"object":"pooling","data":[[0.1],[0.2]]}]}',
}


@dataclass
class OpenAIServer:
    """`has` answers by path: octets, a status, a (status, octets), or ``"hangs"``: headers and then
    nothing; what is not in it is 404. `page` is the load page, None where there is none.
    """

    has: dict[str, Any] = field(default_factory=lambda: {"/v1/completions": COMPLETION})
    models: list[dict[str, Any]] | None = field(default_factory=lambda: [{"id": "m"}])
    page: bytes | None = None
    page_path: str = "/metrics"
    health: int = 200
    asked: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_route("*", "/{path:.*}", self._answer)
        return made

    @property
    def canaries(self) -> list[str]:
        return [path for path in self.asked if path in WHOLE]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path == "/health":
            return web.Response(status=self.health)
        if request.path == self.page_path and self.page is not None:
            return web.Response(body=self.page)
        if request.path == "/v1/models" and self.models is not None:
            return web.json_response({"object": "list", "data": self.models})
        if request.path in WHOLE:
            self.bodies.append(json.loads(await request.read()))
        answer = self.has.get(request.path, 404)
        if answer == "hangs":
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await asyncio.Event().wait()
        if isinstance(answer, int):
            return web.json_response({"detail": "Not Found"}, status=answer)
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], body=answer[1])
        return web.Response(body=answer, content_type="text/event-stream")
