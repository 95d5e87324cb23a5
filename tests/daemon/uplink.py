"""An edge host in a network namespace, the regions in another, and a cable that can be pulled."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.fleet.lab.namespaces import Namespace, link

ROOT = Path(__file__).parents[2]
TIMEOUT = 30.0
REGION_ADDRESSES = {
    "us-east": "198.18.0.10",
    "us-west": "198.18.0.20",
    "eu-west": "198.18.0.30",
    "ap-northeast": "198.18.0.40",
}

_REGIONS = """
    import http.server, sys

    class Well(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            return None

    server = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Well)
    print("ready", flush=True)
    server.serve_forever()
"""

_ASK = """
    import sys, dns.edns, dns.message, dns.query
    subnet = dns.edns.ECSOption(sys.argv[3], 24)
    query = dns.message.make_query(sys.argv[2], "A", use_edns=0, options=[subnet])
    answer = dns.query.udp(query, "127.0.0.1", port=int(sys.argv[1]), timeout=5)
    print(answer.answer[0][0].address, answer.answer[0].ttl)
"""


def why_not() -> str:
    """Why namespaces cannot be had here; empty where they can."""
    if os.geteuid():
        return "network namespaces need root"
    for page in ("ip(8)", "nsenter(1)", "setpriv(1)"):
        if shutil.which(page.partition("(")[0]) is None:
            return f"there is no {page} here"
    try:
        Namespace("try").remove()
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip()
    return ""


@dataclass
class Cable:
    """The link between both namespaces."""

    edge: Namespace
    world: Namespace

    def pull(self, end: str) -> None:
        """Take the `edge` or the `world` end down."""
        self._set(end, "down")

    def plug(self, end: str) -> None:
        """Bring it up again."""
        self._set(end, "up")

    def _set(self, end: str, state: str) -> None:
        if end == "edge":
            self.edge.ip(f"link set to-world {state}")
        else:
            self.world.ip(f"link set to-edge {state}")


@contextmanager
def cable() -> Iterator[Cable]:
    """Both namespaces, connected, with every region's server in one of them."""
    with ExitStack() as stack:
        made = Cable(_namespace(stack, "edge"), _namespace(stack, "world"))
        link(made.edge, "to-world", made.world, "to-edge")
        made.edge.ip("addr add 198.18.0.1/24 dev to-world")
        addresses = REGION_ADDRESSES.values()
        made.world.ip(*(f"addr add {address}/24 dev to-edge" for address in addresses))
        regions = subprocess.Popen(
            [*inside(made.world), "-c", textwrap.dedent(_REGIONS)], stdout=subprocess.PIPE
        )
        stack.callback(_end, regions)
        assert regions.stdout is not None
        assert regions.stdout.readline() == b"ready\n"
        yield made


def _namespace(stack: ExitStack, node: str) -> Namespace:
    made = Namespace(node)
    stack.callback(made.remove)
    return made


def inside(namespace: Namespace) -> list[str]:
    """How to run this Python in a namespace."""
    return [*namespace.inside, sys.executable]


@dataclass
class Edge:
    """A daemon in the edge namespace; `events` are its log, one JSON line each."""

    cable: Cable
    socket: Path
    events: Path
    port: int

    def get(self, path: str) -> tuple[int, str]:
        """Ask its admin socket, which no network stands in the way of."""
        connection = http.client.HTTPConnection("localhost", timeout=TIMEOUT)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ask(self, name: str, client: str) -> tuple[str, int]:
        """One query in its namespace: the address and the TTL of the answer."""
        asked = subprocess.run(
            [*inside(self.cable.edge), "-c", textwrap.dedent(_ASK), str(self.port), name, client],
            check=True,
            capture_output=True,
            text=True,
        )
        address, ttl = asked.stdout.split()
        return address, int(ttl)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The events of that name so far."""
        lines = [json.loads(line) for line in self.events.read_text().splitlines() if line]
        return [each for each in lines if each["event"] == event]


@contextmanager
def edge(cable: Cable, place: Path) -> Iterator[Edge]:
    """Serve `place`, whose files are written, in the edge namespace; it has begun to start."""
    events = place / "events"
    with events.open("wb") as log:
        daemon = subprocess.Popen(
            [*inside(cable.edge), "-m", "resolverd", "serve", "--log", "json"],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=log,
        )
    try:
        yield Edge(cable, place / "admin.sock", events, 0)
    finally:
        _end(daemon)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(TIMEOUT)
    if process.stdout is not None:
        process.stdout.close()
