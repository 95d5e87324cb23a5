"""A real Prometheus is woken by what seldom goes wrong: restarts, lost logs, full regions, defects.

The states are caused as they would come about, in a real daemon. Two cannot be caused, as they are
defects of ours: an answer that fails and a task that fails are made to; how they are counted,
exposed and noticed is real.
"""

from __future__ import annotations

import asyncio
import errno
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from aiohttp import web
from clients.alert_rules import rules
from clients.alert_watch import TIMEOUT, ask, fired, until_fired, watched
from clients.prometheus_server import Prometheus
from harness.config import CHAT
from harness.daemon import endpoints, running, write_files
from harness.programs import free_port
from harness.server import HEAD

from resolverd.demo.faults import Fault
from resolverd.demo.vllm import SimulatedServer
from resolverd.engine import reference

ZONE = f"{HEAD}chat 60 DYNA chat\ngpu 60 DYNA gpu\n"
GPU = "gpu.inference.example"
ADMIN = 'socket = ""\nlisten = "127.0.0.1:{port}"\n'
# Full regions: a step is the whole share, and outcomes are those of the last five seconds.
SERVICES = f"""{CHAT}
[service.gpu]
regions = ["us-east", "us-west"]
ttl = "1s"
failover_ttl = "1s"
spill = {{ step = 0.5, max_ratio = 0.5, dwell = "1s", smoothing = 1.0 }}
[alerts]
window = "5s"
requests = 1
"""
ANYCAST = """
[anycast]
addresses = ["192.0.2.53"]
[anycast.bird]
protocols = ["anycast_v4"]
"""
OUTCOMES = {"RegionOutcome", "RegionGpusIdle"}
"""Those that test_prometheus.py fires."""
PROBE = """\
[region.{region}.probe]
kind = "vllm"
model = "a-model"
timeout = "2s"
"""


class _Server:
    """A simulated vLLM, whose page of metrics may be `hidden`."""

    def __init__(self, region: str) -> None:
        self.vllm = SimulatedServer(region, "a-model")
        self.hidden = False
        self.url = ""

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        app = self.vllm.application()
        app.middlewares.append(self._hides)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()

    @web.middleware
    async def _hides(self, request: web.Request, handler: object) -> web.StreamResponse:
        if self.hidden and request.path == "/metrics":
            raise web.HTTPForbidden
        assert callable(handler)
        answered: web.StreamResponse = await handler(request)
        return answered


def _place(path: Path, served: str, region: str, url: str) -> None:
    """Let the server at `url` be that of `region`, and probe it as a vLLM."""
    before, at, after = path.read_text().partition(f"[[region.{region}.endpoint]]")
    after = after.replace(served, url, 1)
    text = f"{before}{at}{after}"
    path.write_text(text.replace(f"[region.{region}.probe]\n", PROBE.format(region=region), 1))


def _expect_round_trips(path: Path, region: str, url: str) -> None:
    """Let `region` have a page of round-trip times at `url`."""
    head = f"[region.{region}]\n"
    path.write_text(path.read_text().replace(head, f'{head}rtt = ["{url}"]\n', 1))


async def test_full_regions_and_outcomes_that_are_hidden_are_heard(tmp_path: Path) -> None:
    east, west = _Server("us-east"), _Server("us-west")
    async with endpoints() as served, east.run(), west.run():
        admin = ADMIN.format(port=0)
        zones = {"inference.example.": ZONE}
        path = write_files(tmp_path, zones, served, services=SERVICES, admin=admin)
        for region, server in (("us-east", east), ("us-west", west)):
            _place(path, served.urls()[region], region, server.url)
        _expect_round_trips(path, "us-east", f"{east.url}/not-there")
        async with running(path) as daemon, watched(tmp_path, daemon.admin.listener) as watching:
            known = 'resolverd_region_ttft_seconds{region="us-east"}'
            while not await watching.query(known):
                await ask(daemon, GPU)
            await until_fired(watching, {("RoundTripPageFailing", "us-east")}, daemon, GPU)
            east.hidden = True
            await until_fired(watching, {("RegionOutcomesUnknown", "us-east")}, daemon, GPU)
            east.hidden = False
            east.vllm.set_fault(Fault.SATURATED)
            seen = await until_fired(watching, {("RegionFull", "us-east")}, daemon, GPU)
            assert "EveryRegionFull" not in {name for name, _ in seen}
            west.vllm.set_fault(Fault.SATURATED)
            seen = await until_fired(watching, {("EveryRegionFull", "gpu")}, daemon, GPU)
            assert "RegionDown" not in {name for name, _ in seen}


