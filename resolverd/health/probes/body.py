"""A response's body, read in parts that hold the event loop no longer than one turn of it may.

A body in chunks of one octet is a thousand times as dear to put together as one that came whole,
and what has arrived is handed out without a turn of the loop in between.
"""

from __future__ import annotations

import asyncio

import aiohttp

from resolverd.collector import thread_cpu
from resolverd.health.probes.bounds import MAX_HOLD, charge, refuse_if_over
from resolverd.health.probes.trace import current_trace

# Octets of one part.
_FIRST_STEP, _MIN_STEP, _MAX_STEP = 4096, 512, 64 * 1024


class Body:
    """Reads the body that comes as `content`; raises OverBoundError beside what aiohttp raises."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content, self._trace = content, current_trace()
        self._step, self._turn = _FIRST_STEP, 0.0

    async def read(self, limit: int) -> bytes:
        """The next octets, at most so many; none at the end."""
        if self._turn > MAX_HOLD:
            self._turn = 0.0
            await asyncio.sleep(0)
        first = await self._content.read(1)  # waits; what follows does not, and can be timed
        if not first or limit == 1:
            return first
        began = thread_cpu()
        rest = self._content.read_nowait(min(limit, self._step) - 1)
        took = thread_cpu() - began
        self._turn += took
        if took > MAX_HOLD / 2:
            self._step = max(_MIN_STEP, self._step // 2)
        elif took < MAX_HOLD / 8:
            self._step = min(_MAX_STEP, self._step * 2)
        charge(self._trace, took)
        refuse_if_over(self._trace)
        return first + rest


async def read_content(content: aiohttp.StreamReader, limit: int) -> bytes:
    """The body that comes as `content`, or its first `limit` octets."""
    body, coming = bytearray(), Body(content)
    while len(body) < limit:
        chunk = await coming.read(limit - len(body))
        if not chunk:
            break
        body += chunk
    return bytes(body)
