"""Which engine serves, with how many workers, and why."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from resolverd.config.model import EngineName, Server
from resolverd.errors import EngineError

Wanted = EngineName
Served = Literal["native", "reference"]
COST = "an answer costs it 3 to 10 times the CPU"
"""What the reference engine costs beside the native one: docs/performance.md, CPU per answer of a
static name and of one with client subnet."""


class Choice(NamedTuple):
    """An engine, its number of workers, and in words why it is this one."""

    engine: Served
    workers: int
    why: str
    fallback: bool = False
    """Whether it is the reference engine in place of a native one that could not be had."""


def choose(server: Server, why_not: str | None) -> Choice:
    """The engine that `server` wants.

    `why_not` is the reason that the native one cannot be used, None where it can be. Raises
    EngineError, with what to do, when that one is wanted all the same.
    """
    engine = would_serve(server.engine, why_not)
    if engine is None:
        raise EngineError(
            f'server.engine is "native", but the native engine cannot be used: {why_not}; see '
            '`resolverd doctor --only engine`, or say engine = "auto", which takes the reference '
            "engine meanwhile"
        )
    if server.engine != "auto":
        why = f'server.engine is "{server.engine}"'
    else:
        why = f"the native one cannot be used ({COST}): {why_not}" if why_not else "it was built"
    fallback = server.engine == "auto" and why_not is not None
    return Choice(engine, worker_count(server.workers, engine), why, fallback)


def would_serve(wanted: Wanted, why_not: str | None) -> Served | None:
    """The engine that a start would take; None where what is wanted is not to be had."""
    if wanted == "native":
        return None if why_not else "native"
    return "native" if wanted == "auto" and not why_not else "reference"


def worker_count(workers: int, engine: Served) -> int:
    """`workers`, or for 0 what suits the engine: a thread for each core, or one process."""
    if workers:
        return workers
    return len(os.sched_getaffinity(0)) if engine == "native" else 1
