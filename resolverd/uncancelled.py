"""Work that goes on where whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, TypeVar

from resolverd.errors import ResolverdError

T = TypeVar("T")


async def to_its_end(task: asyncio.Task[T]) -> T:
    """What comes of `task`; whoever is cancelled leaves it to its end.

    Nobody hears then of a failure that is expected (ResolverdError, OSError); any other is a
    defect, which the event loop reports.
    """
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.add_done_callback(_looked_at)
        raise
    return task.result()


def _looked_at(task: asyncio.Task[Any]) -> None:
    with contextlib.suppress(asyncio.CancelledError, ResolverdError, OSError):
        task.result()
