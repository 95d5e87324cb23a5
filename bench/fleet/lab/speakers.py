"""What announces an edge's service addresses: `resolverd anycast`, by BIRD or by ExaBGP.

    ByBird       BIRD's static protocols, told by `resolverd anycast`, a process of its own
    ByExabgp     ExaBGP, which runs `resolverd anycast`; a BIRD beside it speaks BFD alone

Both are told the same: announce, withdraw, kill. `resolverd anycast` may withdraw by itself, too.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from bench.fleet.lab.bird import Bird, EdgeBird, bfd_alone
from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import ANYCAST4, ANYCAST6, ROUTER_AS, EdgeNode
from bench.fleet.lab.processes import Process, until
from bench.fleet.lab.unix_http import asked
from bench.report import ROOT

_ANYCAST = """\
[anycast]
addresses = ["{anycast4}", "{anycast6}"]
via = "{via}"
interval = "400ms"
timeout = "400ms"
failures = 2
fit_for = "1s"
fit_for_most = "2s"
daemon_grace = "10s"
ebb_wait = "5s"
ebb_rate = 5
edge_valid = "3s"
listen = ""
socket = "anycast.sock"
state = "."
[anycast.bird]
socket = "{bird}"
protocols = ["anycast4", "anycast6"]
"""
_NEIGHBOR = """\
neighbor {gateway} {{
    router-id {router_id};
    local-address {address};
    local-as {asn};
    peer-as {router_as};
    hold-time 9;
    family {{ {family} unicast; }}
    api {{ processes [ anycast ]; }}
}}
"""
_START_SECONDS = 60.0


class Speaker(Protocol):
    """Of one edge; `words` say what speaks BGP."""

    words: str

    @property
    def configuration(self) -> str:
        """What it wants in resolverd.toml."""

    @property
    def running(self) -> bool:
        """Whether all of it runs."""

    def start(self) -> None:
        """Start what does not run."""

    def announce(self) -> None:
        """Announce both service addresses, or do so again once this edge is fit."""

    def withdraw(self) -> None:
        """Withdraw both, as an operator does."""

    def kill(self) -> None:
        """SIGKILL all of it."""


class ByBird:
    """`resolverd anycast` beside BIRD."""

    words = "resolverd anycast, BIRD"

    def __init__(self, namespace: Namespace, edge: EdgeNode, folder: Path) -> None:
        self._verb = Verb(namespace, folder)
        self._bird = EdgeBird(namespace, edge, folder / "bird")
        self._process: Process | None = None

    @property
    def configuration(self) -> str:
        """`[anycast]`, with BIRD's socket."""
        return configured("bird", self._bird.socket)

    @property
    def running(self) -> bool:
        """Whether both run."""
        return self._bird.running and self._process is not None and self._process.running

    def start(self) -> None:
        """Start what does not run."""
        if not self._bird.running:
            self._bird.start()
        if self._process is None or not self._process.running:
            self._process = self._verb.started()

    def announce(self) -> None:
        """End the drain, if there is one."""
        self._verb.undrain()

    def withdraw(self) -> None:
        """Drain; returns once queries have ebbed."""
        self._verb.drain()

    def kill(self) -> None:
        """SIGKILL both."""
        self._bird.kill()
        if self._process is not None:
            self._process.kill()


class ByExabgp:
    """ExaBGP, and `resolverd anycast` as its process; `program` is an ExaBGP of either version."""

    words = "resolverd anycast, ExaBGP"

    def __init__(
        self, namespace: Namespace, edge: EdgeNode, folder: Path, program: str = "exabgp"
    ) -> None:
        self._namespace, self._folder, self._program = namespace, folder, program
        self._verb = Verb(namespace, folder)
        self._bfd = Bird(namespace, bfd_alone(edge), folder / "bird")
        self._process: Process | None = None
        (folder / "exabgp.conf").write_text(exabgp(edge, self._verb.command()))

    @property
    def configuration(self) -> str:
        """`[anycast]`, for a process of ExaBGP's."""
        return configured("exabgp", self._bfd.socket)

    @property
    def running(self) -> bool:
        """Whether both run."""
        return self._bfd.running and self._process is not None and self._process.running

    def start(self) -> None:
        """Start what does not run."""
        if not self._bfd.running:
            self._bfd.start()
        if self._process is None or not self._process.running:
            self._process = Process(
                self._namespace,
                [self._program, str(self._folder / "exabgp.conf")],
                self._folder / "exabgp.log",
                folder=self._folder,
                environment={
                    "PYTHONPATH": str(ROOT),
                    "exabgp.daemon.user": "root",
                    "exabgp.daemon.drop": "false",
                    "exabgp.api.cli": "false",
                    "exabgp.log.destination": "stderr",
                    "exabgp.tcp.delay": "0",
                },
            )

    def announce(self) -> None:
        """End the drain, if there is one."""
        self._verb.undrain()

    def withdraw(self) -> None:
        """Drain; returns once queries have ebbed."""
        self._verb.drain()

    def kill(self) -> None:
        """SIGKILL ExaBGP, its process and the BIRD."""
        self._bfd.kill()
        if self._process is not None:
            self._process.kill()


class Verb:
    """The verb `resolverd anycast` of an edge's configuration."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self._namespace, self._folder = namespace, folder

    def command(self, *options: str) -> list[str]:
        """Its command line."""
        file = str(self._folder / "resolverd.toml")
        return [sys.executable, "-m", "resolverd", "anycast", "--config", file, *options]

    def started(self) -> Process:
        """The process that announces."""
        return Process(
            self._namespace,
            self.command("--log", "json"),
            self._folder / "anycast.log",
            folder=self._folder,
            environment={"PYTHONPATH": str(ROOT)},
        )

    def drain(self) -> None:
        """Withdraw as an operator. Raises AssertionError where it is refused."""
        self._said("POST", "/drain", {"who": "a trial", "why": "a trial", "force": False})

    def undrain(self) -> None:
        """Announce again."""
        self._said("DELETE", "/drain/this", None)

    def _said(self, method: str, target: str, body: Any) -> None:
        socket = self._folder / "anycast.sock"
        until(
            lambda: asked(socket, "GET", "/state")[0] == HTTPStatus.OK, f"{socket}", _START_SECONDS
        )
        status, text = asked(socket, method, target, body)
        if status != HTTPStatus.OK:
            raise AssertionError(f"{method} {target}: {status}: {text}")


def configured(via: str, bird: Path) -> str:
    """`[anycast]` of an edge."""
    return _ANYCAST.format(anycast4=ANYCAST4, anycast6=ANYCAST6, via=via, bird=bird)


def exabgp(edge: EdgeNode, command: Sequence[str]) -> str:
    """exabgp.conf of an edge, with a session for each family."""
    sessions = (("ipv4", edge.gateway4, edge.ipv4), ("ipv6", edge.gateway6, edge.ipv6))
    return f"process anycast {{\n    run {' '.join(command)};\n    encoder text;\n}}\n" + "".join(
        _NEIGHBOR.format(
            gateway=gateway,
            router_id=edge.ipv4,
            address=address,
            asn=edge.asn,
            router_as=ROUTER_AS,
            family=family,
        )
        for family, gateway, address in sessions
    )


def exabgps() -> list[str]:
    """The ExaBGPs there are: Debian's, and the newer one of .ci/exabgp."""
    newer = ROOT / ".cache" / "exabgp" / "bin" / "exabgp"
    found = shutil.which("exabgp", path="/usr/sbin:/usr/bin")
    return [*([found] if found else []), *([str(newer)] if newer.exists() else [])]
