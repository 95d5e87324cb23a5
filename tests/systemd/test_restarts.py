"""Restarts, upgrades and kills under real systemds, seen by clients that give up after 300 ms."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from contextlib import closing

import dns.message
import pytest
from harness.config import address_of
from harness.engines import EngineName
from harness.messages import query
from harness.trials import LONG
from systemd.box import TIMEOUT, Box
from systemd.load import PatientLoad
from systemd.service import QNAME, Endpoint, Service, until

from resolverd.abi.library import why_not

HOME = {address_of("ap-northeast")}
NATIVE: EngineName = "native"
REFERENCE: EngineName = "reference"
SOCKET_UNIT, OWN_SOCKETS = "socket unit", "own sockets"
INSTALLED, NEWER = "installed", "newer"
# At most, the queries that an engine has read and not answered at one moment, as many as are asked
# of it in a tenth of a second.
AT_ONCE: dict[EngineName, int] = {NATIVE: 64, REFERENCE: 24}

# The systemd, the engine, and who binds the sockets.
EVERY = [
    (INSTALLED, NATIVE, SOCKET_UNIT),
    (INSTALLED, NATIVE, OWN_SOCKETS),
    (INSTALLED, REFERENCE, SOCKET_UNIT),
    (INSTALLED, REFERENCE, OWN_SOCKETS),
    (NEWER, NATIVE, SOCKET_UNIT),
    (NEWER, REFERENCE, OWN_SOCKETS),
]


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service, started; its parameter is one of `EVERY`."""
    version, engine, holder = request.param
    if engine == NATIVE and (reason := why_not()):
        pytest.skip(reason)
    box: Box = request.getfixturevalue("box" if version == INSTALLED else "newer_box")
    endpoint = Endpoint(box)
    service = Service(box, endpoint)
    service.engine = engine
    service.install(f'engine = "{engine}"\nworkers = 2')
    if holder == OWN_SOCKETS:
        service.systemctl("mask", "resolverd.socket")
    service.start()
    yield service
    endpoint.gate.set()
    service.systemctl("stop", "resolverd.service", "resolverd.socket")
    service.box.run("systemctl", "unmask", "resolverd.socket")
    service.box.run("systemctl", "reset-failed")
    endpoint.close()


def every(combinations: list[tuple[str, EngineName, str]]) -> pytest.MarkDecorator:
    """Run with each of these."""
    return pytest.mark.parametrize("running", combinations, indirect=True, ids=" ".join)


@every([EVERY[0], EVERY[4]] if LONG else EVERY[:1])
def test_no_query_of_ten_thousand_is_lost_over_ten_restarts_and_three_upgrades(
    running: Service,
) -> None:
    """The versions lie side by side, each with names of its own for some options."""
    load = PatientLoad(running.box, running.engine)
    for number in range(10):
        if number % 3 == 2:
            _upgrade(running, f"resolverd-{number}")
        before = running.pid
        running.systemctl("restart", "resolverd.service")
        assert running.pid != before
        load.until_sent(300)
        if number % 3 == 2:
            maps = running.box.run("cat", f"/proc/{running.pid}/maps")
            assert f"/opt/resolverd-{number}/" in maps, "the code of the new folder runs"
    load.until_sent(max(0, 10_000 - len(load.answers.sent)))
    answers = load.stop()
    assert answers.lost(HOME) == {}, running.journal()
    print(len(answers.sent), answers.slowest())


def _upgrade(service: Service, new: str) -> None:
    """Install another version in a folder of its own, and have the link name it."""
    steps = (
        "cd /opt",
        "[ -L resolverd ] || { mv resolverd resolverd-0; ln -s resolverd-0 resolverd; }",
        f"cp -a resolverd-0 {new}",
        f"cd {new}; grep -rl tcp_lifetime --include=*.py . | xargs sed -i s/tcp_lifetime/tcp_age/g",
        "cd /opt",
        f"ln -sfn {new} resolverd",
    )
    service.box.run("sh", "-ec", "\n".join(steps))


@every(EVERY)
def test_no_query_is_lost_over_restarts(running: Service) -> None:
    load = PatientLoad(running.box, running.engine)
    for _ in range(2):
        load.until_sent(300)
        before = running.pid
        running.systemctl("restart", "resolverd.service")
        assert running.pid != before
    load.until_sent(300)
    answers = load.stop()
    assert answers.lost(HOME) == {}, running.journal()


@every([EVERY[0], EVERY[3], EVERY[4]])
def test_no_query_is_lost_over_kills(running: Service) -> None:
    """But for the few that were being answered at that moment."""
    load = PatientLoad(running.box, running.engine)
    for number in ("1", "2"):
        load.until_sent(300)
        running.box.run("kill", "-KILL", str(running.pid))
        _until_restarted(running, number)
    load.until_sent(300)
    answers = load.stop()
    assert answers.lost(HOME).total() <= 2 * AT_ONCE[running.engine], running.journal()


def _until_restarted(service: Service, times: str) -> None:
    until(lambda: service.show("NRestarts") == times, f"{times} restarts")
    until(lambda: service.show("ActiveState") == "active", "it is ready")


@every([EVERY[0], EVERY[3]])
def test_a_stop_stops(running: Service) -> None:
    """Nobody is left a moment later, and nobody answers."""
    running.systemctl("stop", "resolverd.socket", "resolverd.service")
    until(lambda: not _left(running), "the end of the standby")
    with pytest.raises((TimeoutError, ConnectionRefusedError)):
        running.ask(timeout=0.3)
    assert "the service is stopped" in running.journal()


