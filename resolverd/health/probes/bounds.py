"""How much of this process one probe may take, whatever an endpoint sends.

Octets are counted as they arrive, before anything reads them: of TLS, those of its records. What
reads them is bounded by the CPU time that it takes, for a limit on octets alone would have to allow
for the cheapest ones: an interim response of 16 octets costs a thousand times what 16 octets of a
body do. CPU time and no wall clock, and without full collections of this process's own garbage: a
host that is busy with something else fails no endpoint.

Nothing holds the event loop for much longer than `MAX_HOLD`: what is left is read in the loop's
next turn, after what other endpoints have sent. A probe over a bound is over (`run`), and says
which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

import aiohttp

from resolverd.collector import thread_cpu
from resolverd.health.probes.trace import Trace, current_trace

# Octets of one connection: the longest page of metrics that is read, and half of it for framing.
MAX_OCTETS = 6 * 1024 * 1024
# Seconds of CPU of one probe. A look at a vLLM server takes some 0.002 s.
MAX_CPU = 0.1
# Seconds of CPU after which the event loop has its turn.
MAX_HOLD = 0.002

T = TypeVar("T")


class OverBoundError(aiohttp.ClientPayloadError):
    """An endpoint sent more than is read, or what takes too long to read."""


def charge(trace: Trace, seconds: float, most: float = MAX_CPU) -> bool:
    """Add CPU time to what a probe has taken; whether that is more than it may, `most` seconds."""
    trace.cpu += seconds
    if trace.cpu > most:
        trace.over = trace.over or f"what it sends takes over {most * 1000:g} ms of CPU to read"
    return bool(trace.over)


def too_many_octets(trace: Trace, octets: int) -> bool:
    """Whether a connection that has brought so many octets has brought more than it may."""
    if octets > MAX_OCTETS:
        limit = f"{MAX_OCTETS // 1024 // 1024} MiB"
        trace.over = trace.over or f"it sends more than {limit} for one request"
        return True
    return False


def refuse_if_over(trace: Trace) -> None:
    """Raises OverBoundError where a response of this probe has gone over a bound."""
    if trace.over:
        raise OverBoundError(trace.over)


async def in_charged_turns(steps: Generator[None, None, T], most: float = MAX_CPU) -> T:
    """`turns.in_turns` of what reads an endpoint's answer, whose CPU time is its probe's.

    Raises OverBoundError where the probe then has taken more than `most` seconds of CPU.
    """
    trace = current_trace()
    began = thread_cpu()
    try:
        while True:
            next(steps)
            if (now := thread_cpu()) - began > MAX_HOLD:
                charge(trace, now - began, most)
                refuse_if_over(trace)
                await asyncio.sleep(0)
                began = thread_cpu()
    except StopIteration as end:
        charge(trace, thread_cpu() - began, most)
        refuse_if_over(trace)
        value: T = end.value
        return value
    finally:
        steps.close()
