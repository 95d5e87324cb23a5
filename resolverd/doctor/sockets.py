"""Which sockets hold which ports, and who holds those sockets.

The kernel lists sockets in /proc/net with their inode and owner; whose they are stands in
/proc/PID/fd, which other users' processes show to root alone.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Literal, NamedTuple

from resolverd.doctor.procfs import Procfs

Transport = Literal["UDP", "TCP"]

_TABLES: tuple[tuple[Transport, str], ...] = (
    ("UDP", "udp"),
    ("UDP", "udp6"),
    ("TCP", "tcp"),
    ("TCP", "tcp6"),
)
_LISTENS = "0A"  # TCP_LISTEN in include/net/tcp_states.h
_SERVING = {"serve", "demo"}


class BoundSocket(NamedTuple):
    """One bound socket; `drops` counts packets that its buffer had no room for."""

    transport: Transport
    address: str
    port: int
    inode: int
    uid: int
    drops: int


class Holder(NamedTuple):
    """A process that has a socket open; `unit` is its systemd service, if it is in one."""

    pid: int
    name: str
    ours: bool
    unit: str = ""


def held_sockets(proc: Procfs) -> list[BoundSocket] | None:
    """Every UDP socket and every TCP listener here; None where the kernel's tables are hidden."""
    tables = [(transport, proc.text(f"proc/self/net/{name}")) for transport, name in _TABLES]
    if all(text is None for _, text in tables):
        return None
    return [held for transport, text in tables for held in parse_sockets(text or "", transport)]


def parse_sockets(text: str, transport: Transport) -> list[BoundSocket]:
    """The rows of /proc/net/udp and its like (proc_net_tcp.txt in the kernel's documents)."""
    rows = [row.split() for row in text.splitlines()[1:]]
    return [
        BoundSocket(
            transport,
            *_local(row[1]),
            inode=int(row[9]),
            uid=int(row[7]),
            drops=int(row[-1]) if transport == "UDP" else 0,
        )
        for row in rows
        if len(row) > 9 and (transport == "UDP" or row[3] == _LISTENS)
    ]


def holders(proc: Procfs, inodes: Collection[int]) -> dict[int, tuple[Holder, ...]]:
    """Who has these sockets open, as far as we may see."""
    found: dict[int, list[Holder]] = {}
    links = {f"socket:[{inode}]": inode for inode in inodes}
    for pid, link in _open_sockets(proc) if links else ():
        if (inode := links.get(link)) is not None:
            found.setdefault(inode, []).append(_holder(proc, pid))
    return {inode: tuple(dict.fromkeys(those)) for inode, those in found.items()}


def is_serving(arguments: Sequence[str]) -> bool:
    """Whether a command line is that of a resolverd that serves."""
    names = [PurePath(argument).name for argument in arguments]
    return "resolverd" in names and bool(_SERVING & set(names[names.index("resolverd") :]))


def _open_sockets(proc: Procfs) -> Iterator[tuple[int, str]]:
    for process in _entries(proc.root / "proc"):
        for descriptor in _entries(process / "fd") if process.name.isdigit() else ():
            try:
                link = str(descriptor.readlink())
            except OSError:  # closed meanwhile
                continue
            yield int(process.name), link


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # another user's, or ended meanwhile
        return []


def _holder(proc: Procfs, pid: int) -> Holder:
    name = (proc.text(f"proc/{pid}/comm") or "").strip() or "unnamed"
    cgroup = (proc.text(f"proc/{pid}/cgroup") or "").split()
    units = [PurePath(row).name for row in cgroup if row.endswith(".service")]
    # The sockets of several workers are their own; they are known by their parent.
    parent = proc.status(str(pid), "PPid")
    ours = is_serving(_arguments(proc, str(pid))) or is_serving(_arguments(proc, parent or "0"))
    return Holder(pid, "resolverd" if ours else name, ours, units[0] if units else "")


def _arguments(proc: Procfs, process: str) -> list[str]:
    return (proc.text(f"proc/{process}/cmdline") or "").split("\0")


def _local(text: str) -> tuple[str, int]:
    """``0100007F:0035`` as address and port: words of 32 bits in the host's own order."""
    address, _, port = text.partition(":")
    words = [address[at : at + 8] for at in range(0, len(address), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    parsed = ipaddress.ip_address(packed)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed), int(port, 16)
