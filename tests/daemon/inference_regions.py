"""Three regions of one inference server each, which tests make faulty, under a daemon's files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from harness.config import NO_ADMIN
from harness.inference import MODEL, Inference
from harness.server import HEAD
from live_daemon import NETWORKS
from mmdb_writer import write_mmdb

NAMES = ("a", "b", "c")
CHAT = "chat.inference.example"


@dataclass
class Regions:
    """The servers of regions a, b and c, in this order of preference, and those beside them."""

    config: Path
    servers: list[Inference]
    urls: list[str]

    def write(self, urls: Sequence[str] = (), more: str = "") -> None:
        """The configuration, with other `urls` than theirs where these are given."""
        regions = "".join(
            f"[region.{name}]\ncoordinates = [50.0, 8.{place}]\n[[region.{name}.endpoint]]\n"
            f'address = ["{address_of(name)}"]\nurl = "{url}"\n'
            for place, (name, url) in enumerate(zip(NAMES, urls or self.urls[:3], strict=True))
        )
        self.config.write_text(
            '[server]\nlisten = ["127.0.0.1:0"]\ncoordinates = [50.1, 8.7]\nzones = ["*.zone"]\n'
            f'geoip = ["city.mmdb"]\nstate = "state"\n[admin]\n{NO_ADMIN}\n'
            '[probe]\nkind = "vllm"\ninterval = "200ms"\nfast_interval = "100ms"\n'
            f'{regions}[service.chat]\nmodel = "{MODEL}"\nregions = ["a", "b", "c"]\n'
            f'policy = "failover"\nttl = "60s"\nfailover_ttl = "2s"\n{more}'
        )


def address_of(name: str) -> str:
    """The address that region `name` is answered with."""
    return f"192.0.2.{10 * (NAMES.index(name) + 1)}"


@asynccontextmanager
async def inference_regions(folder: Path, servers: int = 3) -> AsyncIterator[Regions]:
    """The files in `folder`, and three servers or more; the others are for tests to name."""
    write_mmdb(folder / "city.mmdb", NETWORKS)
    (folder / "0.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n")
    made = Regions(folder / "resolverd.toml", [Inference() for _ in range(servers)], [])
    async with AsyncExitStack() as stack:
        for server in made.servers:
            runner = web.AppRunner(server.application())
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            made.urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        yield made
