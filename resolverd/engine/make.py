"""The engine of a choice, over sockets that are bound; of the others nothing is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from resolverd.config.types import Listener
from resolverd.engine.choice import Choice
from resolverd.engine.interface import Engine, RunLoop
from resolverd.engine.sockets import BoundSockets
from resolverd.engine.tcp import TcpLimits


def make_engine(
    choice: Choice,
    bound: Sequence[Listener],
    sockets: Sequence[BoundSockets],
    limits: TcpLimits,
    run: RunLoop,
) -> Engine:
    """The chosen engine, not started; `sockets` has one set for each worker.

    `run` runs the event loop of a worker process.
    """
    if choice.engine == "native":
        from resolverd.engine.native import NativeEngine

        return NativeEngine(bound, sockets, limits)
    if choice.workers == 1:
        from resolverd.engine.reference import ReferenceEngine

        return ReferenceEngine(bound, sockets[0], limits)
    from resolverd.engine.pool import WorkerPool

    return WorkerPool(bound, sockets, limits, run=run)
