"""One connection to one NATS server, from its beginning to its end.

It is never mended: nats-py's own reconnecting believes a silent server for minutes and leaves
watches that neither end nor raise. So whatever is wrong ends the connection, and `link` begins
another, with everything on it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError

from resolverd import log
from resolverd.config.fleet import Fleet
from resolverd.config.secrets import shown_text
from resolverd.fleet.cancelling import end_if_cancelled
from resolverd.fleet.errors import FleetUnavailable

CONNECT_TIMEOUT = 3.0
"""Seconds in which a server has to greet; one that is stopped accepts connections all the same."""

BEAT_INTERVAL, BEAT_TIMEOUT = 1.0, 2.0
"""Seconds between two proofs that the server answers, and within which each has to come."""

# Seconds in which a close has to be over, and longer than any flush is waited for.
_CLOSE_TIMEOUT, _FLUSH_TIMEOUT = 1.0, 60


class Connection:
    """A connection that stands: `client`, and `ended` once it is known to be over."""

    def __init__(self) -> None:
        self.client = Client()
        self.ended = asyncio.Event()
        self.reason = ""
        self._beat: asyncio.Task[None] | None = None

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

    async def closed(self) -> None:
        """nats-py's callback: there is no connection any more."""
        self.ended.set()

    async def failed(self, error: Exception) -> None:
        """nats-py's callback: something went wrong, which may be a defect of ours."""
        self.reason = in_words(error)
        if isinstance(error, SlowConsumerError):
            self.ended.set()  # messages were dropped: all of them are asked for anew
        elif not isinstance(error, (NatsError, OSError, TimeoutError, asyncio.CancelledError)):
            log.get("fleet").error("fleet.failed", reason=self.reason, exc_info=error)


@contextlib.asynccontextmanager
async def connected(url: str, settings: Fleet, base: Path) -> AsyncIterator[Connection]:
    """A connection to the server at `url`. Raises FleetUnavailable where there is none."""
    connection = Connection()
    try:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await _connect(connection, url, settings, base)
        except TimeoutError as error:
            raise FleetUnavailable("the server does not greet") from error
        except (NatsError, OSError, ValueError) as error:
            raise FleetUnavailable(connection.reason or in_words(error)) from error
        end_if_cancelled()
        yield connection
    finally:
        await connection.close()


async def _connect(connection: Connection, url: str, settings: Fleet, base: Path) -> None:
    secure = url.startswith("tls://")
    await connection.client.connect(
        servers=[url],
        name=settings.edge_name,
        allow_reconnect=False,
        connect_timeout=int(CONNECT_TIMEOUT),
        ping_interval=2,
        max_outstanding_pings=2,
        no_echo=True,
        error_cb=connection.failed,
        closed_cb=connection.closed,
        disconnected_cb=connection.closed,
        user_credentials=str(base / settings.credentials) if settings.credentials else None,
        tls=_context(settings, base) if secure else None,
    )


def _context(settings: Fleet, base: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=base / settings.ca_file if settings.ca_file else None)


def in_words(error: BaseException) -> str:
    """What went wrong, in one line without a secret."""
    return shown_text(" ".join(str(error).split())) or type(error).__name__
