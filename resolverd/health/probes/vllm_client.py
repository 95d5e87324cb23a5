"""The paths of one vLLM server, asked over HTTP each within its own time.

A server is not trusted: redirects are not followed, nothing is decompressed, and of a body only
so much is read as its kind has at most.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from resolverd.dns.hostnames import is_address
from resolverd.health.kinds.inference import InferenceSettings
from resolverd.health.probes import canary
from resolverd.health.probes.exchange import HttpRequest, read_up_to, request_url
from resolverd.health.probes.plain_client import Response
from resolverd.health.probes.plain_request import PlainRequest, plain_request
from resolverd.health.probes.tools import Tools
from resolverd.patience.timeout import PatientTimeout

# A page of vLLM 0.32 with one engine has 60 KB; so this is one of some sixty.
MAX_METRICS = 4 * 1024 * 1024
_MAX_JSON = 1024 * 1024
# In place of the status of an answer whose body is longer than it may be: what it tells is unknown.
_TOO_LONG = 0

Begun = Callable[[], Awaitable[Response]]
"""Waits for the response to a request that has begun already. Raises as `PlainClient.ask` does."""


class VllmClient:
    """Raises ValueError when `url` is not an HTTP URL.

    Each method waits until the loop's clock reads `until`, and raises OSError (of aiohttp's kinds
    ClientConnectorError alone) where there is no connection, and CredentialError.
    """

    def __init__(self, url: str, settings: InferenceSettings, tools: Tools) -> None:
        self._base = url
        self._tools = tools
        self._health_path = settings.path
        self._request = HttpRequest(settings)
        self.credential = self._request.credential
        self._in_the_clear = self._url("/").scheme == "http"
        self._requests: dict[str, PlainRequest] = {}
        self._page = (
            self._request.plain("GET", self._url("/metrics")) if self._in_the_clear else None
        )
        self._plain_page: tuple[PlainRequest, str] | None = None  # where it is always the same
        if self._page is not None and is_address(self._page.host):
            self._plain_page = self.plain_page()

    def plain_page(self) -> tuple[PlainRequest, str] | None:
        """The request for /metrics and the address to send it to, where it is always a plain one.

        Of the response `MAX_METRICS` octets are read, and one more to know that it is longer.
        """
        if self._page is None or self._plain_page is not None:
            return self._plain_page
        address = self._tools.only_address(self._page.host)
        return None if address is None else (self._page, address)

    async def metrics(
        self, until: float, path: str = "/metrics", begun: Begun | None = None
    ) -> tuple[bytes | None, str]:
        """The page of metrics, and why it cannot be read where it is None.

        `begun` is what has asked for it already, and waits for the response.
        """
        status, body = await self._get(path, until, MAX_METRICS, begun)
        if status == 200:
            return (None, "HTML") if is_html(body) else (body, "")
        if status == _TOO_LONG:
            return None, f"more than {MAX_METRICS // 1024 // 1024} MiB"
        return None, "no answer" if status is None else f"HTTP {status}"

    async def page(self, path: str, until: float) -> tuple[int | None, bytes]:
        """Status and body of a page of metrics at any path; a status of None: no answer came."""
        return await self._get(path, until, MAX_METRICS)

    async def models(self, until: float) -> tuple[int | None, bytes]:
        """Status and body of `/v1/models`; a status of None tells that no answer came."""
        return await self._get("/v1/models", until, _MAX_JSON)

    async def version(self, until: float) -> bytes | None:
        """The body of `/version`, where there is one."""
        status, body = await self._get("/version", until, _MAX_JSON)
        return body if status == 200 else None

    async def health(self, until: float) -> int | None:
        """The status of the settings' path, by default `/health`; None where no answer came."""
        status, _ = await self._get(self._health_path, until, _MAX_JSON)
        return status

    async def complete(
        self,
        body: bytes,
        until: float,
        until_after_headers: float | None = None,
        path: str = "/v1/completions",
    ) -> canary.Answer:
        """Send a canary; a connection that fails while it is on its way is raised too."""
        request = await self._request.arguments({"Content-Type": "application/json"})
        url = self._url(path)
        return await canary.send(
            self._tools.session, url, body, request, until, until_after_headers
        )

    async def _get(
        self, path: str, until: float, limit: int, begun: Begun | None = None
    ) -> tuple[int | None, bytes]:
        """Status and body, which is empty where none came (None) or too much (`_TOO_LONG`)."""
        plain, address = (None, None) if begun else await self._plain(path)
        client = self._tools.plain
        try:
            async with PatientTimeout(until):
                if begun is not None:
                    status, body = await begun()
                elif plain is not None and client is not None and address is not None:
                    status, body = await client.ask(plain, address, limit=limit + 1)
                else:
                    status, body = await self._by_library(path, limit + 1)
        except aiohttp.ClientConnectorError:
            raise
        except (TimeoutError, aiohttp.ClientError):
            return None, b""  # whether it serves is for the canary to find out
        return (status, body) if len(body) <= limit else (_TOO_LONG, b"")

    async def _plain(self, path: str) -> tuple[PlainRequest | None, str | None]:
        """The request for `path` and the address to send it to, where it can be sent plainly."""
        if not self._in_the_clear:
            return None, None
        request = self._requests.get(path)
        if request is None:
            arguments = await self._request.arguments()
            request = plain_request("GET", self._url(path), arguments["headers"])
            if request is not None and self._request.fixed:
                self._requests[path] = request
        return request, None if request is None else self._tools.only_address(request.host)

    async def _by_library(self, path: str, limit: int) -> tuple[int, bytes]:
        request = await self._request.arguments()
        async with self._tools.session.get(self._url(path), **request) as response:
            return response.status, await read_up_to(response, limit)

    def _url(self, path: str) -> URL:
        return request_url(self._base, path, below=True)


def client_of_other(url: str, settings: InferenceSettings, tools: Tools) -> VllmClient:
    """That of another server than the settings are about, with a name and a user of its own."""
    own: dict[str, object] = {"host": "", "sni": ""}
    if URL(url).user is not None:
        named = {k: v for k, v in settings.headers.items() if k.lower() != "authorization"}
        own |= {"credential": "", "headers": named}
    return VllmClient(url, settings.model_copy(update=own), tools)


def client_of_page(url: str, settings: InferenceSettings, tools: Tools) -> tuple[VllmClient, str]:
    """That of the server which has a page at `url`, and the path by which to ask it for that."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return client_of_other(f"{parts.scheme}://{parts.netloc}", settings, tools), path


def is_html(body: bytes) -> bool:
    """Whether a page is one for people."""
    return body.lstrip()[:1] == b"<"


def is_text(received: bytearray | memoryview, begin: int, end: int) -> bool:
    """Whether the body from `begin` to `end` is plainly no page for people, without a copy."""
    return begin < end and received[begin] > ord(" ") and received[begin] != ord("<")