def _left(service: Service) -> str:
    group = "/sys/fs/cgroup/system.slice/resolverd.service/cgroup.procs"
    return service.box.run("sh", "-c", f"cat {shlex.quote(group)} 2>/dev/null", check=False).strip()


def _standby(service: Service) -> str:
    """The PID of the daemon's only standby, once there is one."""
    daemon, found = str(service.pid), set[str]()

    def alone() -> bool:
        found.clear()
        found.update({*_left(service).split()} - {daemon})
        return len(found) == 1

    until(alone, "a standby")
    return found.pop()


@every([EVERY[0], EVERY[2]])
def test_tcp_clients_are_answered_or_parted_from(running: Service) -> None:
    """A query that was sent before has its answer; a connection without one is closed."""
    with (
        closing(_connected(running)) as idle,
        closing(_connected(running)) as used,
    ):
        sent = query(QNAME, qid=7, ecs="1.2.3.0/24")
        framed = len(sent).to_bytes(2, "big") + sent
        for connection in (idle, used):
            connection.sendall(framed)
            assert connection.recv(65535)
        before = running.pid
        running.box.run("kill", "-STOP", str(before))  # so that the query is there when it ends
        used.sendall(framed)
        running.box.run("kill", "-TERM", str(before))
        running.box.run("kill", "-CONT", str(before))
        until(lambda: running.pid not in (0, before), "another daemon")
        answer = dns.message.from_wire(used.recv(65535)[2:])
        assert {rdata.address for rrset in answer.answer for rdata in rrset} == HOME
        assert (used.recv(1), idle.recv(1)) == (b"", b"")
    # Until then a standby may be taking leave: it closes a connection whose query is late.
    until(lambda: running.show("ActiveState") == "active", "it is ready")
    assert running.ask(tcp=True) == HOME


def _connected(service: Service) -> socket.socket:
    made = service.box.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(TIMEOUT)
    made.connect(("127.0.0.1", 53))
    return made


@every([EVERY[0]])
def test_two_restarts_at_once_and_a_start_that_waits_lose_nothing(running: Service) -> None:
    """The second restart stops a daemon that has not served yet: the standby goes on."""
    load = PatientLoad(running.box, running.engine)
    load.until_sent(300)
    running.endpoint.gate.clear()
    running.systemctl("restart", "--no-block", "resolverd.service")
    until(lambda: running.show("ActiveState") == "activating", "the first restart")
    running.systemctl("restart", "--no-block", "resolverd.service")
    load.until_sent(1000)
    running.endpoint.gate.set()
    until(lambda: running.show("ActiveState") == "active", "it is ready")
    running.systemctl("restart", "resolverd.service")
    load.until_sent(300)
    assert load.stop().lost(HOME) == {}, running.journal()


@every([EVERY[0]])
def test_a_stop_while_it_restarts_stops_the_standby_too(running: Service) -> None:
    running.endpoint.gate.clear()
    running.systemctl("restart", "--no-block", "resolverd.service")
    until(lambda: running.show("ActiveState") == "activating", "the restart")
    assert running.ask() == HOME
    running.systemctl("stop", "resolverd.socket", "resolverd.service")
    until(lambda: not _left(running), "the end of the standby")


@every([EVERY[0]])
def test_a_daemon_that_cannot_start_leaves_the_standby_answering(running: Service) -> None:
    """A restart of mistaken files is not an outage at once, and fixed ones end it."""
    load = PatientLoad(running.box, running.engine)
    load.until_sent(300)
    running.zone("192.0.2.999")
    running.systemctl("restart", "--no-block", "resolverd.service")
    until(lambda: "zone-bad-rdata" in running.journal(), "the refusal")
    load.until_sent(1000)
    running.zone("192.0.2.80")
    until(lambda: running.show("ActiveState") == "active", "it is ready")
    load.until_sent(300)
    assert load.stop().lost(HOME) == {}, running.journal()


@every([EVERY[0]])
def test_the_standby_answers_what_was_adopted_last(running: Service) -> None:
    running.zone("192.0.2.81")
    until(lambda: running.ask("www.inference.example") == {"192.0.2.81"}, "the edit")
    until(lambda: len(_left(running).split()) == 2, "one standby of the new Plan")
    running.endpoint.gate.clear()
    running.box.run("kill", "-KILL", str(running.pid))
    until(lambda: running.show("ActiveState") == "activating", "the restart")
    assert running.ask("www.inference.example") == {"192.0.2.81"}
    running.endpoint.gate.set()


@every([EVERY[0]])
def test_a_standby_that_dies_is_replaced(running: Service) -> None:
    standby = _standby(running)
    running.box.run("kill", "-KILL", standby)
    load = PatientLoad(running.box, running.engine)
    load.until_sent(300)
    running.systemctl("restart", "resolverd.service")
    load.until_sent(300)
    assert load.stop().lost(HOME) == {}, running.journal()


@every([EVERY[0]])
def test_a_standby_that_hangs_is_killed_by_the_next_daemon(running: Service) -> None:
    standby = _standby(running)
    running.box.run("kill", "-STOP", standby)
    running.systemctl("restart", "resolverd.service")
    until(lambda: standby not in _left(running).split(), "the end of the standby")
    assert running.ask() == HOME


def test_the_newer_systemd_is_one_that_names_what_it_stores(newer_box: Box) -> None:
    """From version 254 on a service is told how many descriptors may be stored (FDSTORE)."""
    version = newer_box.run("systemctl", "--version").split()[1]
    assert int(version) >= 254
