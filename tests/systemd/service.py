"""resolverd as a service in a box: its unit, the endpoint that it probes, and a query load."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Mapping
from functools import partial

import dns.message
from harness.config import CHAT, REGIONS, config_text
from harness.engines import EngineName
from harness.messages import query
from harness.server import HEAD
from harness.waiting import wait_until
from mmdb_writer import Value, mmdb_bytes
from systemd.box import TIMEOUT, Box, BoxError

QNAME = "chat.inference.example"
CONFIG = "/etc/resolverd/resolverd.toml"
ZONE = "/etc/resolverd/zones/example.zone"
DROP_IN = "/etc/systemd/system/resolverd.service.d/test.conf"
NETWORKS: dict[str, dict[str, Value]] = {
    "0.0.0.0/1": {"country_code": "JP", "latitude": 35.7, "longitude": 139.7}
}
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_SO_RCVBUFFORCE = 33


until = partial(wait_until, within=TIMEOUT)


class Endpoint:
    """An HTTP server in the box that plays every region; it answers while its gate is open."""

    def __init__(self, box: Box) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self._listening = box.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(100)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Answer whoever waits, and no more."""
        self.gate.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(TIMEOUT)
            try:
                connection.recv(65535)
                self.asked.set()
                self.gate.wait(TIMEOUT)
                connection.sendall(_OK)
            except OSError:  # the prober has given up
                return


class Service:
    """The units in a box, with a configuration of their own; `start` starts both."""

    def __init__(self, box: Box, endpoint: Endpoint) -> None:
        self.box, self.endpoint = box, endpoint
        self.engine: EngineName = "native"
        self.since = time.time()

    def install(self, server: str = "", *, timeout: str = "2s", unit: str = "") -> None:
        """Write configuration, zone and database, and a drop-in with more [Service] lines."""
        self.box.write("/etc/resolverd/city.mmdb", mmdb_bytes(NETWORKS))
        self.zone("192.0.2.80")
        self.configure(server, timeout=timeout)
        self.box.write(DROP_IN, f"[Service]\n{unit}\n")
        self.box.run("systemctl", "daemon-reload")

    def configure(
        self,
        server: str = "",
        *,
        timeout: str = "2s",
        path: str = "",
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Write the configuration; probes ask the endpoint for `path`.

        Those of regions in `ports` ask these instead.
        """
        by_region = dict.fromkeys(REGIONS, self.endpoint.port) | dict(ports or {})
        text = config_text(
            CHAT,
            server=f'zones = ["zones/*.zone"]\ngeoip = ["city.mmdb"]\n{server}',
            admin='listen = ""',
            probe=f'interval = "300ms"\nfast_interval = "100ms"\ntimeout = "{timeout}"\n',
            urls={name: f"http://127.0.0.1:{port}{path}" for name, port in by_region.items()},
        )
        self.box.write(CONFIG, text)

    def zone(self, www: str) -> None:
        """Write the zone; www has this address."""
        self.box.write(
            ZONE, f"$ORIGIN inference.example.\n{HEAD}www 60 A {www}\nchat 60 DYNA chat\n"
        )

    def systemctl(self, *arguments: str) -> str:
        """Run systemctl; it must succeed."""
        return self.box.run("systemctl", *arguments)

    def start(self) -> None:
        """Start, and return when systemd calls it started."""
        try:
            self.systemctl("start", "resolverd.service")
        except BoxError as error:
            raise BoxError(f"{error}\n{self.journal()}") from error

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.systemctl("show", "--property", name, "--value", "resolverd.service").strip()

    @property
    def pid(self) -> int:
        """The daemon's PID inside; 0 if there is none."""
        return int(self.show("MainPID"))

    def workers(self) -> list[int]:
        """The PIDs of the daemon's worker processes inside."""
        # A child is listed under the thread that started it.
        # One of those may end meanwhile.
        lists = f"/proc/{self.pid}/task/*/children"
        listed = self.box.run("sh", "-c", f"cat {lists} 2>/dev/null || true")
        return [
            int(child)
            for child in listed.split()
            if "spawn_main" in self.box.run("cat", f"/proc/{child}/cmdline")
        ]

    def threads(self) -> str:
        """The names of the daemon's threads."""
        return self.box.run("sh", "-c", f"cat /proc/{self.pid}/task/*/comm")

    def status(self, pid: int) -> dict[str, str]:
        """/proc/PID/status."""
        rows = self.box.run("cat", f"/proc/{pid}/status").splitlines()
        return {key: value.strip() for key, _, value in (row.partition(":") for row in rows)}

    def journal(self, *options: str) -> str:
        """What the daemon, and systemd of it, have said in this test."""
        self.box.run("journalctl", "--sync")
        since = f"--since=@{self.since:.6f}"
        shown = options or ("-o", "cat")
        return self.box.run("journalctl", "-q", "-u", "resolverd.service", since, *shown)

    def ask(
        self, name: str = QNAME, *, tcp: bool = False, timeout: float = TIMEOUT, port: int = 53
    ) -> set[str]:
        """The A records of `name`. Raises TimeoutError when there is no answer."""
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with self.box.socket(socket.AF_INET, kind) as asking:
            asking.settimeout(timeout)
            asking.connect(("127.0.0.1", port))
            sent = query(name, qid=7, ecs="1.2.3.0/24")
            asking.sendall(len(sent).to_bytes(2, "big") + sent if tcp else sent)
            received = asking.recv(65535)
        message = dns.message.from_wire(received[2:] if tcp else received)
        return {rdata.address for rrset in message.answer for rdata in rrset}


class Load:
    """`number` queries over UDP at `pace` per second, each with an ID of its own, sent once.

    It sends as many as `allow` says, and waits there for more.
    """

    def __init__(self, box: Box, number: int, pace: float) -> None:
        self.sent = 0
        self.answered: set[int] = set()
        self._number, self._gap, self._allowed = number, 1 / pace, 0
        self._socket = box.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        self._socket.connect(("127.0.0.1", 53))
        self._socket.setblocking(False)
        self._packet = query(QNAME, ecs="1.2.3.0/24")[2:]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def allow(self, number: int) -> None:
        """Send up to this many, all in all."""
        self._allowed = number

    def until_sent(self, number: int) -> None:
        """Wait until so many are on their way."""
        until(lambda: self.sent >= number, f"{number} queries sent")

    def until_answered(self, number: int) -> None:
        """Wait until so many are answered."""
        until(lambda: len(self.answered) >= number, f"{number} queries answered")

    def close(self) -> None:
        """Wait for the last answers, at most for `TIMEOUT` seconds; then no more."""
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            due = time.monotonic()
            last = due + TIMEOUT
            while len(self.answered) < self._number and time.monotonic() < last:
                now = time.monotonic()
                if self.sent >= self._allowed:
                    due = now
                elif now >= due:
                    self._socket.send(self.sent.to_bytes(2, "big") + self._packet)
                    self.sent += 1
                    due += self._gap
                    last = now + TIMEOUT
                if ready.select(max(0.0, min(due - now, 0.01)) if due > now else 0.001):
                    self._read()

    def _read(self) -> None:
        while True:
            try:
                received = self._socket.recv(65535)
            except BlockingIOError:
                return
            self.answered.add(int.from_bytes(received[:2], "big"))
