"""The demo's simulated vLLM servers, one for each region, that answer in their own namespaces."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.request import urlopen

from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import RegionNode
from bench.fleet.lab.processes import Process
from bench.report import ROOT

_PORT = 8000


class Region:
    """One of them."""

    def __init__(self, namespace: Namespace, node: RegionNode, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.node, self._namespace, self._folder = node, namespace, folder
        self.start()

    def start(self) -> None:
        """Start it, and do not wait."""
        command = [sys.executable, "-m", "resolverd.demo.region", "--name", self.node.name]
        command += ["--address", self.node.ipv4, "--port", str(_PORT)]
        self.process = Process(self._namespace, command, self._folder / "region.log", folder=ROOT)

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()

    def until_ready(self, within: float = 60.0) -> None:
        """Wait until it answers. Raises NotSoError."""
        self.process.until(lambda: self.ready, "listening", within)

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._asked("/health") == ""

    def metrics(self) -> str:
        """Its /metrics. Raises OSError."""
        return self._asked("/metrics")

    def _asked(self, path: str) -> str:
        def asked() -> str:
            with urlopen(f"{self.node.url}{path}", timeout=2) as response:
                return str(response.read().decode())

        return self._namespace.do(asked)
