"""CA certificates of this host, read by the first TLS connection and not by who may make one."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@cache
def trusting_this_host() -> ssl.SSLContext:
    """What verifies servers whose CAs nobody names: those of this host; one for all of them.

    aiohttp's own is not for that: see `verifying`.
    """
    with certificates_when_needed():
        context = verifying()
    context.set_alpn_protocols(("http/1.1",))
    return context


def verifying(ca_file: str | None = None) -> ssl.SSLContext:
    """What verifies servers by the CAs of this file, or by those of this host.

    Python 3.13 demands all of RFC 5280 of a certificate, such as an Authority Key Identifier, which
    those of a private CA often lack. Other clients do not: the server would be down for us alone.
    Raises OSError and ssl.SSLError.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


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
