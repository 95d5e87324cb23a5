"""`resolverd serve` as a process with any standard error, asked by DNS and by its admin socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.message
import dns.query
from cli.command import environment

from harness.config import CHAT, REGIONS, address_of, config_text
from harness.programs import free_port
from harness.server import HEAD

TIMEOUT = 60.0
PROBES = 'interval = "200ms"\nfast_interval = "100ms"\ntimeout = "1s"\n'
ADMIN = 'socket = "admin.sock"\nlisten = ""\n'
NEAREST, SECOND = address_of("eu-west"), address_of("us-east")
"""What this host's own clients get, and get once that region is down."""


class _Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("admin", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


class Regions:
    """An HTTP server that plays every region; `dead` ones answer 503, `hanging` ones nothing."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.hanging: set[str] = set()
        dead, hanging = self.dead, self.hanging

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                while self.headers["X-Region"] in hanging:
                    time.sleep(0.02)
                with contextlib.suppress(OSError):  # the probe has given up
                    self._answer()

            def _answer(self) -> None:
                self.send_response(503 if self.headers["X-Region"] in dead else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where they all are."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@dataclass
class Running:
    """A daemon, and the regions that it probes."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    regions: Regions = field(default_factory=Regions)

    def answer(self) -> str:
        """The address that a client of here gets."""
        query = dns.message.make_query("chat.inference.example", "A")
        response = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=5)
        return str(response.answer[0][0])

    def answers_for(self, seconds: float) -> None:
        """Ask for so many seconds; raises where a query has no answer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.answer()
            time.sleep(0.05)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and text of the admin socket's answer."""
        connection = _Unix(self.folder / "admin.sock")
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """One sample without labels."""
        found = re.search(rf"^{name} (\S+)$", self.ask("GET", "/metrics")[1], re.MULTILINE)
        assert found, name
        return float(found[1])

    def log_much(self, octets: int) -> None:
        """Have it log at least so many octets, by queries that it samples."""
        query = dns.message.make_query("chat.inference.example", "A").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(2)
            asking.connect(("127.0.0.1", self.port))
            for _ in range(octets // 100):
                asking.send(query)
                with contextlib.suppress(TimeoutError):
                    asking.recv(4096)

    def until(self, condition: Callable[[], bool], within: float = TIMEOUT) -> float:
        """Wait for a condition; the seconds that took. One that raises does not hold."""
        begun = time.monotonic()
        while time.monotonic() - begun < within:
            with contextlib.suppress(Exception):
                if condition():
                    return time.monotonic() - begun
            time.sleep(0.02)
        raise AssertionError(f"not within {within} s; exit status {self.process.poll()}")

    def stop(self, within: float = TIMEOUT) -> int:
        """End it by SIGTERM; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)


@contextmanager
def serving(
    folder: Path,
    stderr: Any,
    *arguments: str,
    server: str = "",
    admin: str = ADMIN,
    under: Sequence[str] = (),
) -> Iterator[Running]:
    """A daemon whose events go to `stderr`, ready; killed at the end if it has not ended.

    `under` is the command that runs it, such as setpriv with its options.
    """
    regions, port = Regions(), free_port()
    headers = "".join(
        f'[region.{region}.probe]\nheaders = {{ "X-Region" = "{region}" }}\n' for region in REGIONS
    )
    (folder / "0.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n")
    (folder / "resolverd.toml").write_text(
        config_text(
            headers + CHAT,
            server=f'listen = ["127.0.0.1:{port}"]\nzones = ["*.zone"]\n{server}',
            admin=admin,
            probe=PROBES,
            urls=dict.fromkeys(REGIONS, regions.url),
        )
    )
    process = subprocess.Popen(
        [*under, sys.executable, "-m", "resolverd", "serve", *arguments],
        cwd=folder,
        env=environment(),
        stderr=stderr,
        stdin=subprocess.DEVNULL,
    )
    running = Running(process, folder, port, regions)
    try:
        running.until(lambda: running.ask("GET", "/readyz")[0] == 200)
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        regions.server.shutdown()
        regions.server.server_close()
