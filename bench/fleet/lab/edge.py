"""An edge: daemon, BIRD, clock and disk, in a namespace that has the service address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from bench.fleet.lab.clock import Clock
from bench.fleet.lab.disk import Disk
from bench.fleet.lab.edge_files import configuration, zone
from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import ANYCAST4, ANYCAST6, EdgeNode
from bench.fleet.lab.processes import Process
from bench.fleet.lab.speakers import Speaker
from bench.fleet.lab.unix_http import asked
from bench.report import ROOT

READY_SECONDS = 60.0
EBB_SECONDS = 5.0
"""For which queries that still come are waited out after a withdrawal."""
_DISK = "16m"


class Edge:
    """One of them; `start` has it answer, `announce` has clients reach it."""

    def __init__(
        self,
        namespace: Namespace,
        node: EdgeNode,
        folder: Path,
        nats: Sequence[str],
        speaker: Callable[[Namespace, EdgeNode, Path], Speaker],
        *,
        published: bool = False,
    ) -> None:
        self.node, self.name, self.namespace, self.folder = node, node.name, namespace, folder
        self.state = folder / "state"
        self.state.mkdir(parents=True)
        self.clock = Clock(folder / "clock")
        self.daemon: Process | None = None
        self._disk: Disk | None = None
        self._clocked = False
        namespace.ip(
            f"address add {ANYCAST4}/32 dev lo", f"address add {ANYCAST6}/128 dev lo nodad"
        )
        self.speaker = speaker(namespace, node, folder)
        text = configuration(node, self.state, nats, published=published)
        (folder / "resolverd.toml").write_text(text + self.speaker.configuration)
        if not published:
            (folder / "inference.example.zone").write_text(zone())

    # The daemon.

    def start(self, *, wait: bool = True) -> None:
        """Start the daemon; with `wait` until it says that it is ready."""
        command = [sys.executable, "-m", "resolverd", "serve", "--log", "json"]
        self.daemon = Process(
            self.namespace,
            [*command, "--config", str(self.folder / "resolverd.toml")],
            self.folder / "daemon.log",
            folder=self.folder,
            environment=self._environment(),
        )
        if wait:
            self.until_ready()

    def until_ready(self) -> float:
        """Wait until /readyz says yes; seconds. Raises NotSoError."""
        assert self.daemon is not None
        return self.daemon.until(
            lambda: self.admin("GET", "/readyz")[0] == 200, "ready", READY_SECONDS
        )

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        assert self.daemon is not None
        return self.daemon.stop()

    def kill(self) -> None:
        """SIGKILL the daemon, and leave the rest of the edge as it is."""
        assert self.daemon is not None
        self.daemon.kill()

    def kill_all(self) -> None:
        """SIGKILL all of its processes, as where the host's power goes."""
        self.speaker.kill()
        self.kill()

    def restore(self) -> None:
        """Start whatever of it does not run, with the disk and clock that it had; do not wait."""
        if self.changed:
            self.stop()
            if self._disk is not None:
                self._disk.close()
            self._disk, self._clocked = None, False
        self.speaker.start()
        if self.daemon is None or not self.daemon.running:
            self.start(wait=False)

    # What it announces.

    def announce(self) -> None:
        """Have the router send clients here."""
        self.speaker.announce()

    def withdraw(self) -> None:
        """Have it send them elsewhere."""
        self.speaker.withdraw()

    def until_ebbed(self, within: float = EBB_SECONDS) -> float:
        """Wait until no query has come for a tenth of a second, or `within`; seconds."""
        began = time.monotonic()
        before = self.answered()
        while time.monotonic() - began < within:
            time.sleep(0.1)
            now = self.answered()
            if now == before:
                break
            before = now
        return time.monotonic() - began

    # What it says.

    def admin(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and text of the admin socket. Raises OSError while nobody listens."""
        return asked(self.folder / "admin.sock", method, path, body)

    def shown(self) -> dict[str, Any]:
        """Its /state."""
        document: dict[str, Any] = json.loads(self.admin("GET", "/state")[1])
        return document

    def standings(self, region: str) -> set[str]:
        """How its own verdicts on a region's endpoints stand with those of other edges."""
        return {others["standing"] for others in self._others(region)}

    def told_by(self, edge: str) -> float:
        """Seconds since another edge told this one what it observes; infinite for never."""
        observing = self.shown()["fleet"]["observing"]
        ages = [float(each["age_seconds"]) for each in observing if each["edge"] == edge]
        return min(ages, default=inf)

    def verdicts(self) -> set[str]:
        """Whose verdicts count here."""
        return {others["verdicts"] for others in self._others()}

    def _others(self, region: str = "") -> list[dict[str, Any]]:
        regions = self.shown()["regions"]
        chosen = [each for each in regions if not region or each["region"] == region]
        return [endpoint["others"] for each in chosen for endpoint in each["endpoints"]]

    def edit(self, before: str, after: str) -> None:
        """Change its configuration, as a person would; the daemon notices."""
        file = self.folder / "resolverd.toml"
        text = file.read_text()
        assert before in text, before
        written = file.with_suffix(".new")
        written.write_text(text.replace(before, after))
        written.replace(file)

    def metric(self, name: str) -> float:
        """The sum of a metric's samples; 0 where it has none."""
        lines = self.admin("GET", "/metrics")[1].splitlines()
        own = (line for line in lines if line.partition("{")[0].partition(" ")[0] == name)
        return sum(float(line.rpartition(" ")[2]) for line in own)

    def answered(self) -> float:
        """How many queries it has had."""
        return self.metric("resolverd_queries_total")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its logged events of that name."""
        lines = (self.folder / "daemon.log").read_text(errors="replace").splitlines()
        logged = (json.loads(line) for line in lines if line.startswith("{"))
        return [event for event in logged if event.get("event") == name]

    def resolverd(self, *words: str, check: bool = True) -> str:
        """What a verb of resolverd prints, run on this edge."""
        command = [*self.namespace.inside, sys.executable, "-m", "resolverd", *words]
        done = subprocess.run(
            command, cwd=self.folder, text=True, capture_output=True, check=False,
            env={**os.environ, **self._environment()},
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"resolverd {' '.join(words)}: {done.returncode}: {done.stderr}")
        return done.stdout

    # Its clock and its disk.

    @property
    def changed(self) -> bool:
        """Whether it has another clock or disk than at first."""
        return self._disk is not None or self._clocked

    def own_clock(self) -> None:
        """Give its daemon a clock that can be stepped; before the daemon starts."""
        self._clocked = True

    def small_disk(self) -> None:
        """Lay a small file system over its state; before the daemon starts."""
        self._disk = Disk(self.state, _DISK)

    def fill_disk(self) -> None:
        """Leave no octet free there."""
        assert self._disk is not None
        self._disk.fill()

    def clock_offset(self) -> float:
        """Seconds by which its daemon's clock is ahead, as /state and the start of it say."""
        shown = self.shown()
        started = datetime.fromisoformat(shown["started"]).timestamp()
        return started + float(shown["uptime_seconds"]) - time.time()

    def close(self) -> None:
        """End all of it."""
        if self.daemon is not None:
            self.daemon.kill()
        self.speaker.kill()
        if self._disk is not None:
            self._disk.close()

    def _environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT), **(self.clock.environment() if self._clocked else {})}
