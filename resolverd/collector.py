"""Python's garbage collector, which walks all objects that there are once many were made.

For a zone of 100,000 names or thousands of endpoints a full collection is 0.2 to 0.4 s in which no
thread of Python's runs, again and again, and it finds next to nothing: zones and Plans hold no
cycles. So it is held back while a load makes them (`paused`), and what is served is *frozen*: left
out of collections, and freed as ever once nobody holds it (`Freezer`).

A collection falls to whoever makes one object too many, so who is charged for the CPU time that he
takes reads a clock that it does not move (`thread_cpu`).
"""

from __future__ import annotations

import gc
import math
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_FULL = 2
_MUCH = 50_000
"""Objects from which on what was made is frozen at once: some tens of milliseconds to walk."""
_EVERY = 3000
"""Objects after which the youngest are looked at while something is served, by default 700, should
so many be made between two collections of `Freezer.keep`."""
_NEVER = 1_000_000_000
"""Collections of the less young after which all are looked at: of those `keep` makes many."""
_TURN = 0.0005
"""Seconds of CPU that a collection of the young should take: shorter ones would be many."""
_SOONEST, _LATEST = 0.02, 1.0
"""Seconds between two of them."""
_LOOK = 10.0
"""Seconds between two looks at how much there is: one takes a millisecond of some 200 MiB."""
_GROWTH = 1.25
"""As many times the memory blocks of before there are once all are looked at, for garbage too old
for other collections. With less what comes and goes by itself would be taken for some."""
_LET_GO = 2.0
"""Seconds after a change in which whoever made it lets go of what was before: what is frozen sooner
stays for as long as that takes to be looked for again."""
_THAW_INTERVAL = 3600.0
"""The least time (s) between two collections that walk what was frozen."""


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing meanwhile, and freeze what was made if it is much."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if gc.get_count()[0] > _MUCH:
                gc.freeze()
            gc.enable()


class _Collections(threading.local):
    """Seconds of CPU of this thread in full collections, and when the one under way began."""

    seconds = began = 0.0


_collections = _Collections()


def _note(phase: str, info: Mapping[str, Any]) -> None:
    if info["generation"] != _FULL:
        return
    if phase == "start":
        _collections.began = time.thread_time()
    else:
        _collections.seconds += time.thread_time() - _collections.began


gc.callbacks.append(_note)


def thread_cpu() -> float:
    """Seconds of CPU that this thread has taken, but for full collections of garbage."""
    return time.thread_time() - _collections.seconds


def next_pause(pause: float, took: float) -> float:
    """Seconds until the young are collected again, where they took so many after such a pause."""
    wanted = pause * _TURN / max(took, _TURN / 2)
    return min(_LATEST, max(_SOONEST, pause / 2, wanted))


class Freezer:
    """Freezes what a full collection leaves, after each change of what is served.

    Once started it has the collector look at the young as `keep` says, and at all by `keep` alone.
    """

    def __init__(self) -> None:
        self._waits = False
        self._since = -math.inf
        self._threshold = gc.get_threshold()
        self._thawed = 0.0

    def start(self) -> None:
        """Freeze from now on, beginning with what the next full collection leaves."""
        self._waits, self._thawed = True, time.monotonic()
        self._threshold = gc.get_threshold()
        gc.set_threshold(_EVERY, self._threshold[1], _NEVER)
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Leave all to the collector again."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
            gc.set_threshold(*self._threshold)
        gc.unfreeze()

    async def keep(self) -> None:
        """Collect now and then, and the young so often that it is soon done; never returns.

        By itself the collector does so once thousands of objects more are there than before, and by
        then walks all that were made instead of others since: with thousands of endpoints 5 ms each
        half second, and 30 each five.
        """
        import asyncio  # not before: a daemon begins with its databases before it has a loop

        pause, looked_at, blocks = _LATEST, -math.inf, 0
        while True:
            await asyncio.sleep(pause)
            if not gc.isenabled():
                continue  # somebody makes much, which is not to be walked meanwhile
            began = time.thread_time()
            gc.collect(1)
            pause = next_pause(pause, time.thread_time() - began)
            due = self._waits and time.monotonic() - self._since >= _LET_GO
            if not due and time.monotonic() - looked_at < _LOOK:
                continue
            looked_at, now = time.monotonic(), sys.getallocatedblocks()
            if due or now > blocks * _GROWTH:
                gc.collect()
                blocks = sys.getallocatedblocks()
            blocks = min(blocks, now)

    def changed(self, now: float) -> None:
        """What is served has changed at `now` (s, monotonic).

        What was made for it is frozen by the next full collection. Cycles among what was served
        before are looked for once in a while only, however often files are edited.
        """
        if self._collected not in gc.callbacks:
            return
        self._waits, self._since = True, now
        if now - self._thawed >= _THAW_INTERVAL:
            self._thawed = now
            gc.unfreeze()

    def _collected(self, phase: str, info: Mapping[str, Any]) -> None:
        if phase == "stop" and info["generation"] == _FULL and self._waits:
            self._waits = False
            gc.freeze()


FREEZER = Freezer()
"""The process's own: whoever serves starts it."""
