"""The canary: a completion of one token, which only a working engine can answer.

It is streamed, so that the first token is seen when it comes. Success is that token: the first
JSON of the stream that has choices and no error. Headers prove nothing, nor does a status: a hung
engine's API server sends 200 within milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from resolverd.health.probes.exchange import parse_json, printable, read_up_to

# Octets of the stream before its first token; vLLM's first event has some 300.
_MOST_READ = 64 * 1024
# Seconds in which the rest of the stream may end by itself, so that the connection can be kept.
_ENDING = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a canary.

    `status` is the response's, None where none came in time. `ttft` is the time to the first token
    in seconds, None where none came. `error` is the code of an error in the stream, 0 where it has
    none that is a number. `fingerprint` is what the token's event says of the server's set-up.
    `detail` is what the server itself says is wrong. `late` tells that time ran out.
    """

    status: int | None = None
    ttft: float | None = None
    error: int | None = None
    fingerprint: str = ""
    detail: str = ""
    late: bool = False


def request_body(model: str, prompt: str) -> bytes:
    """The completion that is asked for."""
    return json.dumps(
        {"model": model, "prompt": prompt, "max_tokens": 1, "temperature": 0, "stream": True}
    ).encode()


def cost(prompt: str) -> int:
    """The most tokens that a canary takes.

    A tokenizer makes no more of a prompt than it has octets; one may mark its beginning, and one
    is generated.
    """
    return len(prompt.encode()) + 2


async def send(
    session: aiohttp.ClientSession, url: URL, body: bytes, request: Mapping[str, Any], until: float
) -> Answer:
    """Send a canary and wait for its token until the loop's clock reads `until`.

    Raises what aiohttp does where the connection fails.
    """
    began = time.monotonic()
    status = None
    try:
        async with (
            asyncio.timeout_at(until),
            session.post(url, data=body, **request) as response,
        ):
            status = response.status
            if status != 200:
                return Answer(status, detail=_detail(await read_up_to(response, _MOST_READ)))
            event = await _first_event(response)
            answer = _answer(event, time.monotonic() - began)
            await _let_end(response)
            return answer
    except TimeoutError:
        return Answer(status, late=True)


async def _first_event(response: aiohttp.ClientResponse) -> dict[str, Any] | None:
    """The first JSON in the stream that says anything; None where the stream ends without.

    Comments keep a connection alive (vLLM's --sse-keep-alive-interval), and `[DONE]` ends it.
    """
    pending, seen = b"", 0
    while seen < _MOST_READ:
        chunk = await response.content.read(_MOST_READ - seen)
        if not chunk:
            return None
        seen += len(chunk)
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            event = parse_json(line[5:]) if line.startswith(b"data:") else None
            if isinstance(event, dict) and (_has_token(event) or event.get("error")):
                return event
    return None


def _has_token(event: dict[str, Any]) -> bool:
    choices = event.get("choices")
    return isinstance(choices, list) and len(choices) > 0


async def _let_end(response: aiohttp.ClientResponse) -> None:
    """Read what is left of a stream that is about to end, or close its connection."""
    try:
        async with asyncio.timeout(_ENDING):
            await read_up_to(response, _MOST_READ)
    except (TimeoutError, aiohttp.ClientError):
        response.close()  # what was asked is answered; how the stream ends says nothing more


def _answer(event: dict[str, Any] | None, elapsed: float) -> Answer:
    if event is None:
        return Answer(200, detail="the stream ended without a token")
    error = event.get("error")
    if error:
        code = error.get("code") if isinstance(error, dict) else None
        return Answer(200, error=code if isinstance(code, int) else 0, detail=_message(error))
    return Answer(200, ttft=elapsed, fingerprint=printable(event.get("system_fingerprint")))


def _detail(body: bytes) -> str:
    """What an error response says: ``{"error": {"message": …}}`` or ``{"error": …}``."""
    told = parse_json(body)
    return _message(told.get("error")) if isinstance(told, dict) else ""


def _message(error: object) -> str:
    return printable(error.get("message") if isinstance(error, dict) else error)