async def test_restarts_from_kept_files_and_a_log_on_a_full_disk_are_heard(tmp_path: Path) -> None:
    port = free_port()
    async with endpoints() as served:
        path = write_files(
            tmp_path,
            {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
            served,
            server='state = "state"\nengine = "reference"\n',
            admin=ADMIN.format(port=port),
        )
        async with watched(tmp_path, f"127.0.0.1:{port}", over="60s") as watching:
            async with running(path):
                await _until_started(watching, 1)
            zone = path.with_name("0.zone")
            zone.write_text(f"{zone.read_text()}chat A 192.0.2.256\n")
            for start in (2, 3):
                async with running(path):
                    await _until_started(watching, start)
            with _on_a_full_disk(path):
                wanted = {("DaemonRestarts", ""), ("KeptFilesServed", ""), ("LogDropped", "")}
                await until_fired(watching, wanted)


async def _until_started(watching: Prometheus, times: int) -> None:
    """Wait until Prometheus has seen so many starts."""
    starts = "changes(resolverd_start_timestamp_seconds[60s])"
    async with asyncio.timeout(TIMEOUT):
        seen = 0
        while seen < times:
            await asyncio.sleep(0.05)
            seen = sum(1 + int(row["value"][1]) for row in await watching.query(starts))


@contextmanager
def _on_a_full_disk(path: Path) -> Iterator[None]:
    """The daemon as a process whose log can be written nowhere."""
    command = [sys.executable, "-m", "resolverd", "serve", "--config", str(path)]
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(command, stderr=full, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(TIMEOUT) == 0


async def test_defects_and_a_job_without_targets_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with endpoints() as served:
        path = write_files(
            tmp_path,
            {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
            served,
            server='engine = "reference"\n',
            admin=ADMIN.format(port=0),
        )
        async with running(path) as daemon, watched(tmp_path, daemon.admin.listener) as watching:
            daemon.tasks.keep("defective", _fail)
            await until_fired(watching, {("ReferenceEngine", "")})
            with monkeypatch.context() as patched:
                patched.setattr(reference, "respond", _defect)
                await until_fired(watching, {("QueryFailed", "")}, daemon)
            await until_fired(watching, {("TaskFailing", "")}, daemon)
            assert "DaemonNotScraped" not in {name for name, _ in await fired(watching)}
            folder = tmp_path / "without targets"
            folder.mkdir()
            async with watched(folder) as idle:
                await until_fired(idle, {("DaemonNotScraped", "")})


async def test_an_edge_whose_announcing_process_nobody_scrapes_is_heard(tmp_path: Path) -> None:
    async with endpoints() as served:
        path = write_files(
            tmp_path,
            {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
            served,
            services=f"{CHAT}{ANYCAST}",
            admin=ADMIN.format(port=0),
        )
        async with running(path) as daemon, watched(tmp_path, daemon.admin.listener) as watching:
            await until_fired(watching, {("AnycastNotScraped", "")}, daemon)


async def _fail() -> NoReturn:
    raise OSError(errno.EMFILE, "no descriptor left")


def _defect(*_: object, **_named: object) -> NoReturn:
    raise RuntimeError("a defect")


def test_every_rule_is_fired_by_a_real_prometheus_in_some_test() -> None:
    tests = "".join(each.read_text() for each in Path(__file__).parent.glob("test_*.py"))
    wanted = set(re.findall(r'\("([A-Z]\w+)", "', tests)) | OUTCOMES
    assert {rule.name for rule in rules()} <= wanted
