"""What the handover is made of: the latest Steering, TTLs, who is left over, stored sockets."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import dns.message
import pytest
from harness.config import config_text
from harness.messages import query
from harness.server import HEAD, snapshot_of

from resolverd.config.types import Listener
from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.engine.sockets import BoundSockets
from resolverd.engine.stored import bind_again, names_of
from resolverd.handover.channel import channel, is_open, receive, send
from resolverd.handover.latest import Latest
from resolverd.handover.leftovers import kill_leftovers, strangers, wait_for
from resolverd.handover.unwatched import unwatched

ZONE = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
LOOPBACK = Listener("127.0.0.1", 0)


def test_the_latest_steering_is_read_whole_and_by_the_one_standby_that_it_names() -> None:
    latest = Latest()
    assert latest.read(1) is None
    steering = snapshot_of(ZONE, config_text()).steering
    for standby in (1, 1, 1, 2, 1):
        latest.write(standby, steering)
        read = latest.read(standby)
        assert read is not None
        assert read.statuses == steering.statuses
        assert read.records == steering.records
        assert latest.read(3 - standby) is None, "another answers"
    latest.close()


def test_of_files_that_are_one_too_many_none_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again every ten seconds."""
    before, make = _descriptors(), os.memfd_create
    makes = iter([make, make])

    def two(name: str, flags: int) -> int:
        for made in makes:
            return made(name, flags)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "memfd_create", two)
    with pytest.raises(OSError, match="open files"):
        Latest()
    assert _descriptors() == before


def test_nobody_is_promised_more_than_the_failover_ttl() -> None:
    snapshot = snapshot_of(ZONE, config_text())
    service = snapshot.plan.services["chat"]
    short = unwatched(snapshot)
    for packet in (
        query("chat.inference.example"),
        query("chat.inference.example", ecs="1.2.3.0/24"),
    ):
        before, after = (
            respond(packet, "127.0.0.1", each, Counters()) for each in (snapshot, short)
        )
        assert before is not None
        assert after is not None
        assert _ttl(after) <= service.failover_ttl
        assert before[-4:] == after[-4:], "the same answer but for its TTL"


def _ttl(packet: bytes) -> int:
    message = dns.message.from_wire(packet)
    return min(rrset.ttl for rrset in (*message.answer, *message.authority))


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({10: 1}, []),
        ({10: 1, 11: 10, 12: 11}, []),  # a worker, and what it has started
        ({10: 1, 9: 1, 8: 9}, [9, 8]),
        ({10: 1, 7: 0}, [7]),  # gone meanwhile, or of another namespace
        ({10: 1, 5: 6, 6: 5}, [5, 6]),  # PIDs used again while they were read
    ],
)
def test_strangers_do_not_come_from_us(parents: Mapping[int, int], expected: list[int]) -> None:
    assert strangers(parents, 10) == expected


@pytest.mark.parametrize("group", ["0::/", "12:cpu:/a", ""])
def test_nobody_is_killed_where_the_cgroup_is_not_the_services(tmp_path: Path, group: str) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text(f"{group}\n")
    (tmp_path / "cgroup.procs").write_text("1\n")
    assert kill_leftovers(process=tmp_path, cgroups=tmp_path) == []


