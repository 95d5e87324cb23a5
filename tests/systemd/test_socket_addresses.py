"""A socket unit's addresses are changed as docs/edges.md says, under a real systemd."""

from __future__ import annotations

import socket
from contextlib import closing

import dns.message
from harness.messages import query
from systemd.service import QNAME, Service, until

DROP_IN = "/etc/systemd/system/resolverd.socket.d/addresses.conf"


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
