"""What a daemon leaves out when it imports libraries, which load more than it needs of them.

All hold only while a context lasts, for whatever is imported in it first.
"""

from __future__ import annotations

import gc
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast


@contextmanager
def sparing() -> Iterator[None]:
    """All of them: how a daemon imports."""
    # structlog takes rich for tracebacks, which are made otherwise here.
    with uncollected(), absent("rich"), certificates_when_needed():
        yield


@contextmanager
def uncollected() -> Iterator[None]:
    """Import without a search for garbage: what is loaded stays, and to look is a quarter of it.

    Nor is it looked through as soon as it is loaded, which would take a tenth of a daemon's start
    to find 90 KiB.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.enable()


@contextmanager
def absent(name: str) -> Iterator[None]:
    """Import as if the package `name` were not installed: for those who take it where it is.

    Nothing happens where it has been imported.
    """
    if name in sys.modules:
        yield
        return
    # So `import` finds that there is none (Python reference, "The module cache").
    sys.modules[name] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[name]


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
