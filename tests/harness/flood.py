"""Endpoints that never stop sending, each at another stage of its response.

    python -m tests.harness.flood [CERTIFICATE]

A process of its own, for what it sends must cost the process under test nothing. Prints one JSON
object: the port of each stage, in HTTP or with a certificate's file in HTTPS. Each connection is
sent the stage's beginning once there is a request, and then its piece without end, until the
client closes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import sys
import threading
from typing import NamedTuple

_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_STREAM = _OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
# Octets that one call sends, about.
_BURST = 64 * 1024


class Stage(NamedTuple):
    """What is sent once, and what over and over; `path` is where, "" everywhere.

    `ends` is how many octets of the piece are sent before the connection is closed in order;
    `below_tls` sends it in place of a TLS handshake.
    """

    begin: bytes
    piece: bytes
    path: str = ""
    ends: int | None = None
    below_tls: bool = False


def _chunk(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


STAGES = {
    # A client ignores them, without end, while it waits for the server's hello (RFC 5246, 7.4.1.1).
    "hello requests": Stage(b"", b"\x16\x03\x03\x10\x00" + bytes(4096), below_tls=True),
    "interim responses": Stage(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "short interim responses": Stage(b"", b"HTTP/1.1 103\r\n\r\n"),
    "a head without end": Stage(_OK, b"X: y\r\n"),
    "a header line without end": Stage(_OK + b"X: ", b"y"),
    "blank lines": Stage(b"", b"\r\n"),
    "no HTTP": Stage(b"", b"\x00\xff"),
    "chunk extensions": Stage(_CHUNKED, b"1;a=b;c=d;e=f;g=h\r\na\r\n"),
    "a chunk extension without end": Stage(_CHUNKED + b"1", b";a=b"),
    "a chunk size of zeros": Stage(_CHUNKED, b"0"),
    "tiny chunks": Stage(_CHUNKED, b"1\r\na\r\n"),
    "trailers": Stage(_CHUNKED + b"1\r\na\r\n0\r\n", b"X: y\r\n"),
    "a trailer without end": Stage(_CHUNKED + b"1\r\na\r\n0\r\nX: ", b"y"),
    "a body without end": Stage(_OK + b"\r\n", b"a"),
    "another response behind it": Stage(
        _OK + b"Content-Length: 1\r\n\r\na", _OK + b"Content-Length: 0\r\n\r\n"
    ),
    "zeros that are compressed": Stage(
        _OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", b"\x00"
    ),
    "comments in a stream": Stage(_STREAM, _chunk(b": ping\n\n"), "/v1/completions"),
    "white space before an answer": Stage(_STREAM, _chunk(b" \n"), "/v1/completions"),
    "a stream's line without end": Stage(
        _STREAM + _chunk(b"data: "), _chunk(b"x"), "/v1/completions"
    ),
    "events without a token": Stage(_STREAM, _chunk(b"data: {}\n\n"), "/v1/completions"),
    "a page of samples": Stage(
        _OK + b"\r\n", b'vllm:num_requests_running{engine="0"} 1\n', "/metrics", 3_900_000
    ),
    "a page of other samples": Stage(
        _OK + b"\r\nvllm:num_requests_running 1\n", b"vllm:num_x 1\n", "/metrics", 3_900_000
    ),
    "a page of blank lines": Stage(_OK + b"\r\n", b"\n", "/metrics", 3_900_000),
    "a page of labels": Stage(
        _OK + b"\r\n", b'vllm:num_requests_running{a="' + b'b",c="' * 90 + b"\n", "/metrics",
        3_900_000,
    ),
    "a page of slots": Stage(_OK + b"\r\n[", b'{"id":0,"n_ctx":1},', "/slots", 3_900_000),
    "a list of nests": Stage(_OK + b"\r\n", b"[", "/v1/models", 1_000_000),
    "a list of lists": Stage(_OK + b"\r\n[", b"[],", "/v1/models", 1_000_000),
    "an object of keys": Stage(_OK + b'\r\n{"":', b'0,"":', "/v1/models", 1_000_000),
    "a number without end": Stage(_OK + b"\r\n[0.", b"1", "/v1/models", 1_000_000),
    "words of an error": Stage(
        b'HTTP/1.1 503 Full\r\n\r\n{"error":[', b'{"message":"a"},', "/v1/completions", 65_000
    ),
}  # fmt: skip


def _answer(connection: socket.socket, stage: Stage) -> None:
    with connection, contextlib.suppress(OSError, ValueError):
        request = b""
        while b"\r\n\r\n" not in request and not (stage.below_tls and request):
            got = connection.recv(65536)
            if not got:
                return
            request += got
        if stage.path and request.split(b" ")[1] != stage.path.encode():
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(stage.begin)
        burst = stage.piece * max(1, _BURST // len(stage.piece))
        sent = 0
        while stage.ends is None or sent < stage.ends:
            connection.sendall(burst)
            sent += len(burst)


def _serve(listener: socket.socket, stage: Stage, tls: ssl.SSLContext | None) -> None:
    def one(connection: socket.socket) -> None:
        if tls is not None and not stage.below_tls:
            try:
                connection = tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        _answer(connection, stage)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=one, args=(connection,), daemon=True).start()


def main() -> None:
    """Serve every stage until standard input ends."""
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[1])
    ports = {}
    for name, stage in STAGES.items():
        listener = socket.create_server(("127.0.0.1", 0))
        ports[name] = listener.getsockname()[1]
        threading.Thread(target=_serve, args=(listener, stage, tls), daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
