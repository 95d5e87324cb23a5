"""The two listeners of the admin API: a Unix socket for everything, and HTTP for reading.

One that cannot be opened is an event and stays closed: answering queries matters more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from resolverd import log
from resolverd.admin.api import Api
from resolverd.admin.clients import Clients
from resolverd.admin.guard import Guard
from resolverd.admin.listening import bound_path
from resolverd.admin.served import Served
from resolverd.admin.serving import Serving, serve
from resolverd.admin.socket_paths import socket_of
from resolverd.config.model import Admin
from resolverd.config.types import Listener
from resolverd.files.credentials import file_named
from resolverd.files.threads import detached


class AdminServer:
    """`start`, then `stop`. `socket` and `listener` are where it is reached, None where it is not.

    `closed` counts the connections that met a limit, by limit.
    """

    def __init__(self, served: Served) -> None:
        self.socket: Path | None = None
        self.listener: Listener | None = None
        self._api = Api(served)
        self._serving: list[Serving] = []
        self.closed: Counter[str] = Counter()
        self._max_connections = 0
        self._identity: tuple[int, int] | None = None
        self._log = log.get("admin")

    async def start(self, settings: Admin, base: Path) -> None:
        """Open the configured listeners, as far as they can be; paths are relative to `base`."""
        self._max_connections = settings.connections
        path = socket_of(settings.socket, base)
        if path is not None:
            try:
                await self._open_socket(path)
            except OSError as error:
                self._report_closed(
                    str(path), error, "set admin.socket to a path of this daemon's own"
                )
        if settings.listen is not None:
            guard = Guard(file_named(settings.token_file, base) if settings.token_file else None)
            try:
                await self._open_http(settings.listen, guard)
            except OSError as error:
                self._report_closed(
                    str(settings.listen), error, "set admin.listen to a free port, or to 0"
                )
        self._log.info(
            "admin.open",
            socket=str(self.socket) if self.socket else None,
            http=str(self.listener) if self.listener else None,
        )

    async def stop(self) -> None:
        """Close both listeners, and remove the socket's file."""
        for serving in self._serving:
            serving.refuse()
        await asyncio.gather(*(serving.close() for serving in self._serving))
        self._serving.clear()
        if self.socket is not None:
            with contextlib.suppress(FileNotFoundError):  # whoever tidied up was faster
                if _identity(self.socket) == self._identity:
                    self.socket.unlink()
        self.socket = self.listener = None

    async def _open_socket(self, path: Path) -> None:
        sock = await detached(partial(bound_path, path), background=False)
        self._identity = _identity(path)
        try:
            await self._serve(sock)
        except OSError:
            sock.close()
            await detached(path.unlink, background=False)
            raise
        self.socket = path

    async def _open_http(self, listener: Listener, guard: Guard) -> None:
        family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((listener.address, listener.port))
            await self._serve(sock, guard.admit)
        except OSError:
            sock.close()
            raise
        self.listener = Listener(listener.address, sock.getsockname()[1])

    async def _serve(self, sock: socket.socket, *guards: Any) -> None:
        clients = Clients(self._max_connections, self.closed)
        application = self._api.application(clients.whole, *guards)
        self._serving.append(await serve(application, clients, sock))

    def _report_closed(self, listener: str, error: OSError, hint: str) -> None:
        self._log.warning(
            "admin.unavailable", listener=listener, reason=error.strerror or str(error), hint=hint
        )


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
