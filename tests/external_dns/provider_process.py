"""The provider as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cli.command import TIMEOUT, environment

FRAGMENT = "zones/external-dns.records"


class Provider(NamedTuple):
    """Where a provider is reached, and what it has logged so far."""

    url: str
    health: str
    events: list[dict[str, Any]]


@contextmanager
def running(place: Path, *options: str) -> Iterator[Provider]:
    """The verb, which ends well at SIGTERM."""
    anywhere = ("--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--log", "json")
    zone = ("--zone", "inference.example", "--output", FRAGMENT)
    process = subprocess.Popen(
        [sys.executable, "-m", "resolverd", "external-dns", *zone, *anywhere, *options],
        cwd=place,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    events = [json.loads(process.stderr.readline())]
    reading = threading.Thread(
        target=lambda: events.extend(map(json.loads, process.stderr or ())), daemon=True
    )
    reading.start()
    try:
        yield Provider(f"http://{events[0]['listener']}", f"http://{events[0]['http']}", events)
    finally:
        process.terminate()
        status = process.wait(TIMEOUT)
        reading.join(TIMEOUT)
        process.stderr.close()
    assert status == 0
