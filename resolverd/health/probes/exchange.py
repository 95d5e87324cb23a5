"""One HTTP exchange with a server that is not trusted, for the kinds that make several.

Redirects are not followed, nothing is decompressed, no cookie is kept, and a body has a limit.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp

from resolverd.health.probes.tools import Tools

T = TypeVar("T")


async def on_a_live_connection(
    ask_once: Callable[[aiohttp.ClientSession], Awaitable[T]], tools: Tools
) -> T:
    """Ask on a kept connection, or where that turns out to be closed, on a new one.

    A server may close a kept connection just as it is used again: that says nothing about the
    server, so it is asked once more.
    """
    try:
        return await ask_once(tools.session)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        return await ask_once(tools.fresh_session)


async def read_up_to(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, or its first `most` octets; then the connection is closed instead of drained."""
    body = bytearray()
    while len(body) < most:
        chunk = await response.content.read(most - len(body))
        if not chunk:
            return bytes(body)
        body += chunk
    response.close()
    return bytes(body)


def parse_json(text: bytes) -> Any:
    """The JSON value in `text`, or None where there is none that can be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None


def printable(value: object, most: int = 100) -> str:
    """A server's own words as one line that may stand in a log; empty for what is no text."""
    if not isinstance(value, str):
        return ""
    line = "".join(c if c.isprintable() else " " for c in value[: most + 1])
    return line if len(line) <= most else f"{line[: most - 1]}…"
