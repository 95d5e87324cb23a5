"""A prober that is late, or was stopped, takes nobody for unresponsive by that."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.kind import kind_named
from resolverd.health.probes import Tools, run

KINDS = {
    "http": {"kind": "http", "timeout": 0.4},
    "a body, by the library": {"kind": "http", "timeout": 0.4, "method": "POST", "body": "x"},
    "an odd response": {"kind": "http", "timeout": 0.4, "path": "/odd"},
    "openai": {"kind": "openai", "timeout": 0.4, "model": "m"},
    "vllm": {"kind": "vllm", "timeout": 0.4, "canary_timeout": 0.4, "model": "m"},
}
SAID = {"http": "HTTP 200", "openai": "answer in ", "vllm": "token in "}
BODIES = {
    b"/v1/models": b'{"data": [{"id": "m"}]}',
    b"/v1/completions": b'{"choices": [{"text": "a", "finish_reason": "length"}]}',
    b"/metrics": b'vllm:generation_tokens_total{engine="0",model_name="m"} 5\n',
}


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server in a thread of its own, which answers each connection at once."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, suppress(ConnectionError):
                request = client.recv(4096)
                if b"/odd" in request:
                    client.sendall(b"HTTP/1.0 200 OK\r\n\r\nok")  # up to the connection's end
                elif request:
                    body = BODIES.get(request.split()[1], b"ok")
                    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                    client.sendall(head + body)
                    while client.recv(4096):
                        pass

    thread = threading.Thread(target=answer)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("held", [0.5, 0.9])
async def test_an_endpoint_that_answers_does_not_fail_as_the_prober_was_held(
    settings: dict[str, object], held: float, port: int, tools: Tools
) -> None:
    """Nothing is asked, and nothing read, for longer than the endpoint may take."""
    made = complete_probe(settings)
    ask = kind_named(made.kind).prepare(f"http://127.0.0.1:{port}/", made, tools)
    asking = asyncio.create_task(run(ask, made.longest))
    await asyncio.sleep(0)
    time.sleep(held)  # noqa: ASYNC251 - that is the fault
    outcome = await asking
    assert (outcome.ok, outcome.reason.startswith(SAID[made.kind])) == (True, True), outcome.reason


async def test_what_a_prober_behind_its_sockets_has_not_seen_fails_no_endpoint(
    port: int, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if thousands of other sockets came first: this one's turn never does."""
    assert tools.plain is not None
    poller = tools.plain.poller
    asyncio.get_running_loop().remove_reader(poller._epoll.fileno())
    monkeypatch.setattr(poller, "behind", True)
    monkeypatch.setattr(poller, "catch_up", lambda _: None)
    made = complete_probe({"kind": "http", "timeout": 0.4})
    ask = kind_named("http").prepare(f"http://127.0.0.1:{port}/", made, tools)
    outcome = await run(ask, made.timeout)
    assert (outcome.ok, outcome.reason) == (True, "HTTP 200")


async def test_a_prober_behind_its_sockets_still_tells_an_endpoint_that_hangs(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tools.plain is not None
    monkeypatch.setattr(tools.plain.poller, "behind", True)
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        made = complete_probe({"kind": "http", "timeout": 0.2})
        url = f"http://127.0.0.1:{hangs.getsockname()[1]}/"
        outcome = await run(kind_named("http").prepare(url, made, tools), made.timeout)
    assert (outcome.ok, outcome.reason) == (False, "timed out after 0.2 s")
