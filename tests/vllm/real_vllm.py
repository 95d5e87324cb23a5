"""A real vLLM server as a group of processes, and the faults that can be done to it.

It runs in a virtual environment of its own (`.ci/vllm` makes it), and shares no library with
resolverd: all that passes between them is HTTP on loopback, and signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
from harness.programs import free_port

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("VLLM_VENV", ROOT / ".venv-vllm")) / "bin" / "python"
MODEL = "tiny/random-llama"
QUEUE = 40
"""How many requests the shared server takes at once, running ones included."""
SECONDS_TO_READY = 300.0
"""Alone it takes 25 to 40 s; this machine may be busy."""
SECONDS_TO_STOP = 20.0

ENGINE, WORKER = "VLLM::EngineCor", "VLLM::Worker"
"""What the kernel calls the engine core and its worker: 15 characters at most."""

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_SERVER_DEV_MODE": "1",  # for /pause and /sleep
}
_OPTIONS = (
    *("--enforce-eager", "--load-format", "dummy", "--dtype", "bfloat16"),
    *("--max-num-batched-tokens", "256"),  # what a start tries out, on one core
)


class Vllm:
    """One server that runs; `url` is where it listens, `log` where it writes."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The API server's, which is also the number of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the API server has not ended."""
        return self._process.returncode is None

    def part(self, title: str) -> int:
        """The process of this title in the server's group: `ENGINE` or `WORKER`."""
        found = [pid for pid, named in self._parts() if named == title]
        assert len(found) == 1, f"{title}: {sorted(self._parts())}"
        return found[0]

    def send(self, number: signal.Signals, title: str = "") -> None:
        """Signal one part, or the API server."""
        os.kill(self.part(title) if title else self.pid, number)

    @contextmanager
    def stopped(self, title: str = "") -> Iterator[None]:
        """That part (the API server if none is named) stopped, and continued at the end."""
        pid = self.part(title) if title else self.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):  # a test may have ended it
                os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def paused(self, http: aiohttp.ClientSession) -> AsyncIterator[None]:
        """The scheduler paused by vLLM's own means: requests are accepted and wait."""
        await _order(http, f"{self.url}/pause?mode=keep")
        try:
            yield
        finally:
            await _order(http, f"{self.url}/resume")

    @asynccontextmanager
    async def asleep(self, http: aiohttp.ClientSession) -> AsyncIterator[None]:
        """The engine asleep, as trainers put it between steps; what was under way is aborted."""
        await _order(http, f"{self.url}/sleep?level=1")
        try:
            yield
        finally:
            await _order(http, f"{self.url}/wake_up")

    async def ended(self, within: float) -> int:
        """The exit status of the API server; raises TimeoutError while it runs on."""
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def stop(self) -> None:
        """End every process of the group, however it stands with them."""
        for number in (signal.SIGTERM, signal.SIGCONT):
            self._to_all(number)
        with contextlib.suppress(TimeoutError):  # it is killed below
            await self.ended(SECONDS_TO_STOP)
        self._to_all(signal.SIGKILL)
        await self._process.wait()

    def _to_all(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(self.pid, number)

    def _parts(self) -> Iterator[tuple[int, str]]:
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                name, _, rest = (folder / "stat").read_text().rpartition(")")
                state, _, group, *_ = rest.split()
                if int(group) == self.pid and state != "Z":
                    yield int(folder.name), name.partition("(")[2]


@asynccontextmanager
async def vllm(
    model: Path,
    *options: str,
    served_as: str = MODEL,
    port: int = 0,
    environment: dict[str, str] | None = None,
) -> AsyncIterator[Vllm]:
    """A server of the model in the folder `model`, ready; ended with all its processes."""
    port = port or free_port()
    log = model.parent / f"vllm-{port}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command(model, served_as, "127.0.0.1", port),
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # its own group, to be ended as one
            cwd=model.parent,  # this directory would hide the package of the same name
            env=clean_environment() | (environment or {}),
        )
    server = Vllm(process, port, log)
    try:
        await _until_ready(server)
        yield server
    finally:
        await server.stop()


def command(model: Path, served_as: str, host: str, port: int) -> list[str]:
    """What starts a server, of which none is left if this process is killed."""
    return [
        *("setpriv", "--pdeathsig", "TERM", str(PYTHON)),
        *("-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *("--served-model-name", served_as, "--host", host, "--port", str(port)),
        *_OPTIONS,
    ]


def clean_environment() -> dict[str, str]:
    """The environment that a server starts in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | _ENVIRONMENT


async def _until_ready(server: Vllm) -> None:
    async with asyncio.timeout(SECONDS_TO_READY), aiohttp.ClientSession() as http:
        while server.running:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get(f"{server.url}/health") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.2)
    raise AssertionError(f"vLLM ended before it was ready:\n{server.log.read_text()[-4000:]}")


async def _order(http: aiohttp.ClientSession, url: str) -> None:
    async with http.post(url) as response:
        assert response.status == 200, await response.text()
