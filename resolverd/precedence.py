"""Whose work goes first on a core that several threads want: nice values of Python's threads.

Once queries are answered by threads of the native library, all of Python's threads stand behind
those: the event loop and what it waits for by `LOOP`, and work that takes seconds of CPU, such as
compiling a Plan, by `BACKGROUND`. Nice values are raised only, which anybody may. The library's
threads lower their own where that is allowed, and rest while the event loop is late, so that none
of this keeps probes or verdicts waiting (`native/src/io/loop_watch.rs`).
"""

from __future__ import annotations

import contextlib
import os
import threading

LOOP = 10
"""Added to the nice value: a ninth of the weight that what answers is given, a 265th of what it
takes where it may. More would make a loaded host late with verdicts. With less, a query whose
worker has just slept waits for the loop's turn to end: the kernel lets a woken thread go first
only once it is owed time, and then looks again only at its tick."""
BACKGROUND = 19
"""The same of work in the background: a seventh of the loop's weight, 1.5 % of what answers has.
With less it takes turns before answers."""
BEFOREHAND = 5
"""The same of work that a start will wait for, but not yet: a third of the weight of what it is at.
With more, a host without CPU would keep it waiting for that once all else is done."""
_MOST = 19


class _Standing:
    """The nice values of this process: none before anything is answered."""

    background: int | None = None


def stand_back() -> None:
    """Have Python's threads, and so those that they will start, stand behind others of the process.

    Threads that have been started by others than Python's keep what they have. Once is enough: a
    process whose engine is begun again stands where it stood.
    """
    if _Standing.background is not None:
        return
    given = _nice(0)
    _Standing.background = min(_MOST, given + BACKGROUND)
    for thread in threading.enumerate():
        if thread.native_id is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended since
                _raise(thread.native_id, min(_MOST, given + LOOP))


def work_in_background() -> None:
    """Have the calling thread stand behind all others, from now on; nothing before `stand_back`."""
    if _Standing.background is not None:
        _raise(0, _Standing.background)


def work_beforehand() -> None:
    """Have the calling thread, and those that it starts, stand behind what a start is at now."""
    _raise(0, min(_MOST, _nice(0) + BEFOREHAND))


def _raise(thread: int, nice: int) -> None:
    """By the thread's number in the kernel, 0 for the calling one."""
    with contextlib.suppress(PermissionError):  # a filter forbids it: answers take a little longer
        os.setpriority(os.PRIO_PROCESS, thread, max(nice, _nice(thread)))


def _nice(thread: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)
