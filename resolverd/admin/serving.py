"""HTTP at one socket within the limits of `clients`: the daemon's listeners, and those of verbs."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from resolverd import stop_limits
from resolverd.admin.clients import Clients

SHUTDOWN_TIMEOUT = stop_limits.REQUESTS
"""Seconds that requests in flight have at the end: more delays it by as much, less cuts slow
replies off."""

# Seconds that a connection is kept between two requests: longer than Prometheus waits by default.
_KEEPALIVE_TIMEOUT = 75.0

# What aiohttp logs of a client's own mistakes, with a traceback, is in that client's response.
_HTTP = logging.getLogger("resolverd.http")
_HTTP.addFilter(
    lambda record: (
        not (
            record.exc_info
            and isinstance(
                record.exc_info[1], HttpProcessingError | web.RequestPayloadError | OSError
            )
        )
    )
)


class Serving:
    """An application that is served at one socket, until `close`."""

    def __init__(self, server: asyncio.Server, runner: web.AppRunner) -> None:
        self._server, self._runner = server, runner

    def refuse(self) -> None:
        """Take no connection any more; those that are there stay."""
        self._server.close()

    async def close(self) -> None:
        """End it, once requests in flight are answered or have had their time."""
        self._server.close()
        await self._runner.cleanup()


async def serve(
    application: web.Application,
    clients: Clients,
    sock: socket.socket,
    *,
    shutdown_timeout: float = SHUTDOWN_TIMEOUT,
) -> Serving:
    """Serve at a bound socket, whose connections are `clients`. Raises OSError."""
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=_HTTP,
        shutdown_timeout=shutdown_timeout,
        lingering_time=SHUTDOWN_TIMEOUT,
        keepalive_timeout=_KEEPALIVE_TIMEOUT,
    )
    await runner.setup()
    made = cast("Callable[[], asyncio.Protocol]", runner.server)
    try:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(clients.factory(made), sock=sock)
    except OSError:
        await runner.cleanup()
        raise
    return Serving(server, runner)
