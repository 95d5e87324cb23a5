"""A healthy endpoint of its own process: answers 200 on as many loopback ports as asked for.

    python -m bench.health.endpoint COUNT [vllm]

Prints the ports on one line once it listens. Written on the bare protocol, so that what a
benchmark measures is the prober. As vLLM it has `/metrics` of that server's size, whose counters
move from page to page, and a token for who asks.
"""

from __future__ import annotations

import asyncio
import sys

from bench.report import allow_files

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


MODELS = b'{"data":[{"id":"bench/model","root":"bench/model","max_model_len":4096}]}'
TOKEN = b'data: {"choices":[{"index":0,"text":"a"}]}\n\ndata: [DONE]\n\n'


class Healthy(asyncio.Protocol):
    """Answers each segment that ends a request; probes send no pipelined requests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(ANSWER)


class Vllm(Healthy):
    """A busy vLLM server: what it is asked for is told by the first letters of a request."""

    pages = 0

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /metrics"):
            Vllm.pages += 1
            self._answer(PAGE.replace(b"@", b"%d" % (1000 + Vllm.pages)))
        elif data.startswith(b"GET /v1/models"):
            self._answer(MODELS)
        elif data.startswith(b"POST"):
            self._answer(TOKEN)
        else:
            self._answer(b'{"version":"0.32.0"}')

    def _answer(self, body: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def page() -> bytes:
    """As much as an idle vLLM 0.32 tells, 630 lines and 57 KB; `@` stands for a counter."""
    labels = '{engine="0",model_name="bench/model"}'
    samples = [
        f"vllm:num_requests_running{labels} 3.0",
        f"vllm:num_requests_waiting{labels} 0.0",
        f"vllm:kv_cache_usage_perc{labels} 0.25",
        f"vllm:prompt_tokens_total{labels} @",
        f"vllm:generation_tokens_total{labels} @",
        f"vllm:iteration_tokens_total_count{labels} @",
        "process_start_time_seconds 1.7e9",
        'http_requests_total{handler="/v1/completions",method="POST",status="2xx"} 7.0',
    ]
    samples += [
        f'vllm:time_to_first_token_seconds_bucket{{engine="0",le="{n}.0",model_name="m"}} 9.0'
        for n in range(1, 22)
    ]
    samples.append(
        'vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="m"} 9.0'
    )
    filler = (
        'vllm:request_generation_tokens_bucket{engine="0",le="%d.0",model_name="bench/model"} 1'
    )
    return "\n".join([*(filler % n for n in range(600)), *samples, ""]).encode()


PAGE = page()


async def serve(count: int, kind: type[Healthy]) -> None:
    loop = asyncio.get_running_loop()
    # One stands for the servers of many regions, whose first probes come at once.
    servers = [await loop.create_server(kind, "127.0.0.1", 0, backlog=1024) for _ in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    allow_files(8192)
    asyncio.run(serve(int(sys.argv[1]), Vllm if "vllm" in sys.argv[2:] else Healthy))
