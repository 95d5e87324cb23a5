"""Network namespaces by name, the links between them, and what runs inside.

A name begins with `PREFIX` and the number of the process that made it, so what a killed run has
left is known, and nobody else's is touched.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PREFIX = "rdlab"
UPLINK = "uplink"
"""A node's device towards the router."""

_NAMED = Path("/run/netns")
_OWN = "/proc/thread-self/ns/net"
_CLONE_NEWNET = 0x40000000


class Namespace:
    """One, from its making to `remove`."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.name = f"{PREFIX}-{os.getpid()}-{node}"
        run("ip", "netns", "add", self.name)
        try:
            self.ip("link set lo up")
        except BaseException:
            self.remove()
            raise

    @property
    def inside(self) -> list[str]:
        """What stands before a command so that it runs in here, and ends when we do."""
        return [
            *("setpriv", "--pdeathsig", "KILL"),
            *("nsenter", f"--net={_NAMED / self.name}"),
        ]

    def ip(self, *lines: str) -> None:
        """Carry out these lines of ip(8), all in one process."""
        text = "".join(f"{line}\n" for line in lines)
        run("ip", "-n", self.name, "-batch", "-", stdin=text)

    def sysctl(self, **values: object) -> None:
        """Set values of /proc/sys/net; a name has `__` where the path has a slash."""
        with self.entered():
            for name, value in values.items():
                Path(f"/proc/sys/net/{name.replace('__', '/')}").write_text(f"{value}\n")

    def run(self, *command: str, stdin: str | None = None) -> str:
        """A command's output. Raises CalledProcessError."""
        return run(*self.inside, *command, stdin=stdin)

    def do(self, task: Callable[[], T]) -> T:
        """What `task` gives, done in here by this thread; sockets made there stay there."""
        with self.entered():
            return task()

    def udp(self, timeout: float = 2.0) -> socket.socket:
        """A UDP socket of this namespace."""
        made = self.do(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        made.settimeout(timeout)
        return made

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread in here, until the end."""
        with (_NAMED / self.name).open() as there, Path(_OWN).open() as here:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(here.fileno())

    def remove(self) -> None:
        """Take it away; its links go with it."""
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def link(one: Namespace, device: str, other: Namespace, other_device: str) -> None:
    """A veth pair, both ends up."""
    one.ip(f"link add {device} type veth peer name {other_device} netns {other.name}")
    one.ip(f"link set {device} up")
    other.ip(f"link set {other_device} up")


def remove_left() -> list[str]:
    """Remove the namespaces of processes that are no more; their names."""
    if not _NAMED.is_dir():
        return []
    named = [entry.name for entry in _NAMED.iterdir()]
    ours = [(name, re.match(rf"{PREFIX}-(\d+)-", name)) for name in named]
    left = [name for name, found in ours if found and not Path(f"/proc/{found[1]}").exists()]
    for name in left:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return left


def run(*command: str, stdin: str | None = None) -> str:
    """A command's output. Raises CalledProcessError, with what it said as its note."""
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        error.add_note(done.stderr or done.stdout)
        raise error
    return done.stdout


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
