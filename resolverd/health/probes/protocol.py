"""aiohttp's reader of responses, which here ends a response to HEAD at its blank line.

Some servers send the body all the same. RFC 9110 §9.3.2 has none there, so to a parser the body is
the beginning of another response, and a malformed one.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp.client_proto import ResponseHandler

_BLANK_LINE = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d")


class HeadProtocol(ResponseHandler):
    """A response handler that drops whatever follows the headers of an answer to HEAD."""

    _headers_only = False
    _head = b""
    _ended = False

    def set_response_params(self, *, skip_payload: bool = False, **parameters: Any) -> None:
        """aiohttp's call before it reads a response; `skip_payload` is its word for HEAD."""
        self._headers_only = skip_payload
        super().set_response_params(skip_payload=skip_payload, **parameters)

    def data_received(self, data: bytes) -> None:
        """Read on, up to the end of the headers where that is all there is to be."""
        super().data_received(self._headers_of(data) if self._headers_only and data else data)

    def _headers_of(self, data: bytes) -> bytes:
        """What of `data` belongs to the headers, interim responses (1xx) included."""
        if self._ended:
            return b""
        read, self._head = len(self._head), self._head + data
        while end := _BLANK_LINE.search(self._head):
            if not _INTERIM.match(self._head):
                self._ended = True
                return data[: end.end() - read]
            self._head, read = self._head[end.end() :], read - end.end()
        return data
