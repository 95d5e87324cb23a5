"""aiohttp's reader of responses, which here ends each response where its own head says.

To aiohttp's parser, octets after the end are the beginning of another response, and a malformed
one, but only if they come in the same segment. Servers send them: a body after the headers that
answer HEAD, a body under 204, text whose length was counted in characters. A probe's verdict may
not hang on segments, so what follows the end is dropped, as curl does.
"""

from __future__ import annotations

from typing import Any

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

from resolverd.collector import thread_cpu
from resolverd.health.probes.bounds import MAX_HOLD, OverBoundError, charge, too_many_octets
from resolverd.health.probes.framing import MAX_HEAD, end_of_head, framed, is_interim
from resolverd.health.probes.trace import current_trace

_BEGINNING = b"HTTP/"
# Octets that are parsed at once: few at first, for they may be the dear ones, more where they are
# not, so that a long body costs no more for it.
_FIRST_SLICE, _MIN_SLICE, _MAX_SLICE = 4096, 512, 64 * 1024


class FramedProtocol(ResponseHandler):
    """A response handler that reads one response, its interim ones included, and no octet more.

    A head is handed on when it is whole, and those of interim responses are dropped. What does not
    begin as HTTP is handed on as it comes, for the parser to say so at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._trace = current_trace()
        self._octets = 0
        self._slice = _FIRST_SLICE
        self._turn = 0.0  # seconds of CPU since the loop's last turn
        self._waiting = False  # for the loop's next turn, together with `_rest`
        self._rest = b""
        self._headers_only = False
        self._head: bytearray | None = bytearray()  # None once the last head is whole
        self._heads = 0  # octets of the heads so far
        self._left: int | None = None  # octets of the body that are to come, if known

    def set_response_params(self, *, skip_payload: bool = False, **parameters: Any) -> None:
        """aiohttp's call before it reads a response; `skip_payload` is its word for HEAD."""
        self._headers_only = skip_payload
        super().set_response_params(skip_payload=skip_payload, **parameters)

    def data_received(self, data: bytes) -> None:
        """Read on, up to the end of the response. aiohttp resumes its parser by empty `data`."""
        if not data or self._parser is None:
            super().data_received(data)
            if self._waiting:
                self._loop.call_soon(self._read_rest)
            return
        self._octets += len(data)
        if too_many_octets(self._trace, self._octets):
            self._refuse(OverBoundError(self._trace.over))
        elif self._waiting:
            self._rest += data
        else:
            self._parse(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection has ended; what it brought before is read to its end."""
        while self._rest and not self._reading_paused:
            self._read_rest()
        self._waiting, self._rest = False, b""
        super().connection_lost(exc)

    def _parse(self, data: bytes) -> None:
        """Parse as much of `data` as one turn of the event loop has time for; keep the rest."""
        at, began = 0, thread_cpu()
        while at < len(data) and self._parser is not None and not self._reading_paused:
            end = at + self._slice
            part = self._within_response(data[at:end] if at or end < len(data) else data)
            if part:
                super().data_received(part)
            at, now = end, thread_cpu()
            self._adapt(now - began)
            self._turn += now - began
            if charge(self._trace, now - began):
                self._refuse(OverBoundError(self._trace.over))
                return
            if self._exception is not None and self._payload is not None:
                # aiohttp tells of a malformed trailer only whoever waits for the next response.
                self._payload.set_exception(ClientPayloadError("malformed trailer"))
                return
            if self._turn > MAX_HOLD:
                break
            began = now
        if self._parser is not None and (at < len(data) or self._turn > MAX_HOLD):
            self._wait(data[at:])

    def _adapt(self, took: float) -> None:
        """Make slices longer while they are cheap, and shorter where they are not."""
        if self._reading_paused:
            self._slice = _FIRST_SLICE  # the parser has kept what it had no room for
        elif took > MAX_HOLD / 2:
            self._slice = max(_MIN_SLICE, self._slice // 2)
        elif took < MAX_HOLD / 8:
            self._slice = min(_MAX_SLICE, self._slice * 2)

    def _wait(self, rest: bytes) -> None:
        """Go on in the loop's next turn, or where aiohttp has paused when it resumes."""
        self._waiting, self._rest = True, rest
        self._pause_transport_reading()
        if not self._reading_paused:
            self._loop.call_soon(self._read_rest)

    def _read_rest(self) -> None:
        if not self._waiting or self._reading_paused:
            return
        self._turn, self._waiting = 0.0, False
        rest, self._rest = self._rest, b""
        self._parse(rest)
        if not self._reading_paused and not self._buffer_paused:
            self._resume_transport_reading()

    def _resume_transport_reading(self) -> None:
        if not self._waiting:
            super()._resume_transport_reading()

    def _within_response(self, data: bytes) -> bytes:
        """What of `data`, and of what was held back, is the response's and can be parsed now."""
        if self._head is None:
            return self._of_body(data)
        searched, held = len(self._head), self._head
        held += data
        at = 0  # where the head that is not whole yet begins; interim ones before it are dropped
        while _may_be_http(held, at):
            end = end_of_head(held, max(at, searched - 2))
            if self._heads + (len(held) if end is None else end) > MAX_HEAD:
                return self._refuse(BadHttpMessage(f"headers of more than {MAX_HEAD // 1024} KiB"))
            if end is None:
                self._head = held[at:]
                self._heads += at
                return b""
            if not is_interim(head := bytes(held[at:end])):
                self._head = None
                head, self._left = framed(head, headers_only=self._headers_only)
                return head + self._of_body(bytes(held[end:]))
            at = end
        self._head = None
        return bytes(held[at:])

    def _of_body(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data

    def _refuse(self, error: BadHttpMessage | OverBoundError) -> bytes:
        """Have whoever reads the response meet `error`, and close the connection."""
        self._head, self._left = None, 0
        self._waiting, self._rest = False, b""
        self.set_exception(error)
        if self._payload is not None:
            self._payload.set_exception(error)
        if self.transport is not None:
            self.transport.abort()
        return b""


def _may_be_http(held: bytearray, at: int) -> bool:
    begun = held[at : at + len(_BEGINNING)]
    return begun == _BEGINNING[: len(begun)]
