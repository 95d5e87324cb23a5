"""The tasks beside the answers: one that fails is logged, counted and begun again.

None of them takes the daemon along, for answers go on without it: with the last Steering, the
last files, the last shares. `restarts` says when it is begun again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from resolverd import log
from resolverd.restarts import STEADY, Restarts

Work = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """Runs each of some tasks for as long as the daemon serves."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._restarts: dict[str, Restarts] = {}
        self._vital: set[str] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._log = log.get("tasks")

    def keep(self, name: str, work: Work, *, vital: bool = False) -> None:
        """Run `work`, which never returns, and begin it again whenever it ends all the same.

        Without a `vital` one the daemon is not alive: a supervisor should restart it.
        """
        self._restarts[name] = Restarts()
        if vital:
            self._vital.add(name)
        self._running[name] = asyncio.create_task(self._keep(name, work), name=name)

    def restarts(self) -> Mapping[str, Restarts]:
        """How often each task has failed, by name; a live view."""
        return MappingProxyType(self._restarts)

    def failing(self, *, vital: bool) -> list[str]:
        """Those that keep failing and are `vital`, or are not; in words."""
        now = self._clock()
        return [
            f"the task {name} has failed {restarts.in_row} times in a row: {restarts.reason}"
            for name, restarts in self._restarts.items()
            if (name in self._vital) is vital and restarts.keeps_failing(now)
        ]

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have ended; for the end of the process."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._running.clear()

    async def _keep(self, name: str, work: Work) -> None:
        while True:
            began = self._clock()
            steady = asyncio.get_running_loop().call_later(STEADY, self._steady, name)
            defect = await _failure(work)
            steady.cancel()
            self._failed(name, began, defect)
            await asyncio.sleep(self._restarts[name].pause)

    def _failed(self, name: str, began: float, defect: BaseException | None) -> None:
        before = self._restarts[name]
        reason = "it ended" if defect is None else f"{type(defect).__name__}: {defect}"
        after = before.failed(began, self._clock(), reason)
        self._restarts[name] = after
        if after.is_news(before):
            self._log.error(
                "task.failed",
                task=name,
                reason=reason,
                failures=after.in_row,
                retry_seconds=after.pause,
                exc_info=defect,
            )

    def _steady(self, name: str) -> None:
        """Note that a task has run for `STEADY` seconds, which makes it well again."""
        known = self._restarts[name]
        if known.in_row:
            self._restarts[name] = known.recovered()
            self._log.info("task.recovered", task=name, failures=known.in_row)


async def _failure(work: Work) -> BaseException | None:
    """What ended `work`; None where it returned. Raises CancelledError only if we are cancelled."""
    try:
        await work()
    except asyncio.CancelledError as cancelled:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return cancelled  # of something that it waited for
    except Exception as defect:  # noqa: BLE001 - whatever it is, answers do not depend on it
        return defect
    return None
