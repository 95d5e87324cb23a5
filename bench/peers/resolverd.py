"""resolverd itself, by either engine: health probing on, client subnets honoured.

The configuration is that of an operator: every region has an endpoint that is probed over HTTP
while the load runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import resolverd
from bench.peers.server import FailedError, Server, Site
from bench.peers.world import World
from bench.report import ROOT
from resolverd.cli.link import Link
from resolverd.config.model import Server as ServerOptions
from resolverd.errors import ResolverdError

_CONFIG = """\
[server]
listen = ["127.0.0.1:{port}"]
coordinates = [50.1, 8.7]
zones = ["zones/*.zone"]
geoip = [{database}]
state = "{state}"
workers = {threads}

[admin]
socket = "admin.sock"
listen = ""

[probe]
interval = "2s"

{regions}{services}"""
_REGION = """\
[region.{0.name}]
coordinates = [{0.north}, {0.east}]
endpoint = [{{ address = ["{0.address}"], url = "http://127.0.0.1:{port}" }}]
"""
_SERVICE = """\
[service.{name}]
regions = [{regions}]
ttl = "60s"
failover_ttl = "5s"
"""
# A database that was checked once is known by its stamp, as on a host that starts again.
_STATE = ROOT / ".cache" / "bench" / "state"


class Resolverd(Server):
    """One engine of resolverd. With `own_state` each site keeps a `server.state` of its own."""

    peer = False

    def __init__(self, engine: Literal["native", "reference"], *, own_state: bool = False) -> None:
        self.engine, self._own_state = engine, own_state
        self.name = f"resolverd {engine}"

    def write(self, site: Site) -> None:
        """As many services as the world has; `geo` is the first."""
        _STATE.mkdir(parents=True, exist_ok=True)
        world, health = site.world, site.health
        places = world.places()
        names = ["geo", *(f"s{n:03}" for n in range(1, world.services))]
        config = _CONFIG.format(
            port=site.port,
            database=f'"{world.database}"' if world.database else "",
            state="state" if self._own_state else _STATE,
            threads=site.threads,
            regions="".join(
                _REGION.format(r, port=health[n % len(health)]) for n, r in enumerate(places)
            ),
            services="".join(_service(world, n, name) for n, name in enumerate(names)),
        )
        path = site.place / "resolverd.toml"
        if not path.exists() or path.read_text() != config:
            path.write_text(config)
        self.write_zones(site, partial(_steered, world, names), "{}.zone".format)

    def command(self, site: Site) -> list[str]:
        """Events of warnings and worse only: a line on each start of a probe says nothing here."""
        words = [sys.executable, "-m", "resolverd", "serve", "--log", "json"]
        words += ["--config", str(site.place / "resolverd.toml")]
        return words + (["--set", f'server.engine="{self.engine}"'] if _chooses() else [])

    def answers(self, site: Site) -> bool:
        """Whether it answers, and its admin socket says that it is ready too."""
        if not super().answers(site):
            return False
        try:
            link(site).get("/readyz")
        except ResolverdError:
            return False
        return True

    def reload(self, site: Site, pid: int) -> None:
        """By its admin socket."""
        link(site).post("/reload")

    def found(self) -> str:
        """Its package. Raises FailedError for an engine that this version cannot be asked for."""
        if self.engine == "native" and not _chooses():
            raise FailedError("this version has no server.engine to ask for the native engine by")
        return str(Path(resolverd.__file__).parent)

    def version(self) -> str:
        """The package's."""
        self.found()
        return resolverd.__version__


def _service(world: World, number: int, name: str) -> str:
    regions = ", ".join(f'"{region.name}"' for region in world.places_of(number))
    return _SERVICE.format(name=name, regions=regions)


def _steered(world: World, names: Sequence[str], zone: int) -> str:
    """The steered names of a zone: every service's in one of few, one service's in one of many."""
    if world.zones >= len(names):
        names = sorted({"geo", names[zone % len(names)]})
    return "".join(f"{name} DYNA {name}\n" for name in names)


def link(site: Site) -> Link:
    """The admin socket of the daemon that serves `site`."""
    return Link(site.place / "admin.sock")


def _chooses() -> bool:
    return "engine" in ServerOptions.model_fields
