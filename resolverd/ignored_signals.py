"""Signals that nobody means for a daemon, and whose default would end it: ignored, and logged.

SIGTERM, SIGINT and SIGHUP have a meaning. So have those that a defect raises (SIGSEGV and its
like), SIGQUIT and SIGABRT, which ask for a core, and SIGXCPU, a limit that somebody has set. Python
ignores SIGPIPE and SIGXFSZ: each is only an error of a write. All others of signal(7) whose default
action is to terminate are here, real-time ones included.
"""

from __future__ import annotations

import contextlib
import signal

_NAMED = (
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGIO,
    signal.SIGPWR,
    signal.SIGSTKFLT if hasattr(signal, "SIGSTKFLT") else signal.SIGPWR,
)

UNMEANT = tuple(sorted({*map(int, _NAMED), *range(signal.SIGRTMIN, signal.SIGRTMAX + 1)}))
"""Their numbers."""


def ignore_early() -> None:
    """Ignore them silently until an event loop runs; programs started meanwhile do not."""
    for number in UNMEANT:
        with contextlib.suppress(OSError, ValueError):  # the C library keeps some
            signal.signal(number, lambda *_: None)


def ignore_unmeant() -> None:
    """Ignore them from now on, in the running event loop's process; one event for each."""
    import asyncio

    loop = asyncio.get_running_loop()
    for number in UNMEANT:
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # the C library keeps some
            loop.add_signal_handler(number, _ignored, number)


def _ignored(number: int) -> None:
    from resolverd import log  # only now: `ignore_early` comes before all other imports

    log.get("daemon").warning("signal.ignored", signal=_name(number))


def _name(number: int) -> str:
    if signal.SIGRTMIN < number < signal.SIGRTMAX:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
    return signal.Signals(number).name
