"""The paths of one vLLM server, asked over HTTP each within its own time.

A server is not trusted: redirects are not followed, nothing is decompressed, and of a body only
so much is read as its kind has at most.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from resolverd.config.probe import Probe
from resolverd.health.probes import canary
from resolverd.health.probes.credential import Credential
from resolverd.health.probes.exchange import on_a_live_connection, read_up_to
from resolverd.health.probes.run import hear
from resolverd.health.probes.tools import Tools

# A page of vLLM 0.32 with one engine has 60 KB; so this is one of some sixty.
_MOST_METRICS = 4 * 1024 * 1024
_MOST_JSON = 1024 * 1024
# In place of the status of an answer whose body is longer than it may be: what it tells is unknown.
_TOO_LONG = 0


class Door:
    """Raises ValueError when `url` is not an HTTP URL.

    Each method waits until the loop's clock reads `until`, and raises aiohttp's
    ClientConnectorError where there is no connection, and CredentialError.
    """

    def __init__(self, url: str, settings: Probe, tools: Tools) -> None:
        self._base = _base(url)
        self._tools = tools
        self._health_path = settings.path
        self.credential = Credential(settings.credential)
        self._headers = CIMultiDict(
            {"User-Agent": "resolverd-probe", "Accept-Encoding": "identity"}
        )
        if settings.host:
            self._headers["Host"] = settings.host
        self._headers.update(settings.headers)
        self._fixed: dict[str, Any] = {
            "allow_redirects": False,
            "ssl": settings.verify_tls,
            "server_hostname": settings.sni or None,
        }

    async def metrics(self, until: float, path: str = "/metrics") -> tuple[bytes | None, str]:
        """The page of metrics, and why it cannot be read where it is None."""
        status, body = await self._get(path, until, _MOST_METRICS)
        if status == 200:
            html = body.lstrip()[:1] == b"<"
            return (None, "HTML") if html else (body, "")
        if status == _TOO_LONG:
            return None, f"more than {_MOST_METRICS // 1024 // 1024} MiB"
        return None, "no answer" if status is None else f"HTTP {status}"

    async def page(self, path: str, until: float) -> tuple[int | None, bytes]:
        """Status and body of a page of metrics at any path; a status of None: no answer came."""
        return await self._get(path, until, _MOST_METRICS)

    async def models(self, until: float) -> tuple[int | None, bytes]:
        """Status and body of `/v1/models`; a status of None tells that no answer came."""
        return await self._get("/v1/models", until, _MOST_JSON)

    async def version(self, until: float) -> bytes | None:
        """The body of `/version`, where there is one."""
        status, body = await self._get("/version", until, _MOST_JSON)
        return body if status == 200 else None

    async def health(self, until: float) -> int | None:
        """The status of the settings' path, by default `/health`; None where no answer came."""
        status, _ = await self._get(self._health_path, until, _MOST_JSON)
        return status

    async def complete(
        self,
        body: bytes,
        until: float,
        until_after_headers: float | None = None,
        path: str = "/v1/completions",
    ) -> canary.Answer:
        """Send a canary; a connection that fails while it is on its way is raised too."""
        request = self._request({"Content-Type": "application/json"})
        url = self._url(path)

        async def ask_once(session: aiohttp.ClientSession) -> canary.Answer:
            return await canary.send(session, url, body, request, until, until_after_headers)

        answer = await on_a_live_connection(ask_once, self._tools)
        if answer.status is not None:
            hear()
        return answer

    async def _get(self, path: str, until: float, most: int) -> tuple[int | None, bytes]:
        """Status and body, which is empty where none came (None) or too much (`_TOO_LONG`)."""
        url, request = self._url(path), self._request()

        async def ask_once(session: aiohttp.ClientSession) -> tuple[int | None, bytes]:
            async with session.get(url, **request) as response:
                hear()
                body = await read_up_to(response, most + 1)
                return (response.status, body) if len(body) <= most else (_TOO_LONG, b"")

        try:
            async with asyncio.timeout_at(until):
                return await on_a_live_connection(ask_once, self._tools)
        except aiohttp.ClientConnectorError:
            raise
        except (TimeoutError, aiohttp.ClientError):
            return None, b""  # whether it serves is for the canary to find out

    def _url(self, path: str) -> URL:
        path, _, query = path.partition("?")
        return self._base.with_path(self._base.path.rstrip("/") + path).with_query(query or None)

    def _request(self, more: dict[str, str] | None = None) -> dict[str, Any]:
        headers = self._headers.copy()
        headers.update(more or {})
        headers.update(self.credential.header())
        return self._fixed | {"headers": headers}


def _base(url: str) -> URL:
    parsed = URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f'"{url}" is not an http:// or https:// URL')
    return parsed.with_query(None).with_fragment(None)
