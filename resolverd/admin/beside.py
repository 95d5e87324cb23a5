"""HTTP of a verb beside the daemon: its routes at one socket, within the limits of `clients`."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from resolverd.admin.clients import Clients
from resolverd.admin.failure import as_json
from resolverd.admin.serving import SHUTDOWN_TIMEOUT, serve

_MAX_CONNECTIONS = 100
_MAX_BODY = 1 << 20


@asynccontextmanager
async def served(
    routes: Iterable[web.RouteDef],
    sock: socket.socket,
    *,
    max_body: int = _MAX_BODY,
    shutdown_timeout: float = SHUTDOWN_TIMEOUT,
) -> AsyncIterator[None]:
    """Serve `routes` at a bound socket meanwhile.

    Requests of up to `max_body` octets are taken; those in flight at the end have
    `shutdown_timeout` seconds.
    """
    clients = Clients(_MAX_CONNECTIONS, Counter())
    application = web.Application(middlewares=[as_json, clients.whole], client_max_size=max_body)
    application.router.add_routes(routes)
    serving = await serve(application, clients, sock, shutdown_timeout=shutdown_timeout)
    try:
        yield
    finally:
        await serving.close()
