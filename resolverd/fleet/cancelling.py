"""Ending tasks that wait within nats-py, which may lose that they were cancelled.

It waits with `asyncio.wait_for`, and that of Python 3.11 returns a result that comes in the same
turn as the cancellation (CPython issue 81839): the task then goes on for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

# Seconds until a task that goes on is cancelled again.
_AGAIN = 0.1


def end_if_cancelled() -> None:
    """Raise CancelledError where this task was cancelled, though nobody has raised it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def end(tasks: Collection[asyncio.Task[Any]]) -> list[BaseException]:
    """Cancel all tasks until they have ended; what they raised, but for the cancellations."""
    while going_on := [task for task in tasks if not task.done()]:
        for task in going_on:
            task.cancel()
        await asyncio.wait(going_on, timeout=_AGAIN)
    raised = [None if task.cancelled() else task.exception() for task in tasks]
    return [error for error in raised if error is not None]
