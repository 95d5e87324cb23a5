"""A socket unit's addresses are changed as the pages and the example say, under a real systemd."""

from __future__ import annotations

import re
import socket
from contextlib import closing

import dns.message
from harness.messages import query
from systemd.box import ROOT
from systemd.service import QNAME, Service, until

DROP_IN = "/etc/systemd/system/resolverd.socket.d/addresses.conf"
EXAMPLE = ROOT / "debian/examples/addresses.conf"
KINDS = ("ListenDatagram", "ListenStream")
LISTED = r"(?m)^Listen\w+=.+:53$"


def answers(service: Service, address: str) -> bool:
    """Whether a query over UDP to port 53 of this address is answered."""
    with closing(service.box.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
        asking.settimeout(2)
        asking.connect((address, 53))
        try:
            asking.send(query(QNAME))
            return bool(dns.message.from_wire(asking.recv(4096)).answer)
        except (ConnectionRefusedError, TimeoutError):  # closed; or ended with the query unread
            return False


def refuses(service: Service, address: str) -> bool:
    """Whether nobody has a socket at port 53 of this address."""
    with closing(service.box.socket(socket.AF_INET, socket.SOCK_STREAM)) as asking:
        return asking.connect_ex((address, 53)) != 0


def test_new_addresses_are_served_and_old_ones_given_up(service: Service) -> None:
    service.start()
    assert answers(service, "127.0.0.1")
    assert answers(service, "127.0.0.2")
    service.box.run("mkdir", "-p", DROP_IN.rpartition("/")[0])
    service.box.write(
        DROP_IN,
        "[Socket]\nListenDatagram=\nListenDatagram=127.0.0.2:53\nListenStream=127.0.0.2:53\n",
    )
    try:
        service.systemctl("daemon-reload")
        # Not `restart`: the standby would still hold the old sockets when the new ones are bound.
        service.systemctl("stop", "resolverd.socket", "resolverd.service")
        until(lambda: refuses(service, "127.0.0.1"), "the standby has closed its sockets")
        service.systemctl("start", "resolverd.socket", "resolverd.service")
        assert answers(service, "127.0.0.2")
        assert not answers(service, "127.0.0.1")
    finally:
        service.systemctl("stop", "resolverd.service", "resolverd.socket")
        service.box.run("rm", DROP_IN)
        service.systemctl("daemon-reload")


def test_a_host_that_is_stopped_answers_nobody_and_answers_again_once_started(
    service: Service,
) -> None:
    service.start()
    assert answers(service, "127.0.0.1")
    service.systemctl("stop", "resolverd.socket", "resolverd.service")
    until(lambda: refuses(service, "127.0.0.1"), "the standby has closed its sockets")
    assert not answers(service, "127.0.0.1")
    service.systemctl("start", "resolverd.socket", "resolverd.service")
    assert answers(service, "127.0.0.1")


def test_an_address_is_added_by_the_commands_of_the_packages_example(service: Service) -> None:
    """Twice, the second time while a daemon and its standby have the first address."""
    text = EXAMPLE.read_text()
    commands = [line[1:].strip() for line in text.splitlines() if line.startswith("#     ")]
    stop, look, start = commands[2:]
    service.box.run("mkdir", "-p", DROP_IN.rpartition("/")[0])
    try:
        for addresses in (["127.0.0.2"], ["127.0.0.2", "127.0.0.3"]):
            listens = [f"{kind}={each}:53" for each in addresses for kind in KINDS]
            service.box.write(DROP_IN, "\n".join([re.split(LISTED, text)[0], *listens, ""]))
            service.box.run("sh", "-ec", stop)
            until(lambda: not service.box.run("sh", "-c", look), "the end of the standby")
            service.box.run("sh", "-ec", start)
            assert [each for each in addresses if not answers(service, each)] == []
    finally:
        service.systemctl("stop", "resolverd.service", "resolverd.socket")
        service.box.run("rm", DROP_IN)
        service.systemctl("daemon-reload")


def test_the_page_on_installing_has_the_commands_of_the_example() -> None:
    page = (ROOT / "docs/install.md").read_text()
    for line in EXAMPLE.read_text().splitlines():
        if line.startswith("#     systemctl"):
            assert line[1:].strip() in page
    assert "systemctl restart resolverd.socket" not in page
