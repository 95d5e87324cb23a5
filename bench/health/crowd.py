"""Thousands of endpoints in one process: every address of 127.0.0.0/8 on one port.

    python -m bench.health.crowd [vllm]

Prints the port once it listens. Lines on standard input: `fail ADDRESS` has that one answer 503
from now on, and each of those answers is told as `failed ADDRESS MONOTONIC`; `count` has the number
of requests so far told. On bare sockets, so that what a benchmark measures is who asks.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time

from bench.health.endpoint import ANSWER, MODELS, PAGE, TOKEN
from bench.report import allow_files

FAILURE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


class Crowd:
    """Answers one request for each connection, and leaves it to the client to close."""

    def __init__(self, *, vllm: bool) -> None:
        self.vllm, self.requests = vllm, 0
        self.failing: set[str] = set()
        self.clients: dict[int, socket.socket] = {}
        self.epoll = select.epoll()
        self.listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
        self.listener.setblocking(False)
        self.epoll.register(self.listener.fileno(), select.EPOLLIN)
        self.epoll.register(0, select.EPOLLIN)

    def serve(self) -> None:
        """Until standard input ends."""
        print(self.listener.getsockname()[1], flush=True)
        while True:
            for descriptor, _ in self.epoll.poll():
                if descriptor == self.listener.fileno():
                    self._accept()
                elif descriptor:
                    self._serve(descriptor)
                elif not self._obey():
                    return

    def _accept(self) -> None:
        try:
            for _ in range(64):
                client, _ = self.listener.accept()
                client.setblocking(False)
                self.clients[client.fileno()] = client
                self.epoll.register(client.fileno(), select.EPOLLIN)
        except BlockingIOError:
            return

    def _serve(self, descriptor: int) -> None:
        client = self.clients[descriptor]
        try:
            request = client.recv(8192)
            if request:
                self._answer(client, request)
                return
        except OSError:
            pass
        del self.clients[descriptor]
        client.close()

    def _answer(self, client: socket.socket, request: bytes) -> None:
        self.requests += 1
        if self.failing and (address := client.getsockname()[0]) in self.failing:
            client.send(FAILURE)
            print("failed", address, time.monotonic(), flush=True)
        elif not self.vllm:
            client.send(ANSWER)
        elif request.startswith(b"GET /metrics"):
            self._send(client, PAGE.replace(b"@", b"%d" % (1000 + self.requests)))
        elif request.startswith(b"GET /v1/models"):
            self._send(client, MODELS)
        elif request.startswith(b"POST"):
            self._send(client, TOKEN)
        else:
            self._send(client, b'{"version":"0.32.0"}')

    def _send(self, client: socket.socket, body: bytes) -> None:
        """What does not fit is sent while nobody else is: a page fits into any socket's buffer."""
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 256 * 1024)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def _obey(self) -> bool:
        lines = os.read(0, 65536).decode()
        for line in lines.splitlines():
            word, _, address = line.partition(" ")
            if word == "fail":
                self.failing.add(address)
            else:
                print("count", self.requests, time.monotonic(), flush=True)
        return bool(lines)


if __name__ == "__main__":
    allow_files(65536)
    Crowd(vllm="vllm" in sys.argv[1:]).serve()
