"""The packages under a real systemd of Debian 12 and 13: `make deb-test`."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.config import address_of
from package.installation import LOOPBACK, Installation
from package.roots import Packages
from systemd.box import BoxError
from systemd.service import Load, Service, until

HOME = {address_of("ap-northeast")}
ADDRESSES = "/etc/systemd/system/resolverd.socket.d/addresses.conf"
PORT_53 = """\
[Socket]
ListenDatagram=
ListenStream=
ListenDatagram=127.0.0.1:53
ListenStream=127.0.0.1:53
"""
EDGE = """\
[server]
coordinates = [50.1, 8.7]
[fleet]
urls = ["nats://127.0.0.1:4222"]
"""
OTHER = "import socket, time; s = socket.create_server(('127.0.0.1', 5300)); time.sleep(3600)"


def test_a_fresh_installation_listens_on_loopback_alone(
    installation: Installation, now: Packages
) -> None:
    """The socket is enabled, and the daemon is not before there is something to serve."""
    before = installation.listening()
    said = installation.install(now)
    assert "cannot be bound" not in said
    assert installation.state("resolverd.socket") == ("enabled", "active")
    assert installation.state("resolverd.service") == ("disabled", "inactive")
    assert installation.listening() - before == LOOPBACK
    with pytest.raises(BoxError, match="FILL IN"):
        installation.box.run("resolverd", "check")
    engine = installation.box.run("resolverd", "doctor", "--only", "engine", "--json")
    assert '"engine": "native"' in engine
    installation.box.write("/run/edge.toml", EDGE)
    edge = "--config", "/run/edge.toml", "--only", "fleet", "--json"
    assert "nats-py can be loaded" in installation.box.run("resolverd", "doctor", *edge)


def test_what_is_filled_in_is_served_by_the_account_of_the_package(
    installation: Installation, service: Service, now: Packages
) -> None:
    installation.install(now)
    service.install()
    service.systemctl("enable", "--now", "resolverd.service")
    for tcp in (False, True):
        assert service.ask(tcp=tcp, port=5300) == HOME
    account = installation.box.run("id", "-u", "resolverd").strip()
    assert set(service.status(service.pid)["Uid"].split()) == {account}
    assert "4 of 4 regions up" in service.show("StatusText")
    assert "chat" in installation.box.run("resolverd", "state")
    group = "setpriv", "--reuid=nobody", "--regid=resolverd", "--clear-groups"
    assert "chat" in installation.box.run(*group, "resolverd", "state")


def test_an_address_that_is_taken_fails_no_installation_and_is_told(
    installation: Installation, now: Packages
) -> None:
    command = "systemd-run", "--unit=other", "python3", "-c", OTHER
    installation.box.run(*command)
    until(lambda: ("tcp", "127.0.0.1:5300") in installation.listening(), "the other server")
    said = installation.install(now)
    assert "an address of resolverd.socket cannot be bound" in said
    assert "127.0.0.1:5300 (Stream)" in said
    assert "systemctl edit resolverd.socket" in said
    assert installation.state("resolverd.socket") == ("enabled", "failed")
    assert ("tcp", "127.0.0.1:5300") in installation.listening()
    installation.box.run("systemctl", "stop", "other.service")
    installation.box.run("systemctl", "start", "resolverd.socket")
    assert installation.listening() >= LOOPBACK


def test_an_upgrade_loses_none_of_ten_thousand_queries(
    installation: Installation, service: Service, now: Packages, next_version: Packages
) -> None:
    """Nothing is sent twice, and what an operator has written stays."""
    installation.install(now)
    installation.box.write(ADDRESSES, PORT_53)
    service.install()
    service.systemctl("restart", "resolverd.socket")
    service.systemctl("enable", "--now", "resolverd.service")
    written = installation.box.run("cat", "/etc/resolverd/resolverd.toml")
    before = service.pid
    bound = service.systemctl("show", "-P", "ActiveEnterTimestampMonotonic", "resolverd.socket")
    load = Load(installation.box, 10_000, pace=100)
    load.allow(9_000)
    load.until_sent(200)
    installation.install(next_version)
    assert service.pid not in (0, before)
    sent = load.sent
    load.allow(10_000)
    load.close()
    assert (load.sent, len(load.answered)) == (10_000, 10_000)
    assert 200 < sent < 9_000, "queries came all the time"
    assert service.ask() == HOME
    assert installation.state("resolverd.service") == ("enabled", "active")
    assert installation.box.run("resolverd", "--version").strip() == "resolverd 9.0.0"
    assert "9.0.0" in installation.box.run("resolverd", "state", "--json")
    assert installation.box.run("cat", "/etc/resolverd/resolverd.toml") == written
    assert bound == service.systemctl(
        "show", "-P", "ActiveEnterTimestampMonotonic", "resolverd.socket"
    )


def test_what_is_removed_ends_and_what_is_purged_leaves_what_is_promised(
    installation: Installation, service: Service, now: Packages, next_version: Packages
) -> None:
    """docs/install.md promises: the account, and what an operator has written."""
    before, bound = installation.files(), installation.listening()
    installation.install(now)
    service.install()
    service.systemctl("enable", "--now", "resolverd.service")
    installation.install(next_version)
    assert service.ask(port=5300) == HOME
    installation.box.write("/var/lib/resolverd-geo/city.mmdb", "fetched")
    assert installation.processes() != []
    installation.remove()
    until(lambda: not installation.processes(), "the end of daemon and standby")
    assert installation.listening() == bound
    kept = {
        "/etc/resolverd/resolverd.toml",
        "/etc/resolverd/zones/example.zone",
        "/var/lib/resolverd-geo/city.mmdb",
    }
    assert kept <= installation.files()
    assert not any(path.startswith("/usr/lib/resolverd") for path in installation.files())
    installation.purge()
    left = installation.files() - before
    operators = {
        "/etc/resolverd",
        "/etc/resolverd/city.mmdb",
        "/etc/resolverd/zones",
        "/etc/resolverd/zones/example.zone",
        "/etc/systemd/system/resolverd.service.d",
        "/etc/systemd/system/resolverd.service.d/test.conf",
    }
    systems = {path for path in left if Path(path).parent == Path("/etc") and path.endswith("-")}
    assert left - operators - systems - {"/var/lib/private"} == set()
    assert "resolverd" in installation.box.run("cat", "/etc/passwd")
