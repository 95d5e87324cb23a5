"""Processes inside namespaces: started with their output in a file, stopped, killed, held still."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.fleet.lab.namespaces import Namespace

STOP_SECONDS = 30.0
"""From SIGTERM to SIGKILL, where somebody does not end."""

_POLL = 0.02


class NotSoError(AssertionError):
    """What was waited for did not come to be."""


class Process:
    """One that runs in `namespace`, from its start on; `log` gets what it says."""

    def __init__(
        self,
        namespace: Namespace,
        command: list[str],
        log: Path,
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.log = f"{namespace.node}: {Path(command[0]).name}", log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*namespace.inside, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def until(self, holds: Callable[[], bool], what: str, within: float = 60.0) -> float:
        """Wait for something of it; seconds. Raises NotSoError, where it has ended at once."""
        return until(holds, f"{self.name}: {what}", within, alive=self)

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        if self.running:
            self._process.terminate()

    def stop(self, within: float = STOP_SECONDS) -> int:
        """End it by SIGTERM, or after `within` by SIGKILL; its exit status."""
        self.terminate()
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def wait(self, within: float) -> int:
        """Its exit status, once it has ended. Raises TimeoutExpired."""
        return self._process.wait(within)

    def kill(self) -> None:
        """SIGKILL it, and the processes of its session with it."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def hold(self) -> None:
        """SIGSTOP: it stands still."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        """The end of what it has said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def until(
    holds: Callable[[], bool], what: str, within: float, *, alive: Process | None = None
) -> float:
    """Wait until it holds; the seconds that took. A check that raises OSError does not hold.

    Raises NotSoError after `within` seconds, or when `alive` has ended.
    """
    began = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except OSError:
            pass  # not there yet, which is what is waited for
        if alive is not None and not alive.running:
            raise NotSoError(f"it ended before {what}:\n{alive.tail()}")
        if time.monotonic() - began > within:
            said = f"\n{alive.tail()}" if alive is not None else ""
            raise NotSoError(f"not within {within:g} s: {what}{said}")
        time.sleep(_POLL)
