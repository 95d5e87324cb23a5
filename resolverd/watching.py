"""A reload after every edit that touches a file read, unless what it says is served already."""

from __future__ import annotations

import asyncio

from resolverd.adoption import Adoption
from resolverd.edits import edits


async def keep_watching(adoption: Adoption) -> None:
    """Watch the files of what is served, whichever they are by now; never returns."""
    tried = (await adoption.settled()).seen
    while True:
        inputs = await adoption.settled()
        async for _ in edits(inputs.read_directories(), inputs.patterns()):
            serving = await adoption.settled()  # a reload under way may adopt this very edit
            found = await asyncio.to_thread(serving.on_disk)
            served = found == serving.seen and adoption.reloads.successful
            if found != tried and not served:
                tried = found
                await adoption.reload()
            if await adoption.settled() is not inputs:
                break
