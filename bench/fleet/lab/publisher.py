"""An operator who publishes: the files of a set, and the verb `resolverd publish`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.fleet.lab.edge_files import to_publish, zone
from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.processes import until
from bench.report import ROOT

_TERMS = ("--prove", "4s", "--patience", "20s", "--canary", "e1", "--waves", "2", "--yes")


class Publisher:
    """One, in `namespace`, with the files of the set in `folder`."""

    def __init__(self, namespace: Namespace, folder: Path, nats: Sequence[str]) -> None:
        folder.mkdir(parents=True)
        self._namespace, self._folder = namespace, folder
        self.configuration = folder / "resolverd.toml"
        self.configuration.write_text(to_publish(nats))
        (folder / "inference.example.zone").write_text(zone())

    def publish(self, note: str, *options: str) -> tuple[int, str]:
        """Exit status, and what it said."""
        return self._run("--note", note, *_TERMS, *options)

    def edit(self, before: str, after: str) -> None:
        """Change the configuration of the set."""
        text = self.configuration.read_text()
        assert before in text, before
        self.configuration.write_text(text.replace(before, after))

    def generations(self) -> list[dict[str, Any]]:
        """Those that the fleet knows."""
        status, said = self._run("--list", "--json")
        document: dict[str, Any] = json.loads(said) if not status else {}
        return [*document.get("generations", ())]

    def outcome(self, number: int) -> str:
        """What became of one; empty for one that is not known."""
        found = [each["outcome"] for each in self.generations() if each["number"] == number]
        return str(found[0]) if found else ""

    def until_over(self, number: int, within: float) -> str:
        """Wait until its trial is over; what became of it. Raises NotSoError."""
        over = ("completed", "returned", "aborted")
        until(lambda: self.outcome(number) in over, f"generation {number} is over", within)
        return self.outcome(number)

    def _run(self, *options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "resolverd", "publish", *options]
        done = subprocess.run(
            [*self._namespace.inside, *command, "--config", str(self.configuration)],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, f"{done.stdout}{done.stderr}"
