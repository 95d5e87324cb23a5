"""Run one probe: start the clock, bound it, and put what happened into a few words.

Whatever an endpoint does, a probe ends within its timeout with an `Outcome`. What its connections
showed is in its trace (`connection`): with it silence is told from a slow answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp

from resolverd.config.secrets import shown_text
from resolverd.errors import ResolverdError
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes.credential import CredentialError
from resolverd.health.probes.reasons import is_response, reason_of
from resolverd.health.probes.trace import Trace, begin_trace, current_trace
from resolverd.health.readings import Readings


class Seen(NamedTuple):
    """What a probe saw of an endpoint that serves; see `Outcome` for each part."""

    reason: str
    condition: Condition = Condition.NONE
    readings: Readings | None = None
    again: bool = False


Ask = Callable[[], Awaitable[Seen]]


def has_responded() -> bool:
    """Whether anything has come back to this probe, be it a TCP handshake."""
    return current_trace().responded


def was_answered() -> bool:
    """Whether this probe has had the beginning of an HTTP response."""
    return current_trace().answered


class ProbeFailedError(ResolverdError):
    """What was `seen` is not what an endpoint shows that serves.

    `responded` is False where nothing came back.
    """

    def __init__(
        self,
        reason: str,
        condition: Condition = Condition.NONE,
        *,
        responded: bool = True,
    ) -> None:
        super().__init__(reason)
        self.seen, self.responded = Seen(reason, condition), responded

    @classmethod
    def of(cls, seen: Seen, *, responded: bool = True) -> ProbeFailedError:
        """The error that carries all of `seen`."""
        error = cls(seen.reason, responded=responded)
        error.seen = seen
        return error


async def run(ask: Ask, within: float) -> Outcome:
    """Ask once, for at most `within` seconds. Never raises for what an endpoint does."""
    began, trace = time.monotonic(), begin_trace()
    ok, responded = False, True
    try:
        async with asyncio.timeout(within):
            seen, ok = await ask(), True
    except ProbeFailedError as error:
        seen, responded = error.seen, error.responded
    except CredentialError as error:
        seen = Seen(str(error), Condition.MISCONFIGURED)
    except TimeoutError:
        seen, responded = Seen(_timed_out(trace, within)), trace.responded
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # ValueError: a header or name that cannot be sent as written.
        seen, responded = Seen(shown_text(reason_of(error))), trace.responded or is_response(error)
    if trace.over:
        ok, responded, seen = False, True, Seen(trace.over)
    return Outcome(
        ok=ok,
        reason=seen.reason,
        latency=time.monotonic() - began,
        condition=seen.condition,
        responded=responded,
        readings=seen.readings,
        again=seen.again,
        connect=trace.connect,
        certificate_expires=trace.certificate_expires,
    )


def _timed_out(trace: Trace, within: float) -> str:
    where = "TLS: handshake timed out" if trace.in_tls else "timed out"
    return f"{where} after {within:g} s"
