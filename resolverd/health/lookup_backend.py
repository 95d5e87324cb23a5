"""The sockets of lookups, which hand on no DNS message that is longer than an answer of addresses.

A message is parsed in the event loop in one go, and one of 64 KiB may hold four thousand records
of names made of 127 labels each.
"""

from __future__ import annotations

from typing import Any, Self

import dns.asyncbackend
import dns.exception

# Octets of a message: some 250 addresses. RFC 6891 §6.2.5 suggests as much for UDP.
MAX_MESSAGE = 4096


class LongAnswerError(dns.exception.FormError):
    """A nameserver has sent a message of more than `MAX_MESSAGE` octets."""


class _BoundedSocket:
    """A socket of dnspython's, for datagrams or a stream; `recvfrom` and `recv` are bounded."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._inner.close()

    async def recvfrom(self, size: int, timeout: Any) -> Any:  # noqa: ASYNC109 - dnspython's own
        wire, sender = await self._inner.recvfrom(size, timeout)
        if len(wire) > MAX_MESSAGE:
            raise LongAnswerError
        return wire, sender

    async def recv(self, size: int, timeout: Any) -> Any:  # noqa: ASYNC109 - dnspython's own
        # What is asked for is what is left of the message, whose length has come before it.
        if size > MAX_MESSAGE:
            raise LongAnswerError
        return await self._inner.recv(size, timeout)


class BoundedBackend:
    """dnspython's backend of asyncio, with sockets that raise LongAnswerError."""

    def __init__(self) -> None:
        self._inner: Any = dns.asyncbackend.get_backend("asyncio")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def make_socket(self, *arguments: Any, **options: Any) -> Any:
        """A socket for UDP or TCP."""
        return _BoundedSocket(await self._inner.make_socket(*arguments, **options))
