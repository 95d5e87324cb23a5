"""The `http` kind: an endpoint serves when its answer has the right status and text.

The server is not trusted: redirects are not followed, nothing is decompressed, no cookie
is kept, and at most 64 KiB of the body are read. A body that ends within that must end
within the timeout; a longer one is judged by its first 64 KiB.
"""

from __future__ import annotations

from resolverd.health.kinds.http import HttpProbe
from resolverd.health.outcome import Condition
from resolverd.health.probes.exchange import HttpRequest, read_up_to, request_url
from resolverd.health.probes.run import Ask, ProbeFailedError, Seen
from resolverd.health.probes.tools import Tools

MAX_READ = 64 * 1024


def prepare(url: str, settings: HttpProbe, tools: Tools) -> Ask:
    """Asks `url` with the settings' path. Raises ValueError when `url` is not an HTTP URL."""
    target = request_url(url, settings.path)
    request = HttpRequest(settings)
    expected = settings.expect_body.encode()
    statuses = frozenset(settings.expect_status)
    body = settings.body.encode() or None

    async def ask() -> Seen:
        arguments = await request.arguments()
        async with tools.session.request(
            settings.method, target, data=body, **arguments
        ) as response:
            status = response.status
            if status in (401, 403) and settings.credential and status not in statuses:
                reason = f"HTTP {status}: the credential is not accepted"
                raise ProbeFailedError(reason, Condition.MISCONFIGURED)
            if status not in statuses:
                raise ProbeFailedError(f"HTTP {status}")
            if expected not in await read_up_to(response, MAX_READ):
                raise ProbeFailedError(f'HTTP {status}, body lacks "{_brief(settings)}"')
            return Seen(f"HTTP {status}")

    return ask


def _brief(settings: HttpProbe) -> str:
    text = settings.expect_body
    return text if len(text) <= 40 else f"{text[:39]}…"
