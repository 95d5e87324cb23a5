"""The unit and the timer that keep a database of cities new, under a real systemd."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from mmdb_writer import mmdb_bytes
from systemd.box import Box, BoxError, library_path
from systemd.service import NETWORKS

UNIT, TIMER = "resolverd-geo.service", "resolverd-geo.timer"
DATABASE = "/var/lib/resolverd-geo/city.mmdb"
SOUND = mmdb_bytes(NETWORKS)


class Mirror(http.server.BaseHTTPRequestHandler):
    """Whatever is asked for is `content`."""

    content = SOUND

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def mirror(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Mirror]]:
    """A mirror in the box, which the unit is told to ask."""
    served = http.server.HTTPServer(("127.0.0.1", 0), Mirror, bind_and_activate=False)
    served.socket.close()
    served.socket = box.socket(socket.AF_INET, socket.SOCK_STREAM)
    served.socket.bind(("127.0.0.1", 0))
    served.server_activate()
    threading.Thread(target=served.serve_forever, daemon=True).start()
    port = served.socket.getsockname()[1]
    box.write("/etc/resolverd/geo.env", f"OPTIONS=--url http://127.0.0.1:{port}/city.mmdb\n")
    if found := library_path():
        drop_in = f"[Service]\nEnvironment=LD_LIBRARY_PATH={found}\n"
        box.write(f"/etc/systemd/system/{UNIT}.d/interpreter.conf", drop_in)
    box.run("systemctl", "daemon-reload")
    monkeypatch.setattr(Mirror, "content", SOUND)
    yield Mirror
    box.run("systemctl", "reset-failed", check=False)
    served.shutdown()
    served.server_close()


def test_both_are_without_a_warning_and_hardly_exposed(box: Box) -> None:
    for unit in (UNIT, TIMER):
        verified = box.run("systemd-analyze", "verify", "--recursive-errors=one", "--man=no", unit)
        assert verified == ""
    path = f"/usr/lib/systemd/system/{UNIT}"
    output = box.run("systemd-analyze", "security", "--offline=true", "--threshold=20", path)
    assert "Overall exposure level" in output


def test_it_installs_what_the_daemon_s_account_may_read_and_not_change(
    box: Box, mirror: type[Mirror]
) -> None:
    box.run("systemctl", "start", UNIT)
    assert box.run("stat", "-c", "%U %a", DATABASE).split() == ["root", "644"]
    assert box.run("stat", "-c", "%U %a", DATABASE.rpartition("/")[0]).split() == ["root", "755"]


def test_what_is_not_sound_fails_the_unit_and_leaves_the_old_one(
    box: Box, mirror: type[Mirror]
) -> None:
    box.run("systemctl", "start", UNIT)
    before = box.run("sha256sum", DATABASE)
    mirror.content = SOUND[:-400]
    with pytest.raises(BoxError):
        box.run("systemctl", "start", UNIT)
    assert box.run("sha256sum", DATABASE) == before


def test_the_timer_starts_it_each_week(box: Box) -> None:
    box.run("systemctl", "start", TIMER)
    assert box.run("systemctl", "show", "-P", "Unit", TIMER).strip() == UNIT
    assert "Mon *-*-* 00:00:00" in box.run("systemctl", "show", "-P", "TimersCalendar", TIMER)
    box.run("systemctl", "stop", TIMER)
