"""The shipped units under a real systemd."""

from __future__ import annotations

import pytest
from harness.config import address_of
from harness.engines import BY_DEFAULT, ENGINES, EngineName
from systemd.box import ROOT, Box, BoxError
from systemd.service import Load, Service, until

from resolverd.abi.library import why_not

HOME = {address_of("ap-northeast")}
OWN = "/etc/resolverd/edge.env"
CAP_NET_BIND_SERVICE = f"{1 << 10:016x}"
DYNAMIC_UIDS = range(61184, 65520)  # systemd.exec(5), DynamicUser=


def test_the_units_are_without_a_warning(box: Box) -> None:
    units = ("resolverd.service", "resolverd.socket")
    output = box.run("systemd-analyze", "verify", "--recursive-errors=one", "--man=no", *units)
    assert output == ""


def test_the_example_of_a_vllm_unit_is_without_a_warning(box: Box) -> None:
    box.write("/opt/vllm/bin/vllm", "#!/bin/sh\n")
    box.run("chmod", "755", "/opt/vllm/bin/vllm")
    unit = "vllm@8000.service"
    output = box.run("systemd-analyze", "verify", "--recursive-errors=one", "--man=no", unit)
    assert output == ""


def test_the_exposure_is_no_more_than_one_and_a_half(box: Box) -> None:
    """--threshold= is in tenths, and a unit above it fails the command."""
    path = "/usr/lib/systemd/system/resolverd.service"
    output = box.run("systemd-analyze", "security", "--offline=true", "--threshold=15", path)
    assert "Overall exposure level" in output


def test_it_is_ready_only_after_the_first_probe_round(service: Service) -> None:
    service.install(timeout="25s")
    service.endpoint.gate.clear()
    service.systemctl("start", "--no-block", "resolverd.service")
    until(service.endpoint.asked.is_set, "the first probe")
    assert service.show("ActiveState") == "activating"
    with pytest.raises(TimeoutError):
        service.ask(timeout=0.3)
    assert service.show("ActiveState") == "activating"
    service.endpoint.gate.set()
    until(lambda: service.show("ActiveState") == "active", "ready")
    assert service.ask() == HOME
    assert service.show("StatusText").startswith("generation 1, 4 of 4 regions up, started at ")


def test_a_reload_lasts_until_what_is_new_is_probed(service: Service) -> None:
    service.install(timeout="25s")
    service.start()
    service.endpoint.gate.clear()
    service.configure(timeout="25s", path="/other")
    service.systemctl("reload", "--no-block", "resolverd.service")
    until(lambda: service.show("ActiveState") == "reloading", "the reload to begin")
    assert service.ask() == HOME
    service.endpoint.gate.set()
    until(lambda: service.show("ActiveState") == "active", "the reload to end")
    assert "4 of 4 regions up, reload adopted at " in service.show("StatusText")


def test_a_reload_without_an_edit_changes_nothing(service: Service) -> None:
    service.start()
    service.systemctl("reload", "resolverd.service")
    status = service.show("StatusText")
    assert status.startswith("generation 1, 4 of 4 regions up, reload adopted at ")
    assert service.show("ActiveState") == "active"
    assert "nothing has changed: plan 1 is served" in service.journal()


def test_a_bad_edit_fails_the_reload_leaves_the_unit_active_and_says_why(service: Service) -> None:
    service.start()
    service.zone("192.0.2.999")
    with pytest.raises(BoxError):
        service.systemctl("reload", "resolverd.service")
    assert service.show("ActiveState") == "active"
    assert "zone inference.example: refused; is served as before" in service.journal()
    status = service.show("StatusText")
    assert "reload refused at " in status
    assert status.startswith("generation 1, 4 of 4 regions up")
    assert "example.zone:6:10: zone-bad-rdata" in status
    assert service.ask("www.inference.example") == {"192.0.2.80"}
    service.zone("192.0.2.81")
    until(lambda: service.ask("www.inference.example") == {"192.0.2.81"}, "the fixed zone")


