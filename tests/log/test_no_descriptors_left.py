"""Strangers who take every descriptor end nothing: what needs one waits, and works again later."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
from pathlib import Path

from harness.process import NEAREST, SECOND, Running, serving


def _open_descriptors(running: Running) -> int:
    return len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))


def test_no_descriptor_left_ends_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = "tcp_per_client = 1000\ntcp_idle = 60\n"
    with log.open("wb") as written, serving(tmp_path, written, server=server) as running:
        limit = _open_descriptors(running) + 40
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        with contextlib.ExitStack() as held:
            for _ in range(120):
                held.enter_context(socket.create_connection(("127.0.0.1", running.port)))
            running.until(lambda: _open_descriptors(running) >= limit - 5)
            zone = tmp_path / "0.zone"  # the look at the files needs descriptors
            zone.write_text(zone.read_text().replace(" 7 ", " 8 ") + "www 60 A 192.0.2.80\n")
            running.answers_for(5.0)
            assert running.process.poll() is None
        running.until(lambda: running.ask("GET", "/healthz")[0] == 200)
        running.until(lambda: '"serial": 8' in running.ask("GET", "/state")[1])
        assert running.answer() == NEAREST
        running.regions.dead.add("eu-west")
        running.until(lambda: running.answer() == SECOND)
        assert running.stop() == 0
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(events) < 500
