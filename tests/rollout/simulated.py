"""A daemon over simulated vLLM regions that a rollout's command really stops and starts again.

`deploy.py` is that command: it ends the process of RESOLVERD_REGION and starts another of
RESOLVERD_VERSION on the same port. `how(region, …)` has it misbehave there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.config import config_text
from harness.server import HEAD
from harness.waiting import wait_until

ROOT = Path(__file__).parents[2]
TIMEOUT = 60.0
REGIONS = ("us-east", "us-west", "eu-west")
MODEL = "meta-llama/Llama-3.1-70B-Instruct"
OLD, NEW = "0.32.0", "0.33.0"
SERVICES = f"""
[service.chat]
model = "{MODEL}"
regions = ["us-east", "us-west", "eu-west"]
ttl = "2s"
failover_ttl = "1s"
"""

# The name of a simulated region is in all its answers, so those of one model have one name.
_DEPLOY = """
    import json, os, pathlib, signal, subprocess, sys, time

    region = os.environ["RESOLVERD_REGION"]
    place = pathlib.Path(__file__).parent
    with (place / "deployed").open("a") as log:
        print(region, os.environ["RESOLVERD_SERVICE"], os.environ["RESOLVERD_ENDPOINTS"], file=log)
    how = {"version": os.environ["RESOLVERD_VERSION"], "name": "model", "more": []}
    mood = place / f"how-{region}"
    if mood.exists():
        how |= json.loads(mood.read_text())
    if "exit" in how:
        sys.exit(how["exit"])
    running = json.loads((place / f"running-{region}").read_text())
    os.kill(running["pid"], signal.SIGKILL)
    while (place / "hold").exists():
        time.sleep(0.02)
    process = subprocess.Popen(
        [sys.executable, "-m", "resolverd.demo.region", "--name", how["name"], "--port",
         str(running["port"]), "--version", how["version"], *how["more"]],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    announced = json.loads(process.stdout.readline())
    (place / f"running-{region}").write_text(json.dumps(announced))
"""


@dataclass
class Simulated:
    """The directory of a running daemon, and its regions."""

    place: Path

    def how(self, region: str, **how: Any) -> None:
        """Have the command deploy that region differently; nothing has it deploy it well."""
        path = self.place / f"how-{region}"
        if how:
            path.write_text(json.dumps(how))
        else:
            path.unlink()

    def ttl(self, ttl: str) -> None:
        """Have the daemon adopt another TTL of the service, which is how long a drain takes."""
        path = self.place / "resolverd.toml"
        path.write_text(path.read_text().replace('\nttl = "2s"', f'\nttl = "{ttl}"', 1))
        until(lambda: '"reload.adopted"' in (self.place / "log").read_text())

    @property
    def command(self) -> str:
        """What a rollout is given."""
        return f"{sys.executable} {self.place / 'deploy.py'}"

    def deployed(self) -> list[str]:
        """The regions that the command was run for, in order."""
        log = self.place / "deployed"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []

    def checkpoint(self) -> dict[str, Any]:
        """What the rollout has written."""
        document: dict[str, Any] = json.loads(
            (self.place / "state" / "rollout-chat.json").read_text()
        )
        return document

    def arguments(self, *more: str) -> list[str]:
        """A rollout to the new version."""
        return ["rollout", "chat", "--to", NEW, "--command", self.command, *more]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a verb as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "resolverd", *arguments],
            cwd=self.place,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def environment() -> dict[str, str]:
    """That of every process here."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


until = partial(wait_until, within=TIMEOUT)


@contextmanager
def simulated(place: Path) -> Iterator[Simulated]:
    """Three regions of the old version, and a ready daemon over them."""
    (place / "state").mkdir()
    (place / "deploy.py").write_text(textwrap.dedent(_DEPLOY))
    made = Simulated(place)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "resolverd.demo.region", "--name", "model", "--version", OLD],
            env=environment(),
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        for _ in REGIONS
    ]
    daemon: subprocess.Popen[bytes] | None = None
    try:
        urls = {}
        for region, process in zip(REGIONS, started, strict=True):
            assert process.stdout is not None
            document = json.loads(process.stdout.readline())
            (place / f"running-{region}").write_text(json.dumps(document))
            urls[region] = f"http://127.0.0.1:{document['port']}"
        daemon = _serve(place, urls)
        until(lambda: '"event":"ready"' in (place / "log").read_text().replace(": ", ":"))
        yield made
    finally:
        if daemon is not None:
            daemon.terminate()
            daemon.wait(TIMEOUT)
        for region in REGIONS:
            running = place / f"running-{region}"
            if running.exists():
                _end(json.loads(running.read_text())["pid"])
        for process in started:
            process.kill()
            process.wait(TIMEOUT)
            if process.stdout is not None:
                process.stdout.close()


def _serve(place: Path, urls: dict[str, str]) -> subprocess.Popen[bytes]:
    zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
    (place / "example.zone").write_text(zone)
    text = config_text(
        SERVICES,
        server='listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\nstate = "state"\n',
        probe='interval = "200ms"\nfast_interval = "100ms"\ntimeout = "2s"\n',
        admin='socket = "admin.sock"\nlisten = ""\n',
        urls=urls,
    )
    (place / "resolverd.toml").write_text(text)
    with (place / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "resolverd", "serve", "--log", "json"],
            cwd=place,
            env=environment(),
            stderr=log,
        )


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
