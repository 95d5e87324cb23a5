"""What is read from the environment of a service manager, and what it is told."""

from __future__ import annotations

import os
import socket
from contextlib import closing, suppress
from pathlib import Path

import pytest
import structlog

from resolverd.errors import EngineError
from resolverd.systemd import (
    Inherited,
    Supervisor,
    inherited,
    message,
    socket_address,
    watchdog_interval,
)

PID = 4711


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("30000000", "4711", 30.0),
        ("500000", "", 0.5),
        ("30000000", "1", None),
        ("", "4711", None),
        ("0", "4711", None),
        ("soon", "4711", None),
        ("-1", "4711", None),
    ],
)
def test_the_watchdog_is_meant_for_one_process(usec: str, pid: str, seconds: float | None) -> None:
    assert watchdog_interval(usec, pid, PID) == seconds


@pytest.mark.parametrize(
    ("fds", "pid", "names", "expected"),
    [
        ("2", "4711", "dns:dns", [Inherited(3, "dns"), Inherited(4, "dns")]),
        ("2", "4711", "dns", [Inherited(3, "dns"), Inherited(4, "unknown")]),
        ("1", "4711", "", [Inherited(3, "unknown")]),
        ("2", "1", "dns:dns", []),
        ("2", "", "dns:dns", []),
        ("", "4711", "", []),
        ("x", "4711", "", []),
    ],
)
def test_descriptors_are_meant_for_one_process(
    fds: str, pid: str, names: str, expected: list[Inherited]
) -> None:
    assert inherited(fds, pid, names, PID) == expected


def test_a_value_keeps_to_its_line() -> None:
    assert message({"READY": "1", "STATUS": "a\nb\r\nREADY=0"}) == b"READY=1\nSTATUS=a b READY=0"


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_tells_over_either_kind_of_socket(tmp_path: Path, kind: str) -> None:
    address = str(tmp_path / "notify") if kind == "path" else f"@resolverd-test-{os.getpid()}"
    environ = {
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": "2000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(socket_address(address))
        manager.settimeout(5)
        supervisor = Supervisor.adopt(environ)
        assert supervisor.watchdog == 2.0
        assert environ == {"HOME": "/"}
        supervisor.ready("up")
        supervisor.status("up")  # as it was: not told again
        supervisor.status("down")
        supervisor.reloading()
        supervisor.alive()
        supervisor.stopping()
        received = [manager.recv(4096).decode() for _ in range(5)]
    assert received[0] == "READY=1\nSTATUS=up"
    assert received[1] == "STATUS=down"
    assert received[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert received[2].rpartition("=")[2].isdigit()
    assert received[3:] == ["WATCHDOG=1", "STOPPING=1\nSTATUS=stopping"]


def test_without_a_manager_nothing_is_reported_and_nothing_fails() -> None:
    supervisor = Supervisor.adopt({})
    supervisor.ready("up")
    assert (supervisor.address, supervisor.watchdog, list(supervisor.sockets)) == ("", None, [])


def test_a_manager_that_is_gone_is_an_event_and_no_more(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as events:
        Supervisor(address=str(tmp_path / "gone")).alive()
    assert [event["event"] for event in events] == ["notify.failed"]


def test_a_manager_that_reads_no_more_is_not_waited_for(tmp_path: Path) -> None:
    """As PID 1 after a crash ("Freezing execution"): its socket is there, and its queue full."""
    address = tmp_path / "notify"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as frozen:
        frozen.bind(str(address))
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sender:
            sender.setblocking(False)
            sender.connect(str(address))
            with suppress(BlockingIOError):
                while True:
                    sender.send(b"WATCHDOG=1")
        with structlog.testing.capture_logs() as logged:
            Supervisor(address=str(address)).alive()
    assert [event["event"] for event in logged] == ["notify.failed"]


def test_inherited_sockets_do_not_block_and_are_not_inherited_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    descriptor = os.dup(made.fileno())
    os.set_inheritable(descriptor, True)
    monkeypatch.setattr("resolverd.systemd.FIRST_DESCRIPTOR", descriptor)
    environ = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "dns"}
    with made:
        (adopted,) = Supervisor.adopt(environ).sockets
    with adopted:
        assert (adopted.fileno(), adopted.getblocking()) == (descriptor, False)
        assert not os.get_inheritable(descriptor)
    assert environ == {}


def test_a_descriptor_that_is_no_socket_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr("resolverd.systemd.FIRST_DESCRIPTOR", descriptor)
    try:
        with pytest.raises(EngineError, match=f"inherited descriptor {descriptor}"):
            Supervisor.adopt({"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
    finally:
        os.close(descriptor)
