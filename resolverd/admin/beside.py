"""HTTP of a verb beside the daemon: its routes at one socket, within the limits of `clients`."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import web

from resolverd.admin.clients import Clients
from resolverd.admin.failure import as_json

_MAX_CONNECTIONS = 100
_MAX_BODY = 1 << 20
# Longer than Prometheus waits between two scrapes by default.
_KEEPALIVE_TIMEOUT = 75.0


@asynccontextmanager
async def served(
    routes: Iterable[web.RouteDef],
    sock: socket.socket,
    *,
    max_body: int = _MAX_BODY,
    shutdown_timeout: float = 1.0,
) -> AsyncIterator[None]:
    """Serve `routes` at a bound socket meanwhile.

    Requests of up to `max_body` octets are taken; those in flight at the end have
    `shutdown_timeout` seconds.
    """
    clients = Clients(_MAX_CONNECTIONS, Counter())
    application = web.Application(middlewares=[as_json, clients.whole], client_max_size=max_body)
    application.router.add_routes(routes)
    runner = web.AppRunner(
        application,
        access_log=None,
        shutdown_timeout=shutdown_timeout,
        keepalive_timeout=_KEEPALIVE_TIMEOUT,
    )
    await runner.setup()
    try:
        made = cast("Callable[[], asyncio.Protocol]", runner.server)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(clients.factory(made), sock=sock)
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()
