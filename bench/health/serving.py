"""A server of the benchmarks of probing, as a process that answers, and what its log tells."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.peers.ask import ask
from bench.report import ROOT

_LOG = "log"


@contextmanager
def serving(command: list[str], port: int, place: Path) -> Iterator[int]:
    """The pid of a server that answers, while this is entered; its log is in `place`."""
    with (
        (place / _LOG).open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process,
    ):
        try:
            until = time.monotonic() + 120
            while not _answers(port):
                if time.monotonic() > until or process.poll() is not None:
                    last = (place / _LOG).read_text(errors="replace")[-2000:]
                    raise SystemExit(f"{command} does not answer ({process.poll()}):\n{last}")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def healthy_failed(place: Path) -> int:
    """How many times a probe of an endpoint that serves failed, by the log of resolverd.

    What was told to fail answers 503, and nothing else does: any other reason is of the prober's
    own making, or of the machine's.
    """
    return sum(
        event.get("event") == "endpoint.state"
        and event.get("before") == "up"
        and not event.get("reason", "").startswith("HTTP 503")
        for event in map(_event, (place / _LOG).read_text(errors="replace").splitlines())
    )


def _answers(port: int) -> bool:
    response = ask(port, "s0.bench.example", wait=0.2)
    return bool(response and response.answer)


def _event(line: str) -> dict[str, str]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
