"""The provider as a process, and a daemon that serves the zone that it keeps a part of."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from cli.command import TIMEOUT, environment
from harness.config import config_text

FRAGMENT = "zones/external-dns.records"


class Provider(NamedTuple):
    """Where a provider is reached, and what it has logged so far."""

    url: str
    health: str
    events: list[dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A configuration whose zone includes the fragment, which is not there yet."""
    write_place(tmp_path)
    with (tmp_path / "zones" / "inference.zone").open("a") as zone:
        zone.write('$INCLUDE "external-dns.records"\n')
    (tmp_path / "resolverd.toml").write_text(config_text(SERVICES, server=SERVER))
    return tmp_path


@pytest.fixture
def provider(place: Path) -> Iterator[Provider]:
    """A provider of that place."""
    with running(place) as process:
        yield process


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
