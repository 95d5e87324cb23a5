"""One HTTP exchange with a server that is not trusted, for the kinds that make several.

Redirects are not followed, nothing is decompressed, no cookie is kept, and a body has a limit.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from resolverd.health.kinds.http_settings import HttpSettings
from resolverd.health.probes.body import read_content
from resolverd.health.probes.credential import Credential
from resolverd.health.probes.plain_request import PlainRequest, plain_request
from resolverd.health.probes.tls import TlsSettings

# All visible ASCII but what would end the request's target.
_SENT = string.punctuation.replace("#", "")


def request_url(url: str, path: str, *, below: bool = False) -> URL:
    """The URL that asks for `path`, its query included, in place of `url`'s own or `below` that.

    What is written is what is sent: nothing is decoded or encoded anew, but for what no request
    line can carry. Raises ValueError when `url` is not an HTTP URL.
    """
    parsed, written = URL(url), urlsplit(url)
    if parsed.scheme not in ("http", "https") or not parsed.raw_host:
        raise ValueError(f'"{url}" is not an http:// or https:// URL')
    whole = written.path.rstrip("/") + path if below else path
    return URL(f"{parsed.scheme}://{parsed.raw_authority}{quote(whole, safe=_SENT)}", encoded=True)


class HttpRequest:
    """What every request of one target carries: headers, credential and TLS settings."""

    def __init__(self, settings: HttpSettings) -> None:
        self.credential = Credential(settings.credential)
        self._tls = TlsSettings(settings)
        self._headers = CIMultiDict(
            {"User-Agent": "resolverd-probe", "Accept-Encoding": "identity"}
        )
        if settings.host:
            self._headers["Host"] = settings.host
        self._headers.update(settings.headers)
        self._server_hostname = settings.sni or None

    @property
    def fixed(self) -> bool:
        """Whether all requests carry the same, and no file has to be read for them."""
        return not self.credential.named and not self._tls.named

    def plain(self, method: str, url: URL) -> PlainRequest | None:
        """A request without a body in the clear; None where it has no such form, or not always."""
        return plain_request(method, url, self._headers) if self.fixed else None

    async def arguments(self, more: Mapping[str, str] | None = None) -> dict[str, Any]:
        """aiohttp's arguments for one request, with `more` headers. Raises CredentialError."""
        headers = self._headers.copy()
        headers.update(more or {})
        headers.update(await self.credential.header())
        return {
            "headers": headers,
            "allow_redirects": False,
            "ssl": await self._tls.context(),
            "server_hostname": self._server_hostname,
        }


async def read_up_to(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or its first `limit` octets; then the connection is closed instead of drained."""
    body = await read_content(response.content, limit)
    if len(body) >= limit:
        response.close()
    return body


def printable(value: object, limit: int = 100) -> str:
    """A server's own words as one line that may stand in a log; empty for what is no text."""
    if not isinstance(value, str):
        return ""
    if len(value) <= limit and value.isprintable():
        return value
    line = "".join(c if c.isprintable() else " " for c in value[: limit + 1])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