@pytest.fixture
def left(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of an earlier daemon, in the cgroup that `tmp_path` says is this one's."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text("0::/service\n")
    (tmp_path / "service").mkdir()
    with subprocess.Popen(["sleep", "60"]) as process:
        (tmp_path / "service/cgroup.procs").write_text(f"{process.pid}\n")
        yield process
        process.kill()


def _no_pidfd(_: int) -> int:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


@pytest.mark.parametrize("pidfd", ["has it", "refuses it", "lacks it"])
def test_a_start_goes_on_once_those_that_it_killed_have_ended(
    tmp_path: Path, left: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, pidfd: str
) -> None:
    """On a busy host that takes a while, and until then they hold the ports that it wants."""
    kill, before = os.kill, _descriptors()

    def later(_: int, number: int) -> None:
        threading.Timer(0.3, kill, (left.pid, number)).start()

    monkeypatch.setattr(os, "kill", later)
    monkeypatch.setattr(signal, "pidfd_send_signal", later)
    if pidfd == "refuses it":
        monkeypatch.setattr(os, "pidfd_open", _no_pidfd)
    elif pidfd == "lacks it":
        monkeypatch.delattr(os, "pidfd_open")
    killed = kill_leftovers(process=tmp_path, cgroups=tmp_path)
    assert [each.pid for each in killed] == [left.pid]
    assert wait_for(killed, 30) == []
    assert left.poll() == -signal.SIGKILL
    assert _descriptors() == before


@pytest.mark.parametrize("pidfd", [True, False])
def test_those_that_have_not_ended_in_time_are_told(
    tmp_path: Path, left: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, pidfd: bool
) -> None:
    before = _descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", lambda *_: None)
        patch.setattr(signal, "pidfd_send_signal", lambda *_: None)
        if not pidfd:
            patch.setattr(os, "pidfd_open", _no_pidfd)
        killed = kill_leftovers(process=tmp_path, cgroups=tmp_path)
        assert wait_for(killed, 0.05) == [left.pid]
    assert _descriptors() == before


@pytest.mark.parametrize("pidfd", [True, False])
def test_nobody_is_waited_for_who_cannot_be_killed(
    tmp_path: Path, left: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, pidfd: bool
) -> None:
    def refused(*_: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    before = _descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refused)
        patch.setattr(signal, "pidfd_send_signal", refused)
        if not pidfd:
            patch.setattr(os, "pidfd_open", _no_pidfd)
        assert kill_leftovers(process=tmp_path, cgroups=tmp_path) == []
    assert _descriptors() == before
    assert left.poll() is None


def _descriptors() -> int:
    gc.collect()  # of those that earlier tests have left
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_a_channel_is_open_while_the_other_end_is_held() -> None:
    ours, theirs = channel()
    assert receive(ours) == []
    copy = theirs.dup()
    theirs.close()
    assert is_open(ours)
    assert send(copy, "pid", 7)
    assert is_open(ours), "looking takes nothing"
    assert receive(ours) == ["pid", "7"]
    copy.close()
    assert not is_open(ours)
    assert receive(ours) is None
    assert not send(ours, "serving")
    ours.close()


def _names(shares: list[BoundSockets]) -> list[list[int]]:
    """The inodes of each worker's sockets."""
    return [sorted(_inode(each) for each in (*share.udp, *share.tcp)) for share in shares]


def _inode(each: socket.socket) -> int:
    return Path(f"/proc/self/fd/{each.fileno()}").stat().st_ino


@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 2), (2, 1), (1, 2), (3, 2)])
def test_stored_sockets_are_served_again_by_any_number_of_workers(before: int, after: int) -> None:
    (bound,), first = bind_again({}, [LOOPBACK], before)
    stored = {name: [each.dup() for each in sockets] for name, sockets in names_of(first).items()}
    places, second = bind_again(stored, [bound], after)
    assert places == [bound]
    assert len(second) == after
    had, have = _names(first), _names(second)
    if before == after:
        assert have == had
        assert not any(each.shared for each in second)
    else:
        assert have == [sorted(inode for each in had for inode in each)] * after
        assert all(each.shared for each in second) is (after > 1)
    for each in (*first, *second):
        each.close()


def test_addresses_that_are_wanted_no_more_are_closed_and_new_ones_bound() -> None:
    places, first = bind_again({}, [LOOPBACK, LOOPBACK], 2)
    stored = names_of(first)
    again, second = bind_again(stored, [places[1], LOOPBACK], 2)
    assert again[0] == places[1]
    assert again[1] not in places
    closed = [each for sockets in stored.values() for each in sockets if each.fileno() < 0]
    assert len(closed) == 4
    assert [len(each.udp) for each in second] == [2, 2]
    for each in second:
        each.close()
