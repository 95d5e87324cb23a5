"""A vLLM server that answers as each step of a script says, and what it is asked with."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, cast

from harness.inference import MODEL

from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.probes.plain_client import PlainClient

SETTINGS = cast(
    VllmProbe,
    complete_probe({"kind": "vllm", "model": MODEL, "timeout": 20.0, "interval": 60}),
)


class Step(NamedTuple):
    """What the server is like while it is looked at once."""

    grown: int = 5  # tokens since the step before; the whole counter where it is below zero
    started: str = "1.7e9"
    errors: int = 0
    rejections: int = 0
    waiting: str = "0.0"
    model: str = MODEL
    framing: str = "length"
    status: int = 200
    body: str = "page"
    listed: str = MODEL
    completion: str = "token"


class Scripted:
    """A server that answers as its `step` says, and remembers what it was asked.

    What its step leaves unsaid (`hangs`, `begun`) it says once it is `released`.
    """

    def __init__(self) -> None:
        self.step, self.asked = Step(), list[str]()
        self.released = asyncio.Event()
        self.generated = self.errors = self.rejections = 0

    def begin(self, step: Step) -> None:
        self.step = step
        self.generated = self.generated + step.grown if step.grown >= 0 else -step.grown
        self.errors += step.errors
        self.rejections += step.rejections

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split(b" ")[1].decode()
            self.asked.append(path)
            if path == "/metrics":
                await self._metrics(writer)
            else:
                writer.write(self._other(path))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def page(self) -> bytes:
        step, labels = self.step, f'{{engine="0",model_name="{self.step.model}"}}'
        lines = [
            f"vllm:num_requests_running{labels} 1.0",
            f"vllm:num_requests_waiting{labels} {step.waiting}",
            f"vllm:kv_cache_usage_perc{labels} 0.25",
            f"vllm:prompt_tokens_total{labels} {self.generated}.0",
            f"vllm:generation_tokens_total{labels} {self.generated}.0",
            f'vllm:admission_rejections_total{{reason="full"}} {self.rejections}.0',
            f'vllm:time_to_first_token_seconds_bucket{{le="0.1"}} {self.generated}',
            f'vllm:time_to_first_token_seconds_bucket{{le="+Inf"}} {self.generated}',
            f"process_start_time_seconds {step.started}",
            'http_requests_total{handler="/v1/completions",status="2xx"} 7.0',
            f'http_requests_total{{handler="/v1/completions",status="5xx"}} {self.errors}.0',
        ]
        bodies = {
            "html": b"<html>",
            "empty": b"",
            "long": b"# filler\n" * 40_000 + "\n".join(lines).encode() + b"\n",
            "twice": "\n".join([*lines, *lines, ""]).encode(),
        }
        return bodies.get(step.body, "\n".join([*lines, ""]).encode())

    async def _metrics(self, writer: asyncio.StreamWriter) -> None:
        step, body = self.step, self.page()
        head = b"HTTP/1.1 %d X\r\n" % step.status
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        match step.framing:
            case "chunked":
                chunk = b"%x\r\n" % len(body) + body + b"\r\n" if body else b""
                writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n")
            case "chunks":
                chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in _halves(body) if part]
                writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks))
                writer.write(b"0\r\n\r\n")
            case "short":
                writer.write(head + b"Content-Length: %d\r\n\r\n" % (len(body) // 2) + body)
            case "more":
                writer.write(head + length + body + b"HTTP/1.1 500 X\r\n\r\n")
            case "apart":
                for part in (*_halves(head + length), *_halves(body)):
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
            case "end":
                writer.write(head + b"\r\n" + body)
            case "parts":
                whole = head + length + body
                for at in range(0, len(whole), 7 + len(whole) // 20):
                    writer.write(whole[at : at + 7 + len(whole) // 20])
                    await writer.drain()
                    await asyncio.sleep(0)
            case "cut":
                writer.write((head + length + body)[: -1 - len(body) // 2])
            case "hangs":
                await self.released.wait()
            case "begun":
                writer.write(head + length + body[:-9])
                await self.released.wait()
            case "reset":
                writer.transport.abort()
            case "length":
                writer.write(head + length + body)

    def _other(self, path: str) -> bytes:
        if path == "/v1/models":
            return _response(200, b'{"data":[{"id":"%s"}]}' % self.step.listed.encode())
        if path == "/version":
            return _response(200, b'{"version":"0.32.0"}')
        if path == "/health":
            return _response(200, b"")
        if self.step.completion.isdigit():
            return _response(int(self.step.completion), b'{"error":{"message":"no such luck"}}')
        if self.step.completion == "error":
            return _response(200, b'data: {"error":{"message":"no","code":500}}\n\n')
        return _response(200, b'data: {"choices":[{"text":"a"}]}\n\ndata: [DONE]\n\n')


def _halves(octets: bytes) -> tuple[bytes, bytes]:
    return octets[: len(octets) // 2], octets[len(octets) // 2 :]


def _response(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def ask_in_python(client: PlainClient | None) -> None:
    """As where there is no native library."""
    if client is not None and client.pages is not None:
        client.pages.close()
        client.pages = None
