"""A healthy endpoint of its own process: answers 200 on as many loopback ports as asked for.

Prints the ports on one line once it listens. Written on the bare protocol, so that what a
benchmark measures is the prober.
"""

from __future__ import annotations

import asyncio
import sys

from bench.report import allow_files

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


class Healthy(asyncio.Protocol):
    """Answers each segment that ends a request; probes send no pipelined requests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(ANSWER)


async def serve(count: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Healthy, "127.0.0.1", 0, backlog=16) for _ in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    allow_files(8192)
    asyncio.run(serve(int(sys.argv[1])))
