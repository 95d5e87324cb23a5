"""Run one probe: start the clock, bound it, and put what happened into a few words.

Whatever an endpoint does, a probe ends within its timeout with an `Outcome`. What its connections
showed is in its trace (`connection`): with it silence is told from a slow answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

import aiohttp

from resolverd.config.secrets import shown_text
from resolverd.errors import ResolverdError
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes.credential import CredentialError
from resolverd.health.probes.reasons import is_response, reason_of
from resolverd.health.probes.trace import Trace, begin_trace, current_trace
from resolverd.health.readings import Readings
from resolverd.patience.timeout import PatientTimeout


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


class Attempt(Protocol):
    """One probe under way without a task of its own."""

    def cancel(self) -> object:
        """End it; nobody is told any more."""

    @property
    def task(self) -> asyncio.Task[Outcome] | None:
        """The task that it has nonetheless come to need."""


Ended = Callable[[Attempt, Outcome | Exception], None]


async def run(ask: Ask, within: float) -> Outcome:
    """Ask once, for at most `within` seconds. Never raises for what an endpoint does.

    An ask may have `begin(within, ended)`, which asks without a task, as most probes have nothing
    to wait for but a socket: it returns an Attempt, or None where this ask has to be awaited, and
    calls `ended` with the outcome, or with a defect of ours, never before it returns.
    """
    begin = getattr(ask, "begin", None)
    if begin is None:
        return await run_task(ask, within)
    ended: asyncio.Future[Outcome | Exception] = asyncio.get_running_loop().create_future()

    def told(_attempt: Attempt, outcome: Outcome | Exception) -> None:
        if not ended.done():
            ended.set_result(outcome)

    attempt = begin(within, told)
    if attempt is None:
        return await run_task(ask, within)
    try:
        outcome = await ended
    finally:
        attempt.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def run_task(
    ask: Ask, within: float, *, began: float | None = None, trace: Trace | None = None
) -> Outcome:
    """Ask once by awaiting it; `began` and `trace` are of one that goes on here."""
    left, trace = within, begin_trace(trace)
    if began is None:
        began = time.monotonic()
    else:
        left = max(0.0, began + within + trace.late - time.monotonic())
    ok, responded = False, True
    try:
        async with PatientTimeout(asyncio.get_running_loop().time() + left, trace.add_late):
            seen, ok = await ask(), True
    except (ResolverdError, aiohttp.ClientError, OSError, ValueError) as error:
        seen, responded = failure(error, trace, within)
    return outcome_of(seen, trace, began, ok=ok, responded=responded)


def failure(error: Exception, trace: Trace, within: float) -> tuple[Seen, bool]:
    """What was seen of an endpoint that was asked for `within` seconds, and if it responded.

    Raises `error` itself where that says nothing of an endpoint.
    """
    match error:
        case ProbeFailedError():
            return error.seen, error.responded
        case CredentialError():
            return Seen(str(error), Condition.MISCONFIGURED), True
        case TimeoutError():
            return Seen(_timed_out(trace, within)), trace.responded
        case aiohttp.ClientError() | OSError() | ValueError():
            # ValueError: a header or name that cannot be sent as written.
            return Seen(shown_text(reason_of(error))), trace.responded or is_response(error)
        case _:
            raise error


def outcome_of(
    seen: Seen, trace: Trace, began: float, *, ok: bool, responded: bool = True
) -> Outcome:
    """The outcome of a probe that began at `began` and ends now."""
    if trace.over:
        ok, responded, seen = False, True, Seen(trace.over)
    return Outcome(
        ok,
        seen.reason,
        time.monotonic() - began,
        seen.condition,
        responded,
        seen.readings,
        seen.again,
        trace.connect,
        trace.certificate_expires,
    )


def _timed_out(trace: Trace, within: float) -> str:
    where = "TLS: handshake timed out" if trace.in_tls else "timed out"
    return f"{where} after {within:g} s"
