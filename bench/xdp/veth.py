"""Two network namespaces joined by a veth pair, whose receive work can be told apart.

Without more, a veth delivers in a softirq of the sender's core, so the server's receive path
would be paid by the load. With NAPI in threads of their own (GRO on, `threaded` set), what
arrives at one end is the work of one kernel thread, which is bound to a core and has a CPU
clock like any process.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.fleet.lab.namespaces import Namespace, link

SERVER, ASKER = "198.18.0.1", "198.18.0.2"
ENDS = {"srv": SERVER, "ask": ASKER}


class Veth:
    """The pair, from `with` to its end. `mac` has the address of either end."""

    def __enter__(self) -> Veth:
        self._ends: dict[str, Namespace] = {}
        self.mac: dict[str, str] = {}
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends.values():
            end.remove()

    def inside(self, end: str, core: int | None = None) -> list[str]:
        """What to put before a command so that it runs at `end`, on one core if given."""
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        # ip(8) shows a command the /sys of the namespace that it runs in, too.
        return ["ip", "netns", "exec", self._ends[end].name, *pinned]

    def socket(self, end: str) -> socket.socket:
        """A UDP socket at `end` for this process; its answers are awaited for 5 s."""
        return self._ends[end].udp(5)

    @contextmanager
    def passing(self, end: str, program: Path) -> Iterator[None]:
        """With an XDP program at `end` that passes: without any a veth drops XDP_TX's frames."""
        attached = [*self.inside(end), "ip", "link", "set", "dev", end, "xdpdrv"]
        run(*attached, "obj", str(program), "sec", "xdp")
        try:
            yield
        finally:
            run(*attached, "off")

    def pin_napi(self, end: str, core: int) -> int:
        """Bind the kernel thread that receives at `end` to a core; its process id."""
        [thread] = [
            int(comm.parent.name)
            for comm in Path("/proc").glob("[0-9]*/comm")
            if _read(comm).startswith(f"napi/{end}-")
        ]
        os.sched_setaffinity(thread, {core})
        return thread

    def _make(self) -> None:
        for end in ENDS:
            self._ends[end] = Namespace(end)
        link(self._ends["srv"], "srv", self._ends["ask"], "ask")
        for end, address in ENDS.items():
            inside = self.inside(end)
            run(*inside, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            run(*inside, "ip", "addr", "add", f"{address}/24", "dev", end)
            # Whole checksums, as on a wire; NAPI, which threads need.
            run(*inside, "ethtool", "-K", end, "tx", "off", "gro", "on")
            run(*inside, "sh", "-c", f"echo 1 > /sys/class/net/{end}/threaded")
            self.mac[end] = run(*inside, "cat", f"/sys/class/net/{end}/address").strip()
        peer = self.mac["ask"]
        run(*self.inside("srv"), "ip", "neigh", "add", ASKER, "lladdr", peer, "dev", "srv")


def run(*command: str) -> str:
    """A command's output; `subprocess.CalledProcessError` where it fails."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def cpu_seconds(process: int) -> float:
    """CPU time of a process of one thread so far, as the scheduler counts it, not by ticks."""
    return int(_read(Path(f"/proc/{process}/schedstat")).split()[0]) / 1e9


def core_busy_seconds(core: int) -> float:
    """What a core did so far besides idling, for whomever; in ticks."""
    lines = (line.split() for line in _read(Path("/proc/stat")).splitlines())
    [fields] = [fields for fields in lines if fields[0] == f"cpu{core}"]
    user, nice, system, _, _, irq, softirq = map(int, fields[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
        return ""
