"""aiohttp's reader of responses, which here ends each response where its own head says.

To aiohttp's parser, octets after the end are the beginning of another response, and a malformed
one, but only if they come in the same segment. Servers send them: a body after the headers that
answer HEAD, a body under 204, text whose length was counted in characters. A probe's verdict may
not hang on segments, so what follows the end is dropped, as curl does.
"""

from __future__ import annotations

from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

from resolverd.health.probes.framing import MAX_HEAD, end_of_head, framed, is_interim

_BEGINNING = b"HTTP/"


class FramedProtocol(ResponseHandler):
    """A response handler that reads one response, its interim ones included, and no octet more.

    A head is handed on when it is whole. What does not begin as HTTP is handed on as it comes, for
    the parser to say so at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._headers_only = False
        self._head: bytearray | None = bytearray()  # None once the last head is whole
        self._left: int | None = None  # octets of the body that are to come, if known

    def set_response_params(self, *, skip_payload: bool = False, **parameters: Any) -> None:
        """aiohttp's call before it reads a response; `skip_payload` is its word for HEAD."""
        self._headers_only = skip_payload
        super().set_response_params(skip_payload=skip_payload, **parameters)

    def data_received(self, data: bytes) -> None:
        """Read on, up to the end of the response. aiohttp resumes its parser by empty `data`."""
        if data and self._parser is not None:
            data = self._within_response(data)
            if not data:
                return
        super().data_received(data)

    def _within_response(self, data: bytes) -> bytes:
        """What of `data`, and of what was held back, is the response's and can be parsed now."""
        if self._head is None:
            return self._of_body(data)
        searched, held = len(self._head), self._head
        held += data
        at = 0  # where the head that is not whole yet begins
        while _may_be_http(held, at):
            end = end_of_head(held, max(at, searched - 2))
            if (len(held) if end is None else end) - at > MAX_HEAD:
                return self._refuse()
            if end is None:
                self._head = held[at:]
                return bytes(held[:at])
            if not is_interim(head := bytes(held[at:end])):
                self._head = None
                head, self._left = framed(head, headers_only=self._headers_only)
                return bytes(held[:at]) + head + self._of_body(bytes(held[end:]))
            at = end
        self._head = None
        return bytes(held)

    def _of_body(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data

    def _refuse(self) -> bytes:
        self._head, self._left = None, 0
        self.set_exception(BadHttpMessage(f"headers of more than {MAX_HEAD // 1024} KiB"))
        if self.transport is not None:
            self.transport.close()
        return b""


def _may_be_http(held: bytearray, at: int) -> bool:
    begun = held[at : at + len(_BEGINNING)]
    return begun == _BEGINNING[: len(begun)]
