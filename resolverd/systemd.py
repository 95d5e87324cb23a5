"""The service manager's side of a daemon: readiness, status, watchdog, sockets passed and stored.

The protocols of sd_notify(3), sd_listen_fds(3) and sd_pid_notify_with_fds(3), which are an
environment variable and a datagram each. `Supervisor.adopt` reads the environment once and
clears what it read, so that no child takes it for its own. Without a service manager everything
here does nothing.

Descriptors that this program stored have names that begin with `STORED`, and are known by them
alone: they come back after those of the socket unit, in no order that could be counted on.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

from resolverd import log
from resolverd.errors import EngineError

# The first descriptor that is handed over (SD_LISTEN_FDS_START).
FIRST_DESCRIPTOR = 3

STORED = "resolverd."
"""How the names of stored descriptors begin; no socket unit's FileDescriptorName= may."""

# Descriptors in one datagram; the kernel takes 253 (unix(7), SCM_RIGHTS).
_AT_ONCE = 64

# Seconds for one datagram. A service manager that has crashed, or is frozen, keeps its socket and
# reads no more; once its queue is full (net.unix.max_dgram_qlen) a send would wait for ever.
_SEND_TIMEOUT = 0.1

_NOTIFY = ("NOTIFY_SOCKET",)
_WATCHDOG = ("WATCHDOG_USEC", "WATCHDOG_PID")
_PROCESS = ("SYSTEMD_EXEC_PID",)
_LISTEN = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


@dataclass(frozen=True, slots=True)
class Inherited:
    """One descriptor handed over, and the name that its socket unit gives it."""

    descriptor: int
    name: str


@dataclass(slots=True)
class Supervisor:
    """Whoever started this process: where to report its state, and what was handed over.

    `watchdog` is the seconds within which each `alive` must follow the one before, or None.
    `sockets` are the socket unit's; `stored` what an earlier process stored, by name. `main`: this
    is the process that a unit of systemd's is for, so its cgroup is its own (systemd.exec(5)).
    """

    address: str = ""
    watchdog: float | None = None
    sockets: Sequence[socket.socket] = ()
    stored: Mapping[str, Sequence[socket.socket]] = field(default_factory=dict)
    main: bool = False
    _status: str = field(default="", init=False)

    @classmethod
    def adopt(cls, environ: MutableMapping[str, str] = os.environ) -> Supervisor:
        """The supervisor that `environ` speaks of; its variables are removed from there.

        Raises EngineError when it promises sockets that are none.
        """
        found = {key: environ.pop(key, "") for key in (*_NOTIFY, *_WATCHDOG, *_PROCESS, *_LISTEN)}
        pid = os.getpid()
        passed: list[socket.socket] = []
        stored: dict[str, list[socket.socket]] = {}
        for received in inherited(
            found["LISTEN_FDS"], found["LISTEN_PID"], found["LISTEN_FDNAMES"], pid
        ):
            ours = received.name.startswith(STORED)
            (stored.setdefault(received.name, []) if ours else passed).append(
                _socket(received.descriptor)
            )
        return cls(
            address=found["NOTIFY_SOCKET"],
            watchdog=watchdog_interval(found["WATCHDOG_USEC"], found["WATCHDOG_PID"], pid),
            sockets=passed,
            stored=stored,
            main=found["SYSTEMD_EXEC_PID"] == str(pid),
        )

    def ready(self, status: str) -> None:
        """Send READY and STATUS: after the start, and after every reload, adopted or refused."""
        self._status = status
        self._send(READY="1", STATUS=status)

    def reloading(self) -> None:
        """Send RELOADING: the manager waits for the next `ready`."""
        self._send(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))

    def stopping(self) -> None:
        """Send STOPPING."""
        self._send(STOPPING="1", STATUS="stopping")

    def status(self, status: str) -> None:
        """Send STATUS, one line for people, where it has changed."""
        if status != self._status:
            self._status = status
            self._send(STATUS=status)

    def alive(self) -> None:
        """Send WATCHDOG: without one within `watchdog` seconds the service is killed."""
        self._send(WATCHDOG="1")

    def store(self, name: str, sockets: Sequence[socket.socket], *, polled: bool) -> None:
        """Have copies of `sockets` kept under `name`, and passed to whoever is started next.

        They are kept until the unit is stopped for good. `polled`: one that hangs up or has an
        error is dropped. A UDP socket must not be: an ICMP error would drop it.
        """
        for start in range(0, len(sockets), _AT_ONCE):
            descriptors = [sock.fileno() for sock in sockets[start : start + _AT_ONCE]]
            fields = {"FDSTORE": "1", "FDNAME": name} | ({} if polled else {"FDPOLL": "0"})
            self._send(descriptors, **fields)

    def discard(self, name: str) -> None:
        """Send FDSTOREREMOVE: the manager closes the descriptors kept under `name`."""
        self._send(FDSTOREREMOVE="1", FDNAME=name)

    def _send(self, descriptors: Sequence[int] = (), /, **fields: str) -> None:
        if not self.address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(_SEND_TIMEOUT)
                sender.connect(socket_address(self.address))
                if descriptors:
                    socket.send_fds(sender, [message(fields)], list(descriptors))
                else:
                    sender.send(message(fields))
        except OSError as error:
            log.get("systemd").error("notify.failed", fields=[*fields], reason=str(error))


def message(fields: MutableMapping[str, str]) -> bytes:
    """The datagram: one ``KEY=value`` per line, so a value keeps to its line."""
    rows = (f"{key}={' '.join(value.split())}" for key, value in fields.items())
    return "\n".join(rows).encode("utf-8", "replace")


def socket_address(text: str) -> str:
    """The address in NOTIFY_SOCKET as the socket module has it: ``@`` means an abstract one."""
    return "\0" + text[1:] if text.startswith("@") else text


def watchdog_interval(usec: str, pid: str, own_pid: int) -> float | None:
    """Seconds from WATCHDOG_USEC, unless WATCHDOG_PID means another process; else None."""
    if not usec.isdigit() or not int(usec) or pid not in ("", str(own_pid)):
        return None
    return int(usec) / 1e6


def inherited(fds: str, pid: str, names: str, own_pid: int) -> list[Inherited]:
    """The descriptors that LISTEN_FDS counts, unless LISTEN_PID means another process."""
    if not fds.isdigit() or pid != str(own_pid):
        return []
    named = names.split(":") if names else []
    return [
        Inherited(FIRST_DESCRIPTOR + index, named[index] if index < len(named) else "unknown")
        for index in range(int(fds))
    ]


def _socket(descriptor: int) -> socket.socket:
    """A socket over `descriptor` that does not block and that no program started here keeps.

    Raises EngineError when it is none.
    """
    try:
        adopted = socket.socket(fileno=descriptor)
    except OSError as error:
        raise EngineError(f"inherited descriptor {descriptor}: {error.strerror}") from error
    adopted.setblocking(False)
    adopted.set_inheritable(False)
    return adopted
