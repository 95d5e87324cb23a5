"""The webhook provider's two listeners: the protocol for external-dns, and health for Kubernetes.

    GET  /                 the domain filter: which zones' names external-dns is to manage
    GET  /records          the endpoints that are kept
    POST /adjustendpoints  of the endpoints that are wanted, those that may be kept
    POST /records          changes; 204 once all of them are in the fragments

Statuses are read by external-dns thus: 5xx is said in its log and tried again at its next
interval, and 4xx ends its process. So a change of which anything is refused is a 500, with the
reason in the body, which external-dns drops, and in our log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web

from resolverd import log
from resolverd.admin.beside import served
from resolverd.admin.failure import ApiError
from resolverd.admin.listening import bound
from resolverd.config.types import Listener
from resolverd.external_dns.endpoint import ProtocolError, read_changes
from resolverd.external_dns.kept_zone import RefusedError
from resolverd.external_dns.provider import LeftOut, Provider
from resolverd.files.threads import detached

T = TypeVar("T")

MEDIA_TYPE = "application/external.dns.webhook+json;version=1"
"""What both sides speak. external-dns compares it as text: a blank after the semicolon ends it."""

# All changes of a large cluster at once; at aiohttp's 1 MiB its process would end, by a 413.
_MAX_BODY = 64 << 20
# Seconds that a change has, which is written while external-dns waits.
_SHUTDOWN_TIMEOUT = 5.0
# Reasons that are shown of a change; of the others their number.
_SHOWN = 10
_TRIED_AGAIN = "external-dns asks again at its next interval"


class WebhookServer:
    """Serves a provider to external-dns. `bound` and `health_bound` are where, once it does."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._turn = asyncio.Lock()
        self._left_out: frozenset[LeftOut] = frozenset()
        self._refused = ""
        self._log = log.get("external-dns")

    @asynccontextmanager
    async def serving(self, listen: Listener, health: Listener) -> AsyncIterator[WebhookServer]:
        """Serve on both listeners meanwhile. Raises EngineError where one cannot be had."""
        async with (
            _serving(self._protocol(), listen) as self.bound,
            _serving(self._health(), health) as self.health_bound,
        ):
            self._log.info(
                "external_dns.serving", listener=str(self.bound), http=str(self.health_bound)
            )
            yield self

    def _protocol(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._negotiate),
            web.get("/records", self._records),
            web.post("/records", self._apply),
            web.post("/adjustendpoints", self._adjust),
        ]

    def _health(self) -> list[web.RouteDef]:
        return [web.get("/healthz", self._healthz)]

    async def _negotiate(self, request: web.Request) -> web.Response:
        # Not `filters`, as external-dns's OpenAPI document says: its code reads `include` alone,
        # and takes what has none for a provider of all names.
        return _answer(request, {"include": self._provider.zones})

    async def _records(self, request: web.Request) -> web.Response:
        return _answer(request, await self._of_provider(self._provider.records))

    async def _adjust(self, request: web.Request) -> web.Response:
        wanted = await _body(request)
        kept, left_out = await self._of_provider(lambda: self._provider.adjusted(wanted))
        for endpoint in sorted(frozenset(left_out) - self._left_out):
            name, type_, reason = endpoint
            self._log.warning("external_dns.left_out", qname=name, qtype=type_, reason=reason)
        self._left_out = frozenset(left_out)
        return _answer(request, kept)

    async def _apply(self, request: web.Request) -> web.Response:
        with _understood():
            changes = read_changes(await _body(request))
        done = await self._of_provider(lambda: self._provider.apply(changes))
        for written in done.written:
            self._log.info(
                "external_dns.written",
                file=written.file,
                changed=f"{written.before} endpoints before, {written.after} now",
                problems=list(written.warnings),
            )
        if done.left_out:
            raise self._refusal(_reasons(done.left_out))
        return web.Response(status=204)

    async def _healthz(self, _: web.Request) -> web.Response:
        try:
            await self._of_provider(self._provider.records)
        except ApiError as error:
            return web.Response(status=503, text=f"{error}\n")
        return web.Response(text="ok\n")

    async def _of_provider(self, work: Callable[[], T]) -> T:
        """What the provider does, one thing at a time. Raises ApiError."""
        async with self._turn:
            try:
                with _understood():
                    done = await detached(work, background=False)
            except RefusedError as error:
                reason = str(error)
            except OSError as error:
                reason = f"{error.filename} cannot be written: {error.strerror}"
            else:
                self._refused = ""
                return done
        raise self._refusal(reason)

    def _refusal(self, reason: str) -> ApiError:
        if reason != self._refused:  # kubelet asks every few seconds
            self._log.warning("external_dns.refused", reason=reason)
        self._refused = reason
        return ApiError(500, reason, _TRIED_AGAIN)


def _reasons(left_out: Sequence[LeftOut]) -> str:
    shown = "; ".join(f"{each.name} {each.type}: {each.reason}" for each in left_out[:_SHOWN])
    more = len(left_out) - _SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


@contextlib.contextmanager
def _understood() -> Any:
    """Raises ApiError for what is no message of external-dns."""
    try:
        yield
    except ProtocolError as error:
        raise ApiError(400, f"not understood: {error}", f"speak {MEDIA_TYPE}") from error


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"no JSON: {error}", f"speak {MEDIA_TYPE}") from error


def _answer(request: web.Request, document: object) -> web.Response:
    """A document in the one version that is spoken. Raises ApiError where another is wanted."""
    accepted = request.headers.get("Accept", "*/*")
    if not any(kind in accepted.replace(" ", "") for kind in (MEDIA_TYPE, "*/*", "application/*")):
        raise ApiError(406, f'"{accepted}" is not spoken here', f"accept {MEDIA_TYPE}")
    # external-dns wanted Vary up to v0.13.
    headers = {"Content-Type": MEDIA_TYPE, "Vary": "Content-Type"}
    return web.Response(body=json.dumps(document).encode(), headers=headers)


@asynccontextmanager
async def _serving(routes: list[web.RouteDef], listener: Listener) -> AsyncIterator[Listener]:
    """Serve routes meanwhile, at the address that this gives. Raises EngineError."""
    sock = bound(listener)
    async with served(routes, sock, max_body=_MAX_BODY, shutdown_timeout=_SHUTDOWN_TIMEOUT):
        yield Listener(listener.address, sock.getsockname()[1])
