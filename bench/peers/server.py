"""What every server file has, and a server while it runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from bench.peers.ask import address, ask, serial, until
from bench.peers.process import tree
from bench.peers.world import STATIC_ADDRESS, World, zone_text
from resolverd.errors import ResolverdError

_START_LIMIT = 300.0
_STOP_LIMIT = 15.0


class Mode(StrEnum):
    """What is asked: a static name, or a steered one with random client subnets."""

    STATIC = "static"
    GEO = "geo + ECS"


class FailedError(ResolverdError):
    """A server did not start, did not reload, or is not installed; the text says more."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where and how one server runs; `health` are ports of healthy endpoints on loopback."""

    place: Path
    port: int
    threads: int
    world: World
    serial: int = 1
    health: tuple[int, ...] = ()

    @property
    def zones(self) -> Path:
        """The directory of master files."""
        return self.place / "zones"


class Server(ABC):
    """One kind of server."""

    name: str
    modes: tuple[Mode, ...] = (Mode.STATIC, Mode.GEO)
    peer = True
    """Whether it is one of those that resolverd is compared with."""
    program = ""
    version_words: tuple[str, ...] = ("-v",)

    @abstractmethod
    def write(self, site: Site) -> None:
        """Write its configuration and zones into `site.place`, which exists."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """The command that serves in the foreground."""

    @abstractmethod
    def reload(self, site: Site, pid: int) -> None:
        """Make it read what was written anew; need not wait."""

    def answers(self, site: Site) -> bool:
        """Whether it gives right addresses for the names of the last zone."""
        last = site.world.last_origin
        if address(ask(site.port, f"www.{last}", wait=0.2)) != STATIC_ADDRESS:
            return False
        if Mode.GEO not in self.modes:
            return True
        answered = address(ask(site.port, f"geo.{last}", subnet="192.0.2.0", wait=0.2))
        return answered in site.world.addresses(static=False)

    def write_zones(
        self, site: Site, geo: str | Callable[[int], str], name: Callable[[str], str] = str
    ) -> None:
        """Master files, each called what `name` makes of its origin.

        `geo` are the lines of steered names, of all zones or of one by its number.
        """
        site.zones.mkdir(exist_ok=True)
        for number, origin in enumerate(site.world.origins()):
            steered = geo if isinstance(geo, str) else geo(number)
            text = zone_text(site.world, origin, site.serial, steered)
            (site.zones / name(origin)).write_text(text)

    def version(self) -> str:
        """What it says of itself. Raises FailedError when it is not installed."""
        path = self.found()
        answered = subprocess.run([path, *self.version_words], capture_output=True, text=True)
        number = re.search(r"\d+\.\d+(\.\d+)?", answered.stdout + answered.stderr)
        return number.group() if number else "unknown"

    def found(self) -> str:
        """The path of its program. Raises FailedError when it is not installed."""
        path = shutil.which(self.program, path="/usr/sbin:/usr/bin:/sbin:/bin")
        if path is None:
            raise FailedError(f"{self.program} is not installed")
        return path


@dataclass(slots=True)
class Running:
    """A server that answers. `start_s` counts from its spawn to its first right answer."""

    server: Server
    site: Site
    process: subprocess.Popen[bytes]
    start_s: float

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        return self.process.pid

    def adopt(self, limit: float = _START_LIMIT) -> float:
        """Raise the serial of its zones and reload; seconds until the last zone has it.

        Raises FailedError when that does not happen within `limit`.
        """
        self.site = replace(self.site, serial=self.site.serial + 1)
        self.server.write(self.site)
        last = self.site.world.last_origin
        start = time.monotonic()
        self.server.reload(self.site, self.pid)
        wanted = self.site.serial
        if until(lambda: serial(self.site.port, last) == wanted, limit, self.lives) is None:
            raise FailedError(f"{self.server.name} did not adopt an edit\n{self.last_words()}")
        return time.monotonic() - start

    def lives(self) -> bool:
        """Whether its process is there."""
        return self.process.poll() is None

    def last_words(self) -> str:
        """The end of its log; results that hold it say nothing of this machine's directories."""
        text = (self.site.place / "log").read_text("utf-8", "replace")
        return "\n".join(text.replace(str(self.site.place), "…").split("\n")[-12:])


@contextmanager
def running(
    server: Server, site: Site, spawned: Callable[[int], None] = lambda pid: None
) -> Iterator[Running]:
    """Serve `site`; raises FailedError with the end of its log when it does not get there.

    `spawned` hears the root of its process tree at once.
    """
    site.place.mkdir(parents=True, exist_ok=True)
    server.write(site)
    start = time.monotonic()
    with (site.place / "log").open("wb") as log:
        process = subprocess.Popen(
            server.command(site),
            cwd=site.place,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Not a session of its own: sessions share cores evenly, whatever their threads' nice
            # values are (sched(7), autogroups), and servers are judged by theirs.
            process_group=0,
        )
    served = Running(server, site, process, 0.0)
    spawned(process.pid)
    try:
        if until(lambda: server.answers(site), _START_LIMIT, served.lives) is None:
            raise FailedError(f"{server.name} did not start\n{served.last_words()}")
        served.start_s = time.monotonic() - start
        yield served
    finally:
        _stop(process)


def free_port() -> int:
    """A UDP port of loopback that is free, for TCP as well, and not handed out by the kernel."""
    for port in range(5301, 5999):
        if port in _given:
            continue
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise FailedError("no free port below 6000")


_given: set[int] = set()


def _stop(process: subprocess.Popen[bytes]) -> None:
    below = tree(process.pid)[1:]
    process.terminate()
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in below:
        try:
            # Its group is the server's own, so that a pid that was given anew is let be.
            if os.getpgid(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
