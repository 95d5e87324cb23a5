"""What the process serves: metrics and state to all, operators' words by a Unix socket.

    GET    /metrics   Prometheus's text          GET /healthz   200 while looks are finished in time
    GET    /state     what is announced          GET /readyz    200 while all is announced
    POST   /drain     withdraw until DELETE, kept over restarts if anywhere: {"who", "why", "force"}
    DELETE /drain/X   announce again             POST /stop     withdraw until the end

What changes something is on the socket alone. A listener that cannot be opened is an event, and
stays closed: routes matter more.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from resolverd import log
from resolverd.admin import socket_paths
from resolverd.admin.beside import served
from resolverd.admin.documents.version import versioned
from resolverd.admin.failure import ApiError
from resolverd.admin.listening import bound, bound_path
from resolverd.admin.metrics import anycast as metrics
from resolverd.admin.metrics.registry import ANYCAST
from resolverd.admin.metrics.scrape import page_of
from resolverd.admin.socket_paths import Automatic
from resolverd.anycast import operate
from resolverd.anycast.drain import Drain, DrainError
from resolverd.anycast.fitness import CODES
from resolverd.anycast.run import Edge
from resolverd.anycast.transitions import Phase
from resolverd.errors import EngineError

AUTOMATIC = Automatic(
    Path("/run/resolverd-anycast/anycast.sock"), "anycast.sock", "resolverd-anycast.sock"
)
"""Where the operators' socket is: first where systemd's unit has it."""

# Looks that may be missed until the process is not taken to be healthy.
_LATE_TURNS, _LATE_LEAST = 5, 10.0


def sockets_of(setting: str, base: Path, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Where the operators' socket may be, likeliest first; none where none is opened."""
    return socket_paths.sockets_of(setting, base, environ, AUTOMATIC)


class Pages:
    """The handlers, over one edge; `place` is where a drain is kept. Each raises ApiError."""

    def __init__(self, edge: Edge, place: Path | None) -> None:
        self._edge, self._place = edge, place

    @property
    def open(self) -> list[web.RouteDef]:
        """What everybody may read."""
        return [
            web.get("/metrics", self._metrics),
            web.get("/state", self._state),
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
        ]

    @property
    def operators(self) -> list[web.RouteDef]:
        """All, for whoever may write to the socket."""
        return [
            *self.open,
            web.post("/drain", self._drain),
            web.delete("/drain/{edge}", self._undrain),
            web.post("/stop", self._stop),
        ]

    async def _metrics(self, request: web.Request) -> web.Response:
        accept = request.headers.get("Accept", "")
        page, content_type = await page_of(ANYCAST, values_of(self._edge), accept)
        return web.Response(body=page, headers={"Content-Type": content_type})

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(versioned(operate.state_of(self._edge)))

    async def _healthz(self, request: web.Request) -> web.Response:
        late = time.monotonic() - self._edge.turned_at
        if late > max(_LATE_LEAST, _LATE_TURNS * self._edge.settings.interval):
            raise ApiError(503, f"no look was finished for {late:.0f} s", "restart it")
        return web.json_response(versioned({"alive": True}))

    async def _readyz(self, request: web.Request) -> web.Response:
        routes = self._edge.announcer.routes.values()
        off = [r.address for r in routes if r.state.phase is not Phase.ANNOUNCED]
        if off:
            raise ApiError(503, f"not announced: {', '.join(off)}", "GET /state says why")
        return web.json_response(versioned({"ready": True}))

    async def _drain(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        wanted = Drain(
            str(asked.get("who", ""))[:100], str(asked.get("why", ""))[:500], time.time()
        )
        with _understood():
            done = await operate.drain(
                self._edge, self._place, wanted, force=asked.get("force") is True
            )
        return web.json_response(versioned(done))

    async def _undrain(self, request: web.Request) -> web.Response:
        with _understood():
            done = await operate.undrain(
                self._edge, self._place, request.query.get("who", "")[:100]
            )
        return web.json_response(versioned(done))

    async def _stop(self, request: web.Request) -> web.Response:
        with _understood("see that BIRD or ExaBGP runs: it withdraws as soon as it can"):
            return web.json_response(versioned(await operate.stop(self._edge)))


@contextlib.contextmanager
def _understood(
    hint: str = "see that BIRD or ExaBGP runs, and ask again: a drain that fails is not in force",
) -> Iterator[None]:
    try:
        yield
    except operate.HeldError as error:
        raise ApiError(
            409, str(error), "force it with --force, or see to the other edges"
        ) from error
    except operate.UndoneError as error:
        raise ApiError(409, str(error), "ask who did, then drain it again") from error
    except operate.UnprovedError as error:
        raise ApiError(503, str(error), hint) from error
    except DrainError as error:
        raise ApiError(
            503,
            str(error),
            "see that its directory can be written to, or set another anycast.state, and ask again",
        ) from error


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        tree = json.loads(await request.text())
    except ValueError:
        tree = None
    if not isinstance(tree, dict):
        raise ApiError(400, "the body is no JSON object", 'send {"who": "…", "why": "…"}')
    return tree


@asynccontextmanager
async def serving(pages: Pages, edge: Edge, base: Path) -> AsyncIterator[None]:
    """Serve meanwhile, as far as the listeners can be had."""
    events = log.get("anycast")
    settings = edge.settings
    path = next(iter(sockets_of(settings.socket, base)), None)
    async with contextlib.AsyncExitStack() as stack:
        if path is not None:
            try:
                sock = bound_path(path)
            except OSError as error:
                events.warning(
                    "admin.unavailable",
                    listener=str(path),
                    reason=error.strerror or str(error),
                    hint="set anycast.socket to a path of this process's own",
                )
            else:
                stack.callback(path.unlink, missing_ok=True)
                await stack.enter_async_context(served(pages.operators, sock))
        if settings.listen is not None:
            try:
                sock = bound(settings.listen)
            except EngineError as error:
                events.warning(
                    "admin.unavailable",
                    listener=str(settings.listen),
                    reason=str(error),
                    hint="set anycast.listen to a free port, or to 0",
                )
            else:
                await stack.enter_async_context(served(pages.open, sock))
        yield


def values_of(edge: Edge) -> metrics.Routes:
    """What a scrape reads."""
    now, unix = time.monotonic(), time.time()
    return metrics.Routes(
        [
            metrics.Route(
                route.address,
                route.state.phase.value,
                frozenset(reason.code for reason in route.reasons),
                bool(route.held),
                bool(route.failing),
                None if route.proved_at is None else unix - (now - route.proved_at),
                edge.floor.others(route.address),
                route.changes,
            )
            for route in edge.announcer.routes.values()
        ],
        CODES,
        [phase.value for phase in Phase],
        edge.drained is not None,
        unix - (now - edge.turned_at),
    )
