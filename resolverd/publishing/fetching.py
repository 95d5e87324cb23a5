"""A set as it comes from the fleet: for a start within its time, else while it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from resolverd.fleet.cancelling import end
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.store import Store
from resolverd.publishing.model import Generation

TURN = 0.5
"""Seconds between two looks at clocks and counters; what is heard is looked at at once."""

START_TIMEOUT = 60.0
"""Seconds that a start waits for a set where it has none."""


async def fetched(
    store: Store, generation: Generation, within: float | None, turn: Callable[[], Awaitable[bool]]
) -> bytes:
    """The archive of `generation`, within so many seconds, or while each `turn` says that it may.

    Raises FleetUnavailable.
    """
    coming = asyncio.create_task(store.get_object(generation.digest, generation.octets))
    try:
        if within is not None:
            await asyncio.wait({coming}, timeout=max(0.0, within))
            if not coming.done():
                raise FleetUnavailable(f"generation {generation.number} takes longer to come")
        while not (await asyncio.wait({coming}, timeout=TURN))[0]:
            if not await turn():
                raise FleetUnavailable("it was ended before it had come")
    finally:
        await end([coming])
    return coming.result()
