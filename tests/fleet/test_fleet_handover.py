"""An edge of a fleet is killed, its standby answers, and its successor takes over: nothing twice.

The edge fra1 is a process under a service manager; ams1 is a daemon in this process, over the same
real nats-server. Both probe the same simulated vLLM servers, which count their canaries.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.message
from harness.daemon import running
from harness.messages import query
from harness.nats import NatsServer, nats
from harness.server import HEAD
from harness.service_manager import ServiceManager
from harness.waiting import until_holds

from bench.fleet.counted_server import MODEL, Served, served
from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.admin.state import state_of
from resolverd.anycast.fitness import Limits, fitness
from resolverd.anycast.looking import Looking
from resolverd.config.anycast import Anycast
from resolverd.config.model import Admin
from resolverd.daemon import Daemon
from resolverd.health.overrides import OverrideKind

INTERVAL = 2.0
REGIONS = {"eu": (53.3, -6.3), "us": (37.4, -122.1), "ap": (35.7, 139.7)}
ADDRESSES = {"eu": "192.0.2.10", "us": "192.0.2.20", "ap": "192.0.2.30"}


def configuration(edge: str, servers: dict[str, Served], server: NatsServer) -> str:
    """One edge's file."""
    regions = "".join(
        f"[region.{name}]\ncoordinates = {list(place)}\n[[region.{name}.endpoint]]\n"
        f'address = ["{ADDRESSES[name]}"]\nurl = "{servers[name].url}"\n'
        for name, place in REGIONS.items()
    )
    return (
        f'[server]\nlisten = ["127.0.0.1:0"]\nzones = ["*.zone"]\nworkers = 1\nstate = "state"\n'
        'coordinates = [50.1, 8.7]\nwatch = false\n[admin]\nsocket = "admin.sock"\nlisten = ""\n'
        f'[fleet]\nurls = ["{server.url}"]\nedge = "{edge}"\n'
        f'[probe]\nkind = "vllm"\ninterval = {INTERVAL}\nfast_interval = "500ms"\ntimeout = "2s"\n'
        f'{regions}[service.chat]\nmodel = "{MODEL}"\nregions = ["eu", "us", "ap"]\n'
        'policy = "failover"\nttl = "20s"\n'
    )


def written(folder: Path, edge: str, servers: dict[str, Served], server: NatsServer) -> Path:
    """The files of an edge; the path of its configuration."""
    folder.mkdir()
    (folder / "e.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n")
    path = folder / "resolverd.toml"
    path.write_text(configuration(edge, servers, server))
    return path


