"""Invariant 6: a probe that hangs, lies or floods delays no other probe and no answer."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from harness.config import address_of
from live_daemon import Endpoint, Files, addresses, ask, good_config, running, until

CHAT = "chat.inference.example"
FLOOD = """\
import socket, sys, threading

def flood(client):
    try:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
        while True:
            client.sendall(b"10000\\r\\n" + bytes(65536) + b"\\r\\n")
    except OSError as gone:
        print("client gone:", gone, file=sys.stderr)

server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    threading.Thread(target=flood, args=(server.accept()[0],), daemon=True).start()
"""


@pytest.fixture
def flooding() -> Iterator[str]:
    """The URL of a process that answers with a body without end."""
    process = subprocess.Popen(
        [sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    with process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


@pytest.fixture
def hanging() -> Iterator[str]:
    """The URL of a socket that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


async def test_answers_and_other_probes_go_on_beside_a_flood_and_a_hang(
    files: Files, endpoints: dict[str, Endpoint], flooding: str, hanging: str
) -> None:
    text = good_config(endpoints)
    text = text.replace(endpoints["us-east"].url, flooding)
    text = text.replace(endpoints["us-west"].url, hanging)
    files.config.write_text(text)
    async with running(files.config) as started:
        assert started.verdicts["us-east-1"].serves, "64 KiB of a flood are enough to judge it"
        assert not started.verdicts["us-west-1"].serves
        for _ in range(300):
            assert addresses(await ask(started, CHAT)) == {address_of("ap-northeast")}

        endpoints["ap-northeast"].status = 500

        async def moved() -> bool:
            return addresses(await ask(started, CHAT)) == {address_of("eu-west")}

        await until(moved)
