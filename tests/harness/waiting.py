"""Waiting for what a test asserts: it is looked at again and again, and not waited for forever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_INTERVAL = 0.01  # seconds


def wait_until(condition: Callable[[], bool], what: str = "it", *, within: float) -> None:
    """Wait for `condition` to hold; AssertionError, naming `what`, after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(_INTERVAL)


async def until_holds(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, within: float
) -> None:
    """The same in an event loop; TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            met = condition()
            if (await met) if isinstance(met, Awaitable) else met:
                return
            await asyncio.sleep(_INTERVAL)
