"""A host on which `resolverd serve` is started, killed and started again, over the same files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.query
from cli.command import environment
from harness.config import CHAT, REGIONS, config_text
from harness.process import ADMIN, NEAREST, TIMEOUT, Regions, Running
from harness.programs import free_port
from harness.server import HEAD

HANG = 25.0
"""Seconds that a probe of a hanging region lasts: longer than a busy machine needs for anything."""

PROBES = f'interval = "500ms"\nfast_interval = "100ms"\ntimeout = "{HANG:g}s"\n'
WWW = "192.0.2.80"


class Host:
    """The files and regions of one host; `running` is the daemon that was started last."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.regions = folder, free_port(), Regions()
        self.config, self.zone = folder / "resolverd.toml", folder / "0.zone"
        self.other_zone = folder / "1.zone"
        self.state = folder / "state"
        self.running: Running
        self.starts = 0
        self.write()

    def write(
        self, *, www: str = WWW, serial: int = 7, probe: str = PROBES, services: str = CHAT
    ) -> None:
        """The files of a good configuration and two good zones."""
        self.zone.write_text(zone_text("inference.example.", www, serial) + "chat 60 DYNA chat\n")
        self.other_zone.write_text(zone_text("other.example.", www, serial))
        headers = "".join(
            f'[region.{region}.probe]\nheaders = {{ "X-Region" = "{region}" }}\n'
            for region in REGIONS
        )
        self.config.write_text(
            config_text(
                headers + services,
                server=f'listen = ["127.0.0.1:{self.port}"]\nzones = ["*.zone"]\n'
                'state = "state"\nsettle = "100ms"',
                admin=ADMIN,
                probe=probe,
                urls=dict.fromkeys(REGIONS, self.regions.url),
            )
        )

    def clean(self) -> None:
        """Take away what earlier starts left, and have all regions well."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "admin.sock" and not path.name.startswith("log-"):
                path.unlink()
        self.regions.dead.clear()
        self.regions.hanging.clear()

    def start(self, *, ready: bool = True, state_directory: str = "") -> Running:
        """A daemon, ready unless said otherwise; `state_directory` is set as systemd does it."""
        self.starts += 1
        more = {"STATE_DIRECTORY": state_directory} if state_directory else {}
        with (self.folder / f"log-{self.starts}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "resolverd", "serve", "--log", "json"],
                cwd=self.folder,
                env=environment(**more),
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.running = Running(process, self.folder, self.port, self.regions)
        if ready:
            self.running.until(lambda: self.running.ask("GET", "/readyz")[0] == 200)
        return self.running

    def kill(self) -> None:
        """``kill -9``, now."""
        self.running.process.kill()
        self.running.process.wait(TIMEOUT)

    def log(self, start: int = 0) -> str:
        """What the daemon of that start wrote, the last by default."""
        return (self.folder / f"log-{start or self.starts}").read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of the last start."""
        events = [json.loads(line) for line in self.log().splitlines() if line[0] == "{"]
        return [event for event in events if event["event"] == name]

    def event(self, name: str) -> dict[str, Any]:
        """The only event of that name of the last start, waited for: a thread writes the log."""
        self.running.until(lambda: bool(self.events(name)))
        (event,) = self.events(name)
        return event

    def get(self, path: str) -> Any:
        """What the admin API answers."""
        return json.loads(self.running.ask("GET", path)[1])

    def until_kept(self) -> None:
        """Wait until files and verdicts of all regions are kept."""
        self.running.until(lambda: bool(self.events("files.kept")))
        self.running.until(lambda: len(self.standing()["verdicts"]) == len(REGIONS))

    def standing(self) -> Any:
        """The document of overrides, verdicts and shares."""
        return json.loads((self.state / "standing.json").read_text())

    def drain(self, seconds: str = "1h") -> None:
        """Drain the nearest region."""
        body = {"target": "eu-west", "kind": "drain", "why": "kernel", "who": "ann", "for": seconds}
        status, text = self.running.ask("POST", "/override", body)
        assert status == 200, text

    @property
    def manifest(self) -> Path:
        """What says which files are kept."""
        return self.state / "adopted" / "manifest.json"


def zone_text(apex: str, www: str, serial: int) -> str:
    """A zone with one name of its own."""
    return f"$ORIGIN {apex}\n{HEAD.replace(' 7 ', f' {serial} ')}www 60 A {www}\n"


@contextmanager
def host(folder: Path) -> Iterator[Host]:
    """A host, whose daemon is killed at the end."""
    made = Host(folder)
    try:
        yield made
    finally:
        if made.starts and made.running.process.poll() is None:
            made.kill()
        made.regions.hanging.clear()
        made.regions.server.shutdown()
        made.regions.server.server_close()


__all__ = ["NEAREST", "Host", "host", "zone_text"]


def address(here: Host, name: str = "www.inference.example") -> tuple[str, int]:
    """The first address of a name, and its TTL."""
    query = dns.message.make_query(name, "A")
    response = dns.query.udp(query, "127.0.0.1", port=here.port, timeout=5)
    return str(response.answer[0][0]), response.answer[0].ttl
