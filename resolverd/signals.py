"""SIGTERM, SIGINT and SIGHUP, obeyed from the first moment of the process on.

    nothing follows yet    SIGTERM, SIGINT end the process with status 0; SIGHUP is remembered
    a loop follows         each calls what `follow` was given, in the loop
    the loop has ended     nothing: the process is about to end by itself

`take` is called before anything else is imported, so nothing here imports more than it needs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from resolverd.ignored_signals import ignore_early

if TYPE_CHECKING:
    import asyncio

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """What this process does about signals. Taken by a main thread only (signal(2))."""

    def __init__(self) -> None:
        self._taken = False
        self._hung_up = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None]
        self._reload: Callable[[], None]

    def take(self) -> None:
        """Install the handlers; from now on SIGTERM and SIGINT end the process."""
        self._taken = True
        ignore_early()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hang_up)

    @contextmanager
    def obeyed(self) -> Iterator[None]:
        """Have the handlers installed within this context, and the earlier ones put back after."""
        if self._taken:
            yield
            return
        before = {number: signal.getsignal(number) for number in _NUMBERS}
        self.take()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._taken, self._loop = False, None

    def follow(
        self, loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reload: Callable[[], None]
    ) -> None:
        """Call these in `loop` from now on; `reload` at once where SIGHUP has come already."""
        self._stop, self._reload, self._loop = stop, reload, loop
        if self._hung_up:
            self._hung_up = False
            reload()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._loop is None:
            # There is nothing to tidy up yet, and an exception would surface in the middle of an
            # import, or be swallowed by a finalizer.
            os._exit(0)
        self._call(self._stop)

    def _on_hang_up(self, _number: int, _frame: FrameType | None) -> None:
        if self._loop is None:
            self._hung_up = True
        else:
            self._call(self._reload)

    def _call(self, what: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)


PROCESS = Signals()
"""Those of this process."""
