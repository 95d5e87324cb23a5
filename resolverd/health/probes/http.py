"""The `http` kind: an endpoint serves when its answer has the right status and text.

The server is not trusted: redirects are not followed, nothing is decompressed, no cookie
is kept, and at most 64 KiB of the body are read. A body that ends within that must end
within the timeout; a longer one is judged by its first 64 KiB.
"""

from __future__ import annotations

from resolverd.config.secrets import hide
from resolverd.dns.hostnames import is_address
from resolverd.health.kinds.http import HttpProbe
from resolverd.health.outcome import Condition
from resolverd.health.probes.exchange import HttpRequest, read_up_to, request_url
from resolverd.health.probes.http_attempt import MAX_READ, HttpAttempt
from resolverd.health.probes.known_response import KnownResponse
from resolverd.health.probes.run import Attempt, Ended, ProbeFailedError, Seen
from resolverd.health.probes.tools import Tools

__all__ = ["MAX_READ", "HttpAsk", "prepare"]


def prepare(url: str, settings: HttpProbe, tools: Tools) -> HttpAsk:
    """Asks `url` with the settings' path. Raises ValueError when `url` is not an HTTP URL."""
    return HttpAsk(url, settings, tools)


class HttpAsk:
    """Asks again and again, by aiohttp or, in the clear and without a credential, directly."""

    def __init__(self, url: str, settings: HttpProbe, tools: Tools) -> None:
        self.tools = tools
        self._target = request_url(url, settings.path)
        self._request = HttpRequest(settings)
        self._settings = settings
        self._expected = settings.expect_body.encode()
        self._statuses = frozenset(settings.expect_status)
        self._body = settings.body.encode() or None
        self._secrets: tuple[str, ...] = ()
        # The last good response, and what it says.
        self.known: tuple[KnownResponse, Seen] | None = None
        self.plain = None if self._body else self._request.plain(settings.method, self._target)
        self._address = self.plain.host if self.plain and is_address(self.plain.host) else None

    def hiding(self, secrets: tuple[str, ...]) -> HttpAsk:
        """The same, without what a server repeats of our secrets."""
        self._secrets = secrets
        self.known = None
        return self

    async def __call__(self) -> Seen:
        """Ask once, by aiohttp. Raises ProbeFailedError."""
        arguments = await self._request.arguments()
        async with self.tools.session.request(
            self._settings.method, self._target, data=self._body, **arguments
        ) as response:
            status, body = response.status, b""
            if self.wants(status):
                body = await read_up_to(response, MAX_READ)
            return self.judged(status, body)

    def begin(self, within: float, ended: Ended) -> Attempt | None:
        """Ask once, directly; None where that cannot be."""
        client = self.tools.plain
        if client is None or self.plain is None:
            return None
        address = self._address or self.tools.only_address(self.plain.host)
        return None if address is None else HttpAttempt(self, client, address, within, ended)

    def wants(self, status: int) -> bool:
        """Whether the body of such a response matters."""
        return status in self._statuses

    def judged(self, status: int, body: bytes) -> Seen:
        """What a response says. Raises ProbeFailedError."""
        settings = self._settings
        if status not in self._statuses:
            if status in (401, 403) and settings.credential:
                reason = f"HTTP {status}: the credential is not accepted"
                raise ProbeFailedError(self._shown(reason), Condition.MISCONFIGURED)
            raise ProbeFailedError(self._shown(f"HTTP {status}"))
        if self._expected not in body:
            reason = f'HTTP {status}, body lacks "{_brief(settings)}"'
            raise ProbeFailedError(self._shown(reason))
        return Seen(self._shown(f"HTTP {status}"))

    def _shown(self, reason: str) -> str:
        return hide(reason, self._secrets) if self._secrets else reason


def _brief(settings: HttpProbe) -> str:
    text = settings.expect_body
    return text if len(text) <= 40 else f"{text[:39]}…"
