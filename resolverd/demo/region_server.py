"""The two ports of a simulated region: that of its API, and one by which it is made to fail.

    GET    /fault            the fault's name, or an empty line
    POST   /fault/NAME       from now on, NAME is what is wrong
    DELETE /fault            nothing is wrong any more
    POST   /restart/VERSION  as a new process, of another version of vLLM

The second one answers whatever is wrong with the first. A dead engine takes its server with it:
the first port is closed soon after, and opened again once the fault is over.
"""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

from resolverd.demo.faults import Fault, fault_named
from resolverd.demo.vllm import SimulatedServer

# How long a server outlives its engine, as measured.
CLOSE_DELAY_SECONDS = 0.2
# How long responses may go on once the port is to be closed.
_SHUTDOWN_SECONDS = 0.5


class RegionServer:
    """Where a server is reached: at `address`, its control on loopback. An async context manager.

    Entering raises OSError when the port cannot be had.
    """

    def __init__(self, server: SimulatedServer, port: int, address: str = "127.0.0.1") -> None:
        self.server, self.port, self.control_port = server, port, 0
        self._address = address
        self._api: web.AppRunner | None = None
        self._control = web.AppRunner(_control(server), access_log=None)
        self._fault_changed = asyncio.Event()
        server.on_fault = self._fault_changed.set

    async def __aenter__(self) -> RegionServer:
        try:
            await self._open()
            await self._control.setup()
            bound = socket.create_server(("127.0.0.1", 0))
            await web.SockSite(self._control, bound).start()
        except OSError:
            await self._close()
            raise
        self.control_port = bound.getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._control.cleanup()
        await self._close()

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set. Raises OSError when the port cannot be had again."""
        stopped = asyncio.create_task(stopping.wait())
        following = asyncio.create_task(self._follow_faults())
        await asyncio.wait({stopped, following}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, following):
            task.cancel()
        await asyncio.wait({stopped, following})
        if not following.cancelled():
            following.result()

    async def _follow_faults(self) -> None:
        while True:
            await self._fault_changed.wait()
            self._fault_changed.clear()
            if self.server.fault is not Fault.DEAD:
                await self._open()
                continue
            await asyncio.sleep(CLOSE_DELAY_SECONDS)
            if self.server.fault is Fault.DEAD:
                await self._close()

    async def _open(self) -> None:
        if self._api is not None:
            return
        self._api = web.AppRunner(
            self.server.application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await self._api.setup()
        bound = socket.create_server((self._address, self.port))
        await web.SockSite(self._api, bound).start()
        self.port = bound.getsockname()[1]

    async def _close(self) -> None:
        if self._api is not None:
            closed, self._api = self._api, None
            await closed.cleanup()


def _control(server: SimulatedServer) -> web.Application:
    def now() -> web.Response:
        return web.Response(text=f"{server.fault or ''}\n")

    async def show(_request: web.Request) -> web.Response:
        return now()

    async def set_fault(request: web.Request) -> web.Response:
        try:
            server.set_fault(fault_named(request.match_info["name"]))
        except ValueError as error:
            return web.Response(status=404, text=f"{error}\n")
        return now()

    async def end(_request: web.Request) -> web.Response:
        server.set_fault(None)
        return now()

    async def restart(request: web.Request) -> web.Response:
        server.restart(request.match_info["version"])
        return now()

    made = web.Application()
    made.router.add_get("/fault", show)
    made.router.add_post("/fault/{name}", set_fault)
    made.router.add_delete("/fault", end)
    made.router.add_post("/restart/{version}", restart)
    return made
