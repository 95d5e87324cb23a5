"""Edges as processes that take published sets, and the directory that sets are published from."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode
from cli.command import TIMEOUT, Ran, environment
from harness.config import CHAT, REGIONS, address_of, config_text
from harness.process import PROBES, Regions, Running
from harness.programs import free_port
from harness.server import HEAD
from harness.waiting import wait_until

from resolverd.cli.documents import VERBS

QUICK = ("--prove", "1s", "--patience", "60s", "--waves", "1", "--note", "a test")
"""What a test publishes with: a second of proof, the patience that a busy host needs, and waves of
one edge each."""


class Central:
    """The directory that a fleet's set is written in."""

    def __init__(self, folder: Path, urls: Sequence[str], regions: Regions) -> None:
        self.folder, self._urls, self._regions = folder, urls, regions
        self.config, self.zone = folder / "resolverd.toml", folder / "zones" / "0.zone"
        self.zone.parent.mkdir(parents=True)
        self.write()

    def write(self, more: str = CHAT, *, url: str = "", serial: int = 7, records: str = "") -> None:
        """Write the configuration and its zone."""
        headers = "".join(
            f'[region.{region}.probe]\nheaders = {{ "X-Region" = "{region}" }}\n'
            for region in REGIONS
        )
        self.config.write_text(
            config_text(
                headers + more + f"[fleet]\nurls = {json.dumps(self._urls)}\n",
                probe=PROBES,
                urls=dict.fromkeys(REGIONS, url or self._regions.url),
            )
        )
        head = HEAD.replace(" 7 ", f" {serial} ")
        self.zone.write_text(f"$ORIGIN inference.example.\n{head}chat 60 DYNA chat\n{records}")

    def publish(self, *arguments: str) -> Ran:
        """`resolverd publish`, as a process."""
        done = subprocess.run(
            [sys.executable, "-m", "resolverd", "publish", *arguments],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def told(self, verb: str, *arguments: str, status: int = 0) -> Any:
        """What `resolverd publish` says with --json, which is the document of `verb`."""
        ran = self.publish(*arguments, "--json")
        assert ran.status == status, ran
        VERBS[verb][0].model_validate_json(ran.out, strict=True)
        return ran.json()


class PublishedEdge:
    """One edge: its own file, its `server.state`, and its process while it runs.

    `metrics` is where Prometheus may read it; empty is nowhere.
    """

    def __init__(self, folder: Path, name: str, urls: Sequence[str], *, metrics: str = "") -> None:
        self.folder, self.name, self._urls, self.metrics = folder, name, urls, metrics
        self.state = folder / "state"
        self.port = free_port()
        self.events = folder / "events.json"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        self.write()

    def write(self, more: str = "") -> None:
        """Its own file, with `more` of its own."""
        (self.folder / "resolverd.toml").write_text(
            f'[server]\nlisten = ["127.0.0.1:{self.port}"]\ncoordinates = [50.1, 8.7]\n'
            f'state = "{self.state}"\nsettle = "100ms"\n'
            f'[admin]\nsocket = "admin.sock"\nlisten = "{self.metrics}"\n'
            f'[fleet]\nurls = {json.dumps(self._urls)}\nedge = "{self.name}"\n'
            f'configuration = "published"\n{more}'
        )

    def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until it is ready."""
        with self.events.open("ab") as events:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "resolverd", "serve", "--log", "json"],
                cwd=self.folder,
                env=environment(),
                stderr=events,
                stdin=subprocess.DEVNULL,
            )
        if ready:
            self.until_ready()

    def until_ready(self) -> None:
        """Wait until it is."""
        wait_until(self._ready, f"{self.name} is ready", within=TIMEOUT)

    def stop(self) -> int:
        """End it; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> int:
        """Kill it; its exit status."""
        assert self._process is not None
        self._process.kill()
        return self._ended()

    def close(self) -> None:
        """Kill it if it runs."""
        if self._process is not None:
            self.kill()

    def exit_status(self) -> int:
        """What it ended with, by itself."""
        return self._ended()

    def answer(self, name: str = "chat.inference.example") -> str:
        """The address that it gives to this host."""
        response = self.response(name)
        return str(response.answer[0][0])

    def response(self, name: str = "chat.inference.example") -> dns.message.Message:
        """The whole response. Raises DNSException where there is none."""
        query = dns.message.make_query(name, "A")
        return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=5)

    def published(self) -> Any:
        """What `resolverd state` says of generations."""
        assert self._process is not None
        status, text = self._running().ask("GET", "/state")
        assert status == 200, text
        return json.loads(text)["published"]

    def metric(self, name: str) -> float:
        """A metric without labels."""
        return self._running().metric(name)

    def serves(self, number: int) -> None:
        """Wait until it serves that generation for good."""
        self.until(lambda now: now["number"] == number and not now["on_trial"], f"serves {number}")

    def until(self, holds: Callable[[Any], bool], what: str) -> None:
        """Wait until that holds of what it says of generations; a busy host may close a socket."""

        def met() -> bool:
            with contextlib.suppress(OSError):
                return holds(self.published())
            return False

        wait_until(met, f"{self.name}: {what}", within=TIMEOUT)

    def said(self, event: str) -> list[dict[str, Any]]:
        """The events of that name."""
        lines = self.events.read_text().splitlines()
        return [row for row in map(json.loads, lines) if row["event"] == event]

    def _running(self) -> Running:
        assert self._process is not None
        return Running(self._process, self.folder, self.port, _NOBODY)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.events.read_text()[-3000:]
        with contextlib.suppress(OSError):
            return self._running().ask("GET", "/readyz")[0] == 200
        return False

    def _ended(self) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        return process.wait(TIMEOUT)


class Asking:
    """Asks edges without a pause, and keeps what was answered: RCODE, or the address."""

    def __init__(self, *edges: PublishedEdge) -> None:
        self._edges = edges
        self.answers: dict[str, set[str]] = {edge.name: set() for edge in edges}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(0.005):
            for edge in self._edges:
                try:
                    response = edge.response()
                except (OSError, dns.exception.DNSException):
                    self.answers[edge.name].add("none")
                    continue
                rcode = dns.rcode.to_text(response.rcode())
                found = str(response.answer[0][0]) if response.answer else rcode
                self.answers[edge.name].add(found)


_NOBODY = Regions()
NEAREST = address_of("eu-west")
