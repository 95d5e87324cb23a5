"""The octets of a request in the clear, as aiohttp would write them, where that is plain to see.

Everything that asks for more (a body, credentials in the URL, headers that frame the message or
cannot be sent) has no plain form, and is left to aiohttp.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from yarl import URL

# So that it fits into any socket's buffer at once.
_MAX_OCTETS = 4096
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?")
# Headers that say how the message is framed, or what becomes of the connection, and the cookie,
# which aiohttp writes in its own way.
_FRAMING = frozenset(
    {"connection", "content-length", "transfer-encoding", "upgrade", "expect", "te", "trailer",
     "keep-alive", "proxy-connection", "content-type", "content-encoding", "cookie"}
)  # fmt: skip


class PlainRequest(NamedTuple):
    """Whom to connect to, what to send, and whether the answer has no body."""

    host: str
    port: int
    octets: bytes
    headers_only: bool


def plain_request(method: str, url: URL, headers: Mapping[str, str]) -> PlainRequest | None:
    """A request without a body; None where there is no plain form of it."""
    host, port = url.raw_host, url.port
    if url.scheme != "http" or not host or not port or "%" in host or method not in ("GET", "HEAD"):
        return None
    if url.raw_user is not None or url.raw_password is not None:
        return None
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1"]
    names = [name.lower() for name in headers]
    if len({*names}) != len(names) or not _FRAMING.isdisjoint(names):
        return None
    if "host" not in names:
        lines.append(f"Host: {_host_header(url)}")
    for name, value in sorted(headers.items(), key=lambda item: item[0].lower() != "host"):
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return None
        lines.append(f"{name}: {value}")
    octets = "\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii")
    if len(octets) > _MAX_OCTETS:
        return None
    return PlainRequest(host, port, octets, method == "HEAD")


def _host_header(url: URL) -> str:
    return url.host_port_subcomponent or ""
