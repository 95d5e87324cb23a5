"""A network namespace whose addresses a test makes."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network namespace")


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

    def asked(self, packet: bytes, address: str, port: int, source: str = "") -> bytes:
        """The UDP response of `address` to `source`; TimeoutError for one from elsewhere."""

        def ask() -> bytes:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.settimeout(5)
                if source:
                    asking.bind((source, 0))
                asking.connect(socket.getaddrinfo(address, port)[0][4])
                asking.send(packet)
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
