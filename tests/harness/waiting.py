"""Waiting for what a test asserts: it is looked at again and again, and not waited for forever."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

# Seconds between two looks, at first and after a while: most looks of `wait_until` cost processes
# some milliseconds of CPU, and at a hundred a second they would be what is waited for.
_INTERVAL, _LONGEST, _GROWTH = 0.01, 0.05, 1.1


def wait_until(
    condition: Callable[[], object],
    what: str = "it",
    *,
    within: float,
    raising: tuple[type[Exception], ...] = (),
) -> float:
    """Wait for `condition` to hold; the seconds that took.

    One that raises one of `raising` does not hold. AssertionError, naming `what`, after `within`
    seconds.
    """
    begun, interval = time.monotonic(), _INTERVAL
    while True:
        with contextlib.suppress(*raising):
            if condition():
                return time.monotonic() - begun
        assert time.monotonic() < begun + within, f"not within {within:g} s: {what}"
        time.sleep(interval)
        interval = min(_LONGEST, _GROWTH * interval)


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
