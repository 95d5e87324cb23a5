"""Threads of the process that a test has hang."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager


@asynccontextmanager
async def shared_threads_hanging() -> AsyncIterator[None]:
    """Meanwhile `asyncio.to_thread` begins nothing: as while writes to a disk hang.

    The loop has one such thread alone for the rest of its life.
    """
    loop, answers = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    hanging = loop.run_in_executor(None, answers.wait)
    try:
        yield
    finally:
        answers.set()
        await hanging
