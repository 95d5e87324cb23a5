"""The canary: a request for two tokens, which only a working engine answers whole.

It is streamed, so that the first token is seen when it comes. Success is the whole answer
(`answer`): a token, and then the end. Headers prove nothing, nor does a status: a hung engine's
API server sends 200 within milliseconds. Nor does a first token: an engine that stalls after it
serves nobody.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Generator, Mapping
from typing import Any

import aiohttp
from yarl import URL

from resolverd.health.canary_cost import TOKENS, cost
from resolverd.health.probes.answer import MAX_STREAM, Answer, AnswerReader
from resolverd.health.probes.body import Body
from resolverd.health.probes.bounds import in_charged_turns
from resolverd.health.probes.error_body import find_error, message_of
from resolverd.health.probes.exchange import read_up_to
from resolverd.health.probes.reasons import reason_of
from resolverd.health.untrusted_json import parse_json
from resolverd.patience.timeout import PatientTimeout

__all__ = ["TOKENS", "Answer", "cost", "request_body", "send", "wants_more"]

# Seconds in which a connection may end after the answer, so that it can be kept.
_ENDING = 0.1
# Octets of the body that are asked for at once, and that are read in one step.
_AT_ONCE, _STEP = 16 * 1024, 2 * 1024
# What a gateway answers for a backend that says nothing for as long as the gateway waits.
_GATEWAY_TIMEOUT = 504
# Statuses of a request that is not one the server takes, perhaps for its few tokens.
_REFUSED = frozenset({400, 422})
# An error body that says so in place of the status that it comes with.
_FULL = frozenset({429, 503, 529})


def request_body(model: str, prompt: str, tokens: int = TOKENS) -> bytes:
    """The completion that is asked for."""
    return json.dumps(
        {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True}
    ).encode()


def wants_more(answer: Answer) -> bool:
    """Whether the server may answer a request for more tokens: some models need room to begin."""
    return answer.status in _REFUSED


async def send(
    session: aiohttp.ClientSession,
    url: URL,
    body: bytes,
    request: Mapping[str, Any],
    until: float,
    until_after_headers: float | None = None,
) -> Answer:
    """Send a canary and wait for its whole answer until the loop's clock reads `until`.

    Once there are headers of status 200 it is waited for until `until_after_headers`, if given.

    Raises what aiohttp does where the connection fails before there is a status.
    """
    began = time.monotonic()
    status, reader = None, AnswerReader()
    try:
        async with (
            PatientTimeout(until) as deadline,
            session.post(url, data=body, **request) as response,
        ):
            status = response.status
            if status != 200:
                return _refusal(status, await read_up_to(response, MAX_STREAM))
            if until_after_headers is not None and not deadline.expired():
                deadline.extend(until_after_headers)
            await _read(response, reader, began)
            return reader.answer()
    except TimeoutError:
        return reader.answer(late=True) if status == 200 else Answer(status, late=True)
    except (aiohttp.ClientError, OSError) as error:
        if status is None:
            raise
        return reader.cut_off(reason_of(error)) if status == 200 else Answer(status)


async def _read(response: aiohttp.ClientResponse, reader: AnswerReader, began: float) -> None:
    """Feed the body to `reader` until it has the whole answer, then let the body end by itself."""
    body = Body(response.content)
    while chunk := await body.read(_AT_ONCE):
        if await in_charged_turns(_feed(reader, chunk, time.monotonic() - began)):
            await _let_end(response)
            return
    reader.end(time.monotonic() - began)


def _feed(reader: AnswerReader, chunk: bytes, elapsed: float) -> Generator[None, None, bool]:
    """Whether there is nothing more to read; some octets in each step."""
    for at in range(0, len(chunk), _STEP):
        if reader.feed(chunk[at : at + _STEP], elapsed):
            return True
        yield
    return False


async def _let_end(response: aiohttp.ClientResponse) -> None:
    """Read what is left of a stream that is about to end, or close its connection."""
    try:
        async with asyncio.timeout(_ENDING):
            await read_up_to(response, MAX_STREAM)
    except (TimeoutError, aiohttp.ClientError):
        response.close()  # what was asked is answered; how the stream ends says nothing more


def _refusal(status: int, body: bytes) -> Answer:
    """What a status other than 200 tells, with the words of its body."""
    value = parse_json(body)
    error = find_error(value, event="error") if status >= 400 else None
    full = error is not None and error.code in _FULL and status not in _FULL
    return Answer(
        status,
        error=error.code if error and full else None,
        detail=message_of(value),
        late=status == _GATEWAY_TIMEOUT,
    )
