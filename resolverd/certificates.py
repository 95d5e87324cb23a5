"""CA certificates of this host, read by the first TLS connection and not by who may make one."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def certificates_when_needed() -> Iterator[None]:
    """Let TLS contexts that are made meanwhile read the CA certificates at their first connection.

    aiohttp makes two as it is imported, and each reads all those of the host: 70 ms and 2 MB of a
    daemon whose probes may never need them.
    """
    read_now = ssl.SSLContext.set_default_verify_paths

    def read_later(context: ssl.SSLContext) -> None:
        context.__class__ = _WithoutCertificates

    ssl.SSLContext.set_default_verify_paths = read_later  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        ssl.SSLContext.set_default_verify_paths = read_now  # type: ignore[method-assign]


class _WithoutCertificates(ssl.SSLContext):
    """A context that has yet to read the CA certificates of this host; then it is as any other."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        return self._read().wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        return self._read().wrap_socket(*args, **kwargs)

    def _read(self) -> ssl.SSLContext:
        context: ssl.SSLContext = self
        context.__class__ = ssl.SSLContext
        context.set_default_verify_paths()
        return context
