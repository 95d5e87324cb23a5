"""The `http` kind: an endpoint serves when its answer has the right status and text.

The server is not trusted: redirects are not followed, nothing is decompressed, no cookie
is kept, and at most 64 KiB of the body are read. A body that ends within that must end
within the timeout; a longer one is judged by its first 64 KiB.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from resolverd.config.probe import Probe
from resolverd.health.probes.exchange import on_a_live_connection, read_up_to
from resolverd.health.probes.run import Ask, ProbeFailedError, Seen, hear
from resolverd.health.probes.tools import Tools

MOST_READ = 64 * 1024


def prepare(url: str, settings: Probe, tools: Tools) -> Ask:
    """Asks `url` with the settings' path. Raises ValueError when `url` is not an HTTP URL."""
    target = _target(url, settings.path)
    request = _request(settings)
    expected = settings.expect_body.encode()
    statuses = frozenset(settings.expect_status)

    async def ask_once(session: aiohttp.ClientSession) -> Seen:
        async with session.request(settings.method, target, **request) as response:
            hear()
            if response.status not in statuses:
                raise ProbeFailedError(f"HTTP {response.status}")
            body = await read_up_to(response, MOST_READ)
            if expected not in body:
                raise ProbeFailedError(f'HTTP {response.status}, body lacks "{_brief(settings)}"')
            return Seen(f"HTTP {response.status}")

    async def ask() -> Seen:
        return await on_a_live_connection(ask_once, tools)

    return ask


def _target(url: str, path: str) -> URL:
    parsed = URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f'"{url}" is not an http:// or https:// URL')
    path, _, query = path.partition("?")
    return parsed.with_path(path).with_query(query or None)


def _request(settings: Probe) -> dict[str, Any]:
    """Arguments of every request of this target, made once."""
    headers = CIMultiDict({"User-Agent": "resolverd-probe", "Accept-Encoding": "identity"})
    if settings.host:
        headers["Host"] = settings.host
    headers.update(settings.headers)
    return {
        "headers": headers,
        "data": settings.body.encode() or None,
        "allow_redirects": False,
        "ssl": settings.verify_tls,
        "server_hostname": settings.sni or None,
    }


def _brief(settings: Probe) -> str:
    text = settings.expect_body
    return text if len(text) <= 40 else f"{text[:39]}…"
