"""A wildcard listener of the native engine answers from the address that was asked.

The sockets are those of a network namespace of their own, whose addresses the test makes.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from harness.config import config_text
from harness.engines import LIMITS, needs_native
from harness.messages import query
from harness.server import HEAD, snapshot_of

from resolverd.config.types import Listener
from resolverd.engine.inherited import adopt
from resolverd.engine.native import NativeEngine
from resolverd.engine.sockets import BoundSockets, bind

pytestmark = [
    needs_native,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network namespace"),
]

T = TypeVar("T")
SNAPSHOT = snapshot_of(f"$ORIGIN example.\n{HEAD}", config_text(services=""))
PACKET = query("example.", "SOA")
_CLONE_NEWNET = 0x40000000


class Place:
    """A network namespace, in which a thread of its own does what it is told."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self.do(self._enter)

    def do(self, task: Callable[[], T]) -> T:
        """What `task` gives, done in there. Sockets made there stay there."""
        return self._thread.submit(task).result()

    def address(self, address: str, device: str = "lo") -> None:
        """Give the namespace another address; returns when it may be used."""
        more = ["nodad"] if ":" in address else []
        self.ip("address", "add", address, "dev", device, *more)
        # Without duplicate detection too, the kernel makes an IPv6 address usable a little later:
        # it may be answered from once it is not tentative, and asked once it has its route.
        deadline = time.monotonic() + 20
        while "tentative" in self.ip("address", "show", "dev", device):
            assert time.monotonic() < deadline
        bare = address.partition("/")[0]
        family = "-6" if ":" in address else "-4"
        while f"local {bare} " not in self.ip(family, "route", "show", "table", "local"):
            assert time.monotonic() < deadline

    def ip(self, *arguments: str) -> str:
        """What ip(8) says in there."""
        return self.do(lambda: subprocess.check_output(["ip", *arguments], text=True))

    def asked(self, address: str, port: int, source: str = "") -> bytes:
        """The answer from `address`, asked from `source`; TimeoutError for one from elsewhere."""

        def ask() -> bytes:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.settimeout(5)
                if source:
                    asking.bind((source, 0))
                asking.connect(socket.getaddrinfo(address, port)[0][4])
                asking.send(PACKET)
                return asking.recv(4096)

        return self.do(ask)

    def close(self) -> None:
        """Leave it, and so end it."""
        self._thread.shutdown()

    def _enter(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET):
            pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@pytest.fixture
def place() -> Iterator[Place]:
    """A namespace with a few addresses."""
    made = Place()
    for each in ("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8::2/128"):
        made.address(each)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("wildcard", "asked", "later", "source"),
    [
        ("0.0.0.0", ["127.0.0.1", "192.0.2.1", "192.0.2.2"], "192.0.2.3", "127.0.0.1"),
        ("::", ["::1", "2001:db8::1", "2001:db8::2"], "2001:db8::3", "::1"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
async def test_the_address_asked_answers(
    place: Place, wildcard: str, asked: list[str], later: str, source: str, workers: int
) -> None:
    """Also one that the host gets while the engine serves."""
    bound, sockets = place.do(lambda: bind([Listener(wildcard, 0)], workers, split=False))
    engine = NativeEngine(bound, sockets, LIMITS)
    await engine.start(SNAPSHOT)
    try:
        for address in asked:
            assert place.asked(address, bound[0].port, source)
        place.address(f"{later}/{128 if ':' in later else 32}")
        assert place.asked(later, bound[0].port, source)
    finally:
        await engine.stop()


async def test_one_socket_of_both_families_answers_each_from_the_address_asked(
    place: Place,
) -> None:
    """As a socket unit with BindIPv6Only=both hands over; IPv4 comes mapped into IPv6."""

    def handed_over() -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::", 0))
        return made

    bound, sockets = adopt([place.do(handed_over)], split=False)
    engine = NativeEngine(bound, sockets, LIMITS)
    await engine.start(SNAPSHOT)
    try:
        assert place.asked("192.0.2.2", bound[0].port, "127.0.0.1")
        assert place.asked("2001:db8::2", bound[0].port, "::1")
    finally:
        await engine.stop()


async def test_a_link_local_address_is_answered_from(place: Place) -> None:
    """Its answer needs the interface, which any other must not be bound to."""
    place.ip("link", "add", "one", "type", "veth", "peer", "name", "two")
    for name in ("one", "two"):
        place.ip("link", "set", name, "up")
    place.address("fe80::1/64", "one")
    bound, sockets = place.do(lambda: bind([Listener("::", 0)], split=False))
    engine = NativeEngine(bound, sockets, LIMITS)
    await engine.start(SNAPSHOT)
    try:
        assert place.asked("fe80::1%one", bound[0].port)
    finally:
        await engine.stop()


def test_the_wildcard_is_one_socket(place: Place) -> None:
    """Where the reference engine needs one for each address."""

    def count(split: bool) -> int:
        _, (sockets,) = bind([Listener("0.0.0.0", 0)], split=split)
        sockets.close()
        return len(sockets.udp)

    assert place.do(lambda: count(True)) == 3
    assert place.do(lambda: count(False)) == 1
    assert not BoundSockets([], []).shared
