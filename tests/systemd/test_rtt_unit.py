"""The unit that measures beside a region's front door, under a real systemd."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from systemd.box import Box, library_path
from systemd.service import until

UNIT = "resolverd-rtt@eu-west.service"
DOOR = ("9.9.9.9", 8443)
CLIENTS = [f"8.8.8.{host}" for host in range(1, 7)]
DYNAMIC_UIDS = range(61184, 65520)


@pytest.fixture
def door(box: Box) -> Iterator[None]:
    """Six clients of one network, connected to a port of the box."""
    for address in (DOOR[0], *CLIENTS):
        box.run("ip", "address", "add", f"{address}/32", "dev", "lo", check=False)
    listening = box.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(DOOR)
    listening.listen()
    opened = [listening]
    for client in CLIENTS:
        coming = box.socket(socket.AF_INET, socket.SOCK_STREAM)
        coming.bind((client, 0))
        coming.connect(DOOR)
        accepted, _ = listening.accept()
        coming.send(b"GET")
        assert accepted.recv(3) == b"GET"
        opened += [coming, accepted]
    yield
    for each in opened:
        each.close()
    box.run("systemctl", "stop", UNIT, check=False)
    box.run("systemctl", "reset-failed", check=False)


def install(box: Box, options: str) -> None:
    if found := library_path():
        drop_in = f"[Service]\nEnvironment=LD_LIBRARY_PATH={found}\n"
        box.write("/etc/systemd/system/resolverd-rtt@.service.d/interpreter.conf", drop_in)
    box.write("/etc/resolverd/rtt.env", f"OPTIONS={options}\n")
    box.run("systemctl", "daemon-reload")


def test_it_is_without_a_warning_and_hardly_exposed(box: Box) -> None:
    verified = box.run("systemd-analyze", "verify", "--recursive-errors=one", "--man=no", UNIT)
    assert verified == ""
    path = "/usr/lib/systemd/system/resolverd-rtt@.service"
    output = box.run("systemd-analyze", "security", "--offline=true", "--threshold=12", path)
    assert "Overall exposure level" in output


def test_it_measures_without_a_privilege(box: Box, door: None) -> None:
    install(box, f"--port {DOOR[1]} --listen {DOOR[0]}:9091 --interval 200ms")
    box.run("systemctl", "start", UNIT)
    asking = box.socket(socket.AF_INET, socket.SOCK_STREAM)
    with asking:
        asking.settimeout(20)
        asking.connect((DOOR[0], 9091))
        asking.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        with asking.makefile("rb") as answered:
            page = answered.read().decode().split("\r\n\r\n")[1]
    head, row = page.splitlines()
    assert head == "where,region,ms,count,age"
    assert row == "8.8.8.0/24,eu-west,1,5,600"
    pid = box.run("systemctl", "show", "-P", "MainPID", UNIT).strip()
    status = dict(
        line.split(":\t", 1)
        for line in box.run("cat", f"/proc/{pid}/status").splitlines()
        if ":\t" in line
    )
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0
    assert all(int(uid) in DYNAMIC_UIDS for uid in status["Uid"].split())
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")

    def told() -> bool:
        text = box.run("systemctl", "show", "-P", "StatusText", UNIT)
        return text.startswith("1 networks shown, 6 clients known")

    until(told, "its status")
    box.run("systemctl", "stop", UNIT)
    assert box.run("systemctl", "show", "-P", "Result", UNIT).strip() == "success"