def test_what_is_refused_never_becomes_ready(service: Service) -> None:
    """The journal has the reason; the sockets stay, so the fixed daemon answers who waited."""
    service.zone("192.0.2.999")
    service.systemctl("start", "--no-block", "resolverd.service")
    until(lambda: "zone-bad-rdata" in service.journal(), "the refusal in the journal")
    assert service.show("ActiveState") == "activating"
    assert "start.kept" not in service.journal()
    service.zone("192.0.2.80")
    assert service.ask() == HOME


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_it_has_no_privilege_but_the_port(
    service: Service, engine: EngineName, workers: int
) -> None:
    """Nor have its workers, which map the daemon's own copy of the database."""
    service.install(f'workers = {workers}\nengine = "{engine}"')
    service.start()
    others = service.workers()
    assert len(others) == (workers if workers > 1 and engine == "reference" else 0)
    assert service.threads().count("serve-") == (workers if engine == "native" else 0)
    for pid in (service.pid, *others):
        status = service.status(pid)
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert status[kind] == CAP_NET_BIND_SERVICE
        assert all(int(uid) in DYNAMIC_UIDS for uid in status["Uid"].split())
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert "/memfd:" in service.box.run("cat", f"/proc/{pid}/maps")
    for tcp in (False, True):
        assert service.ask(tcp=tcp) == HOME
    stamps = service.box.run("find", "/var/lib/private/resolverd", "-type", "f").split()
    assert stamps or why_not() is None, "a database that was walked in Python is remembered"


def test_without_the_socket_unit_it_binds_port_53_itself(service: Service) -> None:
    service.systemctl("mask", "resolverd.socket")
    service.start()
    for tcp in (False, True):
        assert service.ask(tcp=tcp) == HOME
    listening = service.box.run("cat", "/proc/net/udp", "/proc/net/udp6")
    native = BY_DEFAULT.engine == "native"
    for split, whole in (("0100007F", "0" * 8), ("00000000000000000000000001000000", "0" * 32)):
        assert f" {whole if native else split}:0035 " in listening


@pytest.mark.parametrize("stopped", ["daemon", "worker"])
def test_the_watchdog_restarts_what_makes_no_progress(service: Service, stopped: str) -> None:
    server = 'workers = 2\nengine = "reference"' if stopped == "worker" else "workers = 2"
    service.install(server, unit="WatchdogSec=2s\nTimeoutAbortSec=1s")
    service.start()
    before = service.pid
    victim = before if stopped == "daemon" else service.workers()[0]
    service.box.run("kill", "-STOP", str(victim))
    until(lambda: service.pid not in (0, before), "another daemon")
    assert service.ask() == HOME
    assert service.show("NRestarts") == "1"
    journal = service.journal()
    assert "Watchdog timeout" in journal
    assert "Fatal Python error: Aborted" in journal


def test_the_watchdog_leaves_a_sound_daemon_alone(service: Service) -> None:
    service.install("workers = 2", unit="WatchdogSec=2s")
    service.start()
    before = service.pid
    beaten = service.show("WatchdogTimestampMonotonic")

    def beats() -> bool:
        return int(service.show("WatchdogTimestampMonotonic")) > int(beaten) + 2_500_000

    until(beats, "beats for longer than the interval")
    assert (service.pid, service.show("NRestarts")) == (before, "0")


def test_no_query_of_ten_thousand_is_lost_over_three_restarts_and_a_kill(service: Service) -> None:
    """Nothing is sent twice. What is being answered at the moment of SIGKILL cannot be saved, so
    the kill waits for a moment without a query inside; those that follow wait in the socket.
    """
    service.start()
    load = Load(service.box, 10_000, pace=1000)
    for first, last in ((1000, 3500), (3500, 6000), (6000, 8500)):
        load.allow(last)
        load.until_sent(first)
        service.systemctl("restart", "resolverd.service")
    load.until_answered(8500)
    killed = service.pid
    service.systemctl("kill", "--signal=KILL", "resolverd.service")
    load.allow(10_000)
    load.close()
    assert (load.sent, len(load.answered)) == (10_000, 10_000)
    assert service.pid != killed
    assert service.show("NRestarts") == "1"


def test_what_is_the_hosts_own_is_laid_over_the_shared_files_as_the_page_says(
    service: Service,
) -> None:
    blocks = (ROOT / "docs/edges.md").read_text().split("```sh\n")
    (text,) = (each.split("```")[0] for each in blocks if each.startswith(f"# {OWN}\n"))
    service.box.write(OWN, text)
    try:
        service.start()
        given = service.box.run("cat", f"/proc/{service.pid}/cmdline").split("\0")
    finally:
        service.box.run("rm", OWN)
    assert "server.coordinates=[50.1,8.7]" in given
    assert 'server.listen=["192.0.2.53:53"]' in given


def test_a_reload_asks_at_the_socket_that_is_the_hosts_own(service: Service) -> None:
    service.box.write(OWN, "OPTIONS=--set admin.socket=/run/resolverd/fra1.sock\n")
    try:
        service.start()
        service.systemctl("reload", "resolverd.service")
    finally:
        service.box.run("rm", OWN)
    assert "reload adopted at " in service.show("StatusText")
