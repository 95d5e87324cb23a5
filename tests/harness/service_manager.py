"""A service manager that a test plays for `resolverd serve`, a process that may be killed.

It passes on the sockets of a socket unit, and keeps what it is given by name (FDSTORE), as systemd
does and as sd_pid_notify_with_fds(3) says; so a standby answers in between. It starts nothing by
itself.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

from harness.programs import free_port
from resolverd.handover.channel import NAME

DEADLINE = 60.0
"""Seconds after which what is waited for has failed the test."""

# Sets the descriptors in its arguments as sd_listen_fds(3) has them, and becomes the daemon.
_LAUNCH = """
import fcntl, os, sys
given = [fcntl.fcntl(int(each), fcntl.F_DUPFD_CLOEXEC, 400) for each in sys.argv[1].split(",")]
for number, each in enumerate(given):
    os.dup2(each, 3 + number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "resolverd", "serve", *sys.argv[2:]])
"""


class ServiceManager:
    """Starts daemons of the files in `folder`, one after another, on the same sockets."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.statuses: list[str] = []
        self._folder = folder
        self._stored: dict[str, list[int]] = {}
        self._ready = threading.Event()
        self._due = 0.0
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(folder / "notify"))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind(("127.0.0.1", self.port))
        self._tcp.listen(512)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (folder / "log").open("ab")
        threading.Thread(target=self._hear, daemon=True).start()

    def start(self, *arguments: str) -> None:
        """Start a daemon, which is `ready` some time later."""
        self._due = time.monotonic() + DEADLINE
        self._ready.clear()
        passed = {"dns": [self._udp.fileno(), self._tcp.fileno()], **self._stored}
        names = [name for name, descriptors in passed.items() for _ in descriptors]
        numbers = [each for descriptors in passed.values() for each in descriptors]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, ",".join(map(str, numbers)), *arguments],
            cwd=self._folder,
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(self._folder / "notify"),
                "LISTEN_FDS": str(len(numbers)),
                "LISTEN_FDNAMES": ":".join(names),
            },
            pass_fds=numbers,
            stdin=subprocess.DEVNULL,
            stderr=self._log,
        )

    @property
    def ready(self) -> bool:
        """Whether the daemon has said that it is; it fails where that has ended, or is too late."""
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        assert time.monotonic() < self._due, self.log()
        return self._ready.is_set()

    def until_ready(self) -> None:
        """Return once the daemon has said that it is."""
        while not self.ready:
            self._ready.wait(0.05)

    def terminate(self) -> None:
        """SIGTERM to it, and do not wait."""
        assert self._process is not None
        self._process.terminate()

    def stop(self) -> None:
        """SIGTERM to it, as at a restart, and wait until it has ended; its standby answers."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(DEADLINE)

    def kill(self) -> None:
        """SIGKILL to the daemon alone, as KillMode=process has it; its standby answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def unread(self) -> int:
        """How much the standby has not read of what was said to it (unix(7), SIOCOUTQ)."""
        (end,) = self._stored[NAME]
        return int(struct.unpack("i", fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)))[0])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Status and document of the admin socket's answer. Raises OSError or HTTPException."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(DEADLINE)
            link.connect(str(self._folder / "admin.sock"))
            connection = http.client.HTTPConnection("admin")
            connection.sock = link
            connection.request(method, path, json.dumps(body) if body else None)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def log(self) -> str:
        """What daemons and standbys have said."""
        return (self._folder / "log").read_text()

    def close(self) -> None:
        """The service is stopped: the daemon, and by the end of its channel the standby."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(DEADLINE)
        self._heard.close()
        for each in (descriptor for kept in self._stored.values() for descriptor in kept):
            os.close(each)
        self._udp.close()
        self._tcp.close()
        self._log.close()

    def _hear(self) -> None:
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._heard, 4096, 64)
            except OSError:
                return
            if not message:
                return
            fields = dict(line.split("=", 1) for line in message.decode().splitlines())
            if "FDSTOREREMOVE" in fields:
                for each in self._stored.pop(fields["FDNAME"], []):
                    os.close(each)
            if descriptors:
                self._stored.setdefault(fields["FDNAME"], []).extend(descriptors)
            if "STATUS" in fields:
                self.statuses.append(fields["STATUS"])
            if "READY" in fields:
                self._ready.set()
