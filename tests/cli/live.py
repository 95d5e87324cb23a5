"""A daemon as a process, for the verbs that ask one; its regions are played by a thread."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cli.cli_place import SERVER, write_place
from cli.command import TIMEOUT, environment
from harness.config import REGIONS, config_text
from harness.server import HEAD

PROBES = 'interval = "500ms"\nfast_interval = "100ms"\n'
ADMIN = 'socket = "admin.sock"\nlisten = ""\n'


class _Region(BaseHTTPRequestHandler):
    """Every region, and always well."""

    def do_GET(self) -> None:
        """Answer any path."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Live:
    """Where the daemon was started, and where it answers DNS."""

    place: Path
    port: int

    @property
    def socket(self) -> Path:
        """Its admin socket."""
        return self.place / "admin.sock"


@contextmanager
def live_chat(place: Path, services: str) -> Iterator[Live]:
    """`live` of a place that is written first, with `chat.inference.example` in its zone."""
    write_place(place)
    zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
    (place / "zones" / "inference.zone").write_text(zone)
    with live(place, services, SERVER) as found:
        yield found


@contextmanager
def live(place: Path, services: str, server: str) -> Iterator[Live]:
    """Serve `place`, whose configuration is written first; ready when it yields."""
    regions = ThreadingHTTPServer(("127.0.0.1", 0), _Region)
    threading.Thread(target=regions.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{regions.server_address[1]}"
    (place / "resolverd.toml").write_text(
        config_text(
            services, server=server, probe=PROBES, admin=ADMIN, urls=dict.fromkeys(REGIONS, url)
        )
    )
    daemon = subprocess.Popen(
        [sys.executable, "-m", "resolverd", "serve", "--log", "json"],
        cwd=place,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Live(place, _port(daemon))
    finally:
        daemon.terminate()
        status = daemon.wait(TIMEOUT)
        regions.shutdown()
        regions.server_close()
        assert daemon.stderr is not None
        daemon.stderr.close()
    assert status == 0


def _port(daemon: subprocess.Popen[str]) -> int:
    """The port of its ready event; a thread reads on, so that it never has to wait for us."""
    assert daemon.stderr is not None
    events: list[dict[str, Any]] = []
    for line in daemon.stderr:
        events.append(json.loads(line))
        if events[-1]["event"] == "ready":
            threading.Thread(target=_drain, args=(daemon,), daemon=True).start()
            return int(events[-1]["listen"][0].rpartition(":")[2])
    raise AssertionError(f"it ended before it was ready: {events}")


def _drain(daemon: subprocess.Popen[str]) -> None:
    assert daemon.stderr is not None
    try:
        for _ in daemon.stderr:
            continue
    except ValueError:  # closed, at the end
        return
