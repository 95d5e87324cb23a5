"""Run one probe: start the clock, bound it, and put what happened into a few words.

Whatever an endpoint does, a probe ends within its timeout with an `Outcome`. A probe says `hear()`
as soon as the far end has sent anything, so that silence can be told from a slow answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import NamedTuple

import aiohttp

from resolverd.errors import ResolverdError
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes.reasons import heard_by, reason_of
from resolverd.health.readings import Readings


class Seen(NamedTuple):
    """What a probe saw of an endpoint that serves; see `Outcome` for each part."""

    reason: str
    condition: Condition = Condition.NONE
    readings: Readings | None = None


Ask = Callable[[], Awaitable[Seen]]

# Each probe runs in a task, and so in a context, of its own.
_heard: ContextVar[bool] = ContextVar("heard", default=False)


def hear() -> None:
    """Note that this probe has had an answer, if only the beginning of one."""
    _heard.set(True)


class ProbeFailedError(ResolverdError):
    """What was seen is not what an endpoint shows that serves; see `Outcome` for each part.

    `heard` is True unless nothing came back.
    """

    def __init__(
        self,
        reason: str,
        condition: Condition = Condition.NONE,
        readings: Readings | None = None,
        *,
        heard: bool = True,
    ) -> None:
        super().__init__(reason)
        self.condition, self.readings, self.heard = condition, readings, heard


async def run(ask: Ask, within: float) -> Outcome:
    """Ask once, for at most `within` seconds. Never raises for what an endpoint does."""
    began = time.monotonic()
    _heard.set(False)
    condition, readings, heard, ok = Condition.NONE, None, True, False
    try:
        async with asyncio.timeout(within):
            reason, condition, readings = await ask()
            ok = True
    except ProbeFailedError as wrong:
        reason, condition, readings = str(wrong), wrong.condition, wrong.readings
        heard = wrong.heard
    except TimeoutError:
        reason, heard = f"timed out after {within:g} s", _heard.get()
    except (aiohttp.ClientError, OSError, ValueError) as wrong:
        # ValueError: a header or name that cannot be sent as written.
        reason, heard = reason_of(wrong), heard_by(wrong)
    return Outcome(ok, reason, time.monotonic() - began, condition, heard, readings)
