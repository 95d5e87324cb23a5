"""One connection to one NATS server, from its beginning to its end.

It is never mended: nats-py's own reconnecting believes a silent server for minutes and leaves
watches that neither end nor raise. So whatever is wrong ends the connection, and `link` begins
another, with everything on it anew: what it shows of itself too (`access`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError

from resolverd import log
from resolverd.config.fleet import Fleet
from resolverd.fleet.access import Access, access_to
from resolverd.fleet.cancelling import end_if_cancelled
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.reasons import in_words, with_mend

CONNECT_TIMEOUT = 3.0
"""Seconds in which a server has to greet; one that is stopped accepts connections all the same."""

BEAT_INTERVAL, BEAT_TIMEOUT = 1.0, 2.0
"""Seconds between two proofs that the server answers, and within which each has to come."""

# Seconds in which a close has to be over, and longer than any flush is waited for.
_CLOSE_TIMEOUT, _FLUSH_TIMEOUT = 1.0, 60

_FORBIDDEN = re.compile(
    r"permissions violation for (publish|subscription) to ['\"]?([^'\"\s]+)", re.I
)


class Connection:
    """A connection that stands: `client`, and `ended` once it is known to be over.

    `forbidden` is called with each subject that this edge may not use, and whether it is to publish
    there.
    """

    def __init__(
        self,
        settings: Fleet,
        access: Access,
        forbidden: Callable[[str, bool], None] = lambda _, __: None,
    ) -> None:
        self.client = Client()
        self.ended = asyncio.Event()
        self.reason = ""
        self._settings, self._access, self._forbidden = settings, access, forbidden
        self._beat: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Connect. Raises FleetUnavailable."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connect()
        except TimeoutError as error:
            raise FleetUnavailable(self.reason or "the server does not greet") from error
        except (NatsError, OSError, ValueError) as error:
            raise FleetUnavailable(self.reason or self._why(error)) from error
        self._access.checked()
        self.reason = ""

    async def until_it_ends(self) -> None:
        """Ask the server now and then; raises FleetUnavailable once it does not answer."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_INTERVAL):
                    await self.ended.wait()
                    raise FleetUnavailable(self.reason or "the server has closed the connection")
            # nats-py takes the answer to a flush that was cancelled for an error of the server, so
            # none is while the connection stands.
            self._beat = asyncio.create_task(self.client.flush(_FLUSH_TIMEOUT))
            await asyncio.wait({self._beat}, timeout=BEAT_TIMEOUT)
            if not self._beat.done():
                raise FleetUnavailable(f"the server has not answered for {BEAT_TIMEOUT:g} s")
            try:
                self._beat.result()
            except (NatsError, OSError, TimeoutError) as error:
                raise FleetUnavailable(self.reason or in_words(error)) from error

    async def close(self) -> None:
        """End it. A server that is stopped takes no farewell: the socket goes all the same."""
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self.client.close()
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.gather(self._beat, return_exceptions=True)

    async def _connect(self) -> None:
        await self.client.connect(
            name=self._settings.edge_name,
            allow_reconnect=False,
            # A server that refuses is asked twice at once, and then has no more to say.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=int(CONNECT_TIMEOUT),
            ping_interval=2,
            max_outstanding_pings=2,
            no_echo=True,
            error_cb=self._failed,
            closed_cb=self._closed,
            disconnected_cb=self._closed,
            **self._access.options(),
        )

    async def _closed(self) -> None:
        """nats-py's callback: there is no connection any more."""
        error = self.client.last_error
        if not self.reason and error is not None:
            self.reason = self._why(error)  # the server has said why
        self.ended.set()

    async def _failed(self, error: Exception) -> None:
        """nats-py's callback: something went wrong, which may be a defect of ours."""
        if found := _FORBIDDEN.search(str(error)):
            self._forbidden(found[2], found[1].lower() == "publish")
            return
        self.reason = self._why(error)
        if isinstance(error, SlowConsumerError):
            self.ended.set()  # messages were dropped: all of them are asked for anew
        elif not isinstance(error, (NatsError, OSError, TimeoutError, asyncio.CancelledError)):
            log.get("fleet").error("fleet.failed", reason=self.reason, exc_info=error)

    def _why(self, error: Exception) -> str:
        access = self._access
        words = with_mend(error, self._settings, access.host, access.shown)
        about_who = "auth" in words.lower() or "client_certificate" in words
        return words + access.ended() if about_who else words


@contextlib.asynccontextmanager
async def connected(
    url: str,
    settings: Fleet,
    base: Path,
    forbidden: Callable[[str, bool], None] = lambda _, __: None,
) -> AsyncIterator[Connection]:
    """A connection to the server at `url`. Raises FleetUnavailable where there is none."""
    connection = Connection(settings, await access_to(url, settings, base), forbidden)
    try:
        await connection.begin()
        end_if_cancelled()
        yield connection
    finally:
        await connection.close()
