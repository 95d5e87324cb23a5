"""`asyncio.timeout` for what waits for others: time in which this host was late does not count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from weakref import WeakKeyDictionary

from resolverd.patience.lateness import Lateness
from resolverd.patience.steps import Patience

# Of each loop, what all that wait in it have seen.
_latenesses: WeakKeyDictionary[asyncio.AbstractEventLoop, Lateness] = WeakKeyDictionary()


class PatientTimeout:
    """To be entered once, as `asyncio.timeout_at(until)` is, and raising as that does.

    `until` is a time of the running loop; `late(seconds)` hears of each time that is given again.
    """

    def __init__(self, until: float, late: Callable[[float], None] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._patience = Patience(now, until - now, _lateness_of(self._loop))
        self._timeout = asyncio.timeout(None)
        self._told = late
        self._handle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> PatientTimeout:
        await self._timeout.__aenter__()
        self._arm()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    def expired(self) -> bool:
        """Whether the time is up."""
        return self._timeout.expired()

    def extend(self, until: float) -> None:
        """Have time until then, if that is later."""
        self._patience.extend(until)

    def _arm(self) -> None:
        self._handle = self._loop.call_at(self._patience.due, self._look)

    def _look(self) -> None:
        known = self._patience.late
        goes_on = self._patience.goes_on(self._loop.time())
        if self._told is not None and self._patience.late > known:
            self._told(self._patience.late - known)
        if goes_on:
            self._arm()
        else:
            self._timeout.reschedule(self._loop.time())


def _lateness_of(loop: asyncio.AbstractEventLoop) -> Lateness:
    """That of all that wait in `loop`."""
    if (known := _latenesses.get(loop)) is None:
        known = _latenesses[loop] = Lateness()
    return known
