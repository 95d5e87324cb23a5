"""Run one probe: start the clock, bound it, and put what happened into a few words.

Whatever an endpoint does, a probe ends within its timeout with an `Outcome`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

from resolverd.errors import ResolverdError
from resolverd.health.outcome import Outcome
from resolverd.health.probes.reasons import reason_of

Ask = Callable[[], Awaitable[str]]


class ProbeFailedError(ResolverdError):
    """The endpoint answered, and the answer is not that of one that serves."""


async def run(ask: Ask, within: float) -> Outcome:
    """Ask once, for at most `within` seconds. Never raises for what an endpoint does."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(within):
            reason, ok = await ask(), True
    except ProbeFailedError as wrong:
        reason, ok = str(wrong), False
    except TimeoutError:
        reason, ok = f"timed out after {within:g} s", False
    except (aiohttp.ClientError, OSError, ValueError) as wrong:
        # ValueError: a header or name that cannot be sent as written.
        reason, ok = reason_of(wrong), False
    return Outcome(ok, reason, time.monotonic() - began)
