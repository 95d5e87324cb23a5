"""What a cancelled caller leaves to its end: what comes of it, and who hears of a failure."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from resolverd.errors import EngineError
from resolverd.uncancelled import to_its_end


@pytest.mark.parametrize(
    ("failure", "reported"),
    [
        (None, []),
        (EngineError("a worker process is gone"), []),
        (OSError("the disk is gone"), []),
        (KeyError("a defect"), ["KeyError"]),
    ],
    ids=["none", "known", "of the system", "defect"],
)
async def test_a_failure_that_nobody_waits_for_is_reported_where_it_is_a_defect(
    failure: Exception | None, reported: list[str]
) -> None:
    """As of a check of liveness that took too long: a traceback of it would be a false alarm."""
    go_on, ended, seen = asyncio.Event(), list[str](), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))

    async def work() -> None:
        await go_on.wait()
        ended.append("it")
        if failure is not None:
            raise failure

    task = asyncio.create_task(work())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await to_its_end(task)
    go_on.set()
    await asyncio.wait([task])
    del task
    await asyncio.sleep(0)
    gc.collect()
    assert ended == ["it"]
    assert [type(context["exception"]).__name__ for context in seen] == reported


async def test_what_it_returns_and_raises_is_its_callers() -> None:
    async def works() -> int:
        return 1

    async def fails() -> None:
        raise EngineError("it is gone")

    assert await to_its_end(asyncio.create_task(works())) == 1
    with pytest.raises(EngineError, match="gone"):
        await to_its_end(asyncio.create_task(fails()))