@dataclass
class Asking:
    """A client that asks without a pause: what it was answered since `answers` was last emptied."""

    port: int
    answers: list[str] = field(default_factory=list)
    asked: int = 0

    @contextmanager
    def goes_on(self) -> Iterator[None]:
        """Ask meanwhile."""
        stop = threading.Event()
        thread = threading.Thread(target=self._ask, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def since(self) -> set[str]:
        """Those answers, of which there are some; from now on they are counted anew."""
        found, self.answers = self.answers, []
        return set(found)

    def _ask(self, stop: threading.Event) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect(("127.0.0.1", self.port))
            asking.settimeout(5.0)
            while not stop.wait(0.005):
                self.asked += 1
                asking.send(query("chat.inference.example"))
                try:
                    response = dns.message.from_wire(asking.recv(4096))
                    self.answers.append(str(response.answer[0][0]))
                except (TimeoutError, IndexError):
                    self.answers.append("lost")


@dataclass
class Pair:
    """The edge that is handed over, the other one, and the servers that they probe."""

    manager: ServiceManager
    folder: Path
    ams: Daemon
    servers: dict[str, Served]
    asking: Asking

    def state(self) -> dict[str, Any]:
        """What fra1 says of itself."""
        status, document = self.manager.ask("GET", "/state")
        assert status == 200, document
        return dict(document)

    async def ready(self) -> None:
        """Wait until the daemon of fra1 has said that it is."""
        await until_holds(lambda: self.manager.ready, within=60)

    async def both_hear(self) -> None:
        """Wait until each hears the other."""
        await until_holds(
            lambda: _heard(state_of(self.ams), "fra1") and _heard(self.state(), "ams1"), within=60
        )


def _heard(state: dict[str, Any], edge: str) -> bool:
    live = [other["edge"] for other in state["fleet"]["observing"] if other["live"]]
    return bool(live == [edge] and state["fleet"]["quorum"])


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[Pair]:
    """Both serve, and hear one another."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(nats(folder / "nats"))
        servers = {name: await stack.enter_async_context(served(name)) for name in REGIONS}
        written(folder / "fra1", "fra1", servers, server)
        path = written(folder / "ams1", "ams1", servers, server)
        manager = ServiceManager(folder / "fra1")
        stack.callback(manager.close)
        ams = await stack.enter_async_context(running(path))
        manager.start()
        made = Pair(manager, folder, ams, servers, Asking(manager.port))
        await made.ready()
        await made.both_hear()
        stack.enter_context(made.asking.goes_on())
        yield made


async def _say(daemon: Daemon, region: str) -> Any:
    put = await set_override(
        daemon, OverrideCommand(region, OverrideKind.DRAIN, "op", "racks", None)
    )
    assert put.told is not None
    return put.told


async def test_a_standby_and_a_successor_are_one_edge(tmp_path: Path) -> None:
    async with pair(tmp_path) as edges:
        assert (await _say(edges.ams, "eu")).without == ()
        edges.asking.since()
        began, before = time.monotonic(), edges.asking.asked
        await asyncio.sleep(3 * INTERVAL)  # canaries as ever

        await asyncio.to_thread(edges.manager.kill)
        await until_holds(lambda: "standby.answers" in edges.manager.log(), within=30)
        assert edges.asking.since() == {ADDRESSES["us"]}  # the drain holds
        # What is said while a standby answers is not obeyed there, and that is said.
        told = await _say(edges.ams, "us")
        assert told.without == ("fra1",)
        assert edges.asking.since() == {ADDRESSES["us"]}
        # ams1 misses it after a while, and has all turns.
        await until_holds(lambda: not _heard(state_of(edges.ams), "fra1"), within=30)
        assert edges.asking.since() == {ADDRESSES["us"]}

        edges.manager.start()
        await edges.ready()
        # The successor obeys with its first answer; the standby answers until that is proven.
        assert edges.asking.since() <= {ADDRESSES["us"], ADDRESSES["ap"]}
        await until_holds(lambda: bool(edges.asking.answers), within=5)
        assert edges.asking.since() == {ADDRESSES["ap"]}
        await edges.both_hear()
        await asyncio.sleep(3 * INTERVAL)
        ended = time.monotonic()

        for state in (edges.state(), state_of(edges.ams)):
            assert [row["edge"] for row in state["fleet"]["edges"]] == ["ams1", "fra1"]
            assert all(row["obeys"] for row in state["fleet"]["edges"])
            said = [row["endpoints"][0]["others"] for row in state["regions"]]
            assert [(each["serving"], each["not_serving"]) for each in said] == [(1, 0)] * 3
            assert sorted(row["target"] for row in state["overrides"]) == ["eu", "us"]
        assert "fleet.same_name" not in edges.manager.log()
        assert edges.asking.asked > before + 100
        # One edge alone asks once in an interval; the successor once more for each server, and so
        # does whoever misses the edge that was killed.
        due = (ended - began) / INTERVAL
        for server in edges.servers.values():
            assert server.canaries(began, ended) <= 1.2 * due + 2, (due, server.completions)


async def test_a_planned_restart_of_an_edge_loses_nothing_and_stays_fit(tmp_path: Path) -> None:
    """SIGTERM, as `systemctl restart` sends it, while an anycast process looks on."""
    async with pair(tmp_path) as edges:
        await _say(edges.ams, "eu")
        settings = Anycast.model_validate(
            {"addresses": ["127.0.0.1"], "port": edges.manager.port, "interval": "250ms"}
        )
        looking = Looking(
            settings,
            Admin.model_validate({"socket": "admin.sock", "listen": ""}),
            tmp_path / "fra1",
        )
        limits = Limits(settings.failures, settings.daemon_grace, settings.max_plan_behind)
        against: set[str] = set()
        looks = 0

        async def look() -> None:
            nonlocal looks
            while True:
                found = fitness(await looking.look(), limits)
                against.update(reason.text for reason in found.of("127.0.0.1"))
                looks += 1
                await asyncio.sleep(0.1)

        watching = asyncio.create_task(look())
        await until_holds(lambda: looks > 2, within=60)
        against.clear()  # until it has seen the daemon once it knows nothing in its favour
        edges.asking.since()
        for _ in range(2):
            await asyncio.to_thread(edges.manager.stop)
            edges.manager.start()
            await edges.ready()
            await edges.both_hear()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await looking.close()
        assert edges.asking.since() == {ADDRESSES["us"]}
        assert looks > 10
        assert against == set()
        assert edges.manager.log().count("standby.succeeded") == 2
        assert "fleet.same_name" not in edges.manager.log()
        assert "standby.gave_up" not in edges.manager.log()
