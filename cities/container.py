"""The table as it ships: one zlib stream, which every Python unpacks quickly."""

from __future__ import annotations

import zlib

_LEVEL = 9


def packed(content: bytes) -> bytes:
    """`content` as the package has it; `resolverd.geo.embedded.content` unpacks it."""
    return zlib.compress(content, _LEVEL)
