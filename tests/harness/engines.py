"""The engines that a test tries; the native one is skipped, loudly, only where it was not built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest

from resolverd.abi.library import why_not
from resolverd.config.model import Server
from resolverd.config.types import Listener
from resolverd.engine.choice import Choice, choose
from resolverd.engine.interface import Engine
from resolverd.engine.make import make_engine
from resolverd.engine.sockets import bind
from resolverd.engine.tcp import TcpLimits
from resolverd.loop import run_loop
from resolverd.snapshot.model import Snapshot

EngineName = Literal["native", "reference"]

needs_native = pytest.mark.skipif(
    why_not() is not None, reason=f"the native engine is not tried: {why_not()}"
)
ENGINES = ["reference", pytest.param("native", marks=needs_native)]
BY_DEFAULT = choose(Server(coordinates=(0, 0)), why_not())
"""What `server.engine` and `server.workers` lead to here when nothing is said of them."""
MAP_BY_DEFAULT = "compiled" if BY_DEFAULT.engine == "native" else "lazy"
LIMITS = TcpLimits(idle=10, lifetime=60, connections=100, per_client=100)


@asynccontextmanager
async def serving(
    snapshot: Snapshot,
    engine: EngineName = "native",
    *,
    workers: int = 1,
    listeners: tuple[Listener, ...] = (Listener("127.0.0.1", 0),),
    limits: TcpLimits = LIMITS,
) -> AsyncIterator[Engine]:
    """An engine that answers from `snapshot`; stopped at the end."""
    bound, sockets = bind(listeners, workers)
    made = make_engine(Choice(engine, workers, ""), bound, sockets, limits, run_loop)
    await made.start(snapshot)
    try:
        yield made
    finally:
        await made.stop()
