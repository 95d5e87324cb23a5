"""What one probe has met so far, and what it has cost; shared by all the tasks that it makes."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Trace:
    """What one probe has met so far; shared by all the tasks that it makes.

    `responded` is whether anything came back, a finished TCP handshake included; `answered`,
    whether that was the beginning of an HTTP response. `connect` is the time of the last TCP
    handshake in seconds, `certificate_expires` the last certificate's end in Unix seconds. `in_tls`
    is whether a TLS handshake has begun and not ended. `cpu` is what its responses have cost this
    process so far, in seconds of CPU; `over` says which bound one of them has gone over (`bounds`),
    and is empty until then. `late` is how long this host was late while it went on, in seconds,
    which is given to it again (`patience`).
    """

    responded: bool = False
    answered: bool = False
    connect: float | None = None
    certificate_expires: float | None = None
    in_tls: bool = False
    cpu: float = 0.0
    over: str = ""
    late: float = 0.0

    def add_late(self, seconds: float) -> None:
        """This host was late for so long."""
        self.late += seconds


_trace: ContextVar[Trace] = ContextVar("trace")


def begin_trace(trace: Trace | None = None) -> Trace:
    """The trace of the probe that this task runs, and the tasks that it starts; by default new."""
    trace = trace or Trace()
    _trace.set(trace)
    return trace


def current_trace() -> Trace:
    """The trace of the probe under way; one of its own for whoever began none."""
    return _trace.get(None) or begin_trace()


def note_connected(began: float) -> None:
    """A TCP handshake that began at `began` (monotonic seconds) has ended."""
    trace = current_trace()
    trace.responded, trace.connect = True, time.monotonic() - began
