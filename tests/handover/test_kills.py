"""`kill -9` at the worst moment: what one client has been answered is not taken back for another."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dns.message
import pytest
from service_manager import ServiceManager

from harness.config import CHAT, REGIONS, address_of, config_text
from harness.engines import ENGINES, EngineName
from harness.messages import query
from harness.process import PROBES, Regions
from harness.server import HEAD

Ask = Callable[[], str]


@pytest.fixture
def regions() -> Iterator[Regions]:
    """What is probed, and serves."""
    made = Regions()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(params=ENGINES)
def manager(request: pytest.FixtureRequest, tmp_path: Path, regions: Regions) -> Iterator[ServiceManager]:
    """A service manager whose daemon is ready; its clients are pinned to us-east."""
    engine: EngineName = request.param
    zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
    (tmp_path / "0.zone").write_text(zone)
    configure(tmp_path, regions, engine, "us-east")
    with closing(ServiceManager(tmp_path)) as made:
        made.start()
        made.until_ready()
        yield made


def configure(folder: Path, regions: Regions, engine: str, pinned: str, more: str = "") -> None:
    """Write the configuration; every client is pinned to the regions."""
    text = config_text(
        CHAT + f'[pin.all]\nsubnets = ["127.0.0.0/8"]\nregions = [{pinned}]\n{more}',
        server=f'zones = ["*.zone"]\nstate = "state"\nwatch = false\nengine = "{engine}"\nworkers = 2\n',
        admin='socket = "admin.sock"\nlisten = ""\n',
        probe=PROBES,
        urls=dict.fromkeys(REGIONS, regions.url),
    )
    (folder / "resolverd.toml").write_text(text)
