"""One endpoint that never stops sending, at whatever stage of its response, holds up no other.

The endpoints are a process of their own. What is measured is CPU time of this one, in units of a
known piece of work done in the same run, and what is compared is compared within one run: these
tests also pass on a machine that is busy with something else.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.flood import STAGES

from resolverd.config.probe_layers import complete_probe
from resolverd.health.addresses import AddressBook
from resolverd.health.gpus import GpuPage, GpuWatch
from resolverd.health.kinds.kind import kind_named
from resolverd.health.monitor import Monitor, Target
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Tools, run
from resolverd.health.verdict import State, Verdict
from resolverd.loop import run_loop

ROOT = Path(__file__).parents[2]
CERTIFICATE = Path(__file__).with_name("self-signed.pem")
WITHIN = 20.0
KINDS: dict[str, dict[str, str]] = {
    "http": {}, "vllm": {"model": "m"}, "openai": {"model": "m"}
}  # fmt: skip
CPU = "ms of CPU"
# The stages whose end is a bound, and a word that says which.
BOUNDED = {
    "interim responses": "headers of more than",
    "short interim responses": "headers of more than",
    "a head without end": "headers of more than",
    "a header line without end": "headers of more than",
    "blank lines": "more than 6 MiB",
    "a chunk extension without end": "more than 6 MiB",
    "a chunk size of zeros": "more than 6 MiB",
}


@contextlib.contextmanager
def _flooding(*arguments: str) -> Iterator[dict[str, int]]:
    command = [sys.executable, "-m", "tests.harness.flood", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def floods() -> Iterator[dict[str, int]]:
    with _flooding() as ports:
        yield ports


@pytest.fixture(scope="module")
def tls_floods() -> Iterator[dict[str, int]]:
    with _flooding(str(CERTIFICATE)) as ports:
        yield ports


@pytest.fixture(scope="module")
def unit() -> float:
    """Seconds of CPU that a value of 50,000 lists takes to be read: about what one step may."""
    text = "[" + "[]," * 50_000 + "0]"

    def once() -> float:
        began = time.thread_time()
        json.loads(text)
        return time.thread_time() - began

    return min(once() for _ in range(5))


class Holds:
    """How long the event loop was held at most, in seconds of CPU, while this was entered."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> Holds:
        gc.collect()
        gc.disable()  # the garbage of all other tests is not what is measured
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        gc.enable()

    async def _watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest, last = max(self.longest, now - last), now


async def _probe(kind: str, url: str, **settings: Any) -> tuple[Outcome, float]:
    """The outcome, and how long it held the loop."""
    tools = Tools(AddressBook([]))
    probe = complete_probe({"kind": kind, "timeout": WITHIN} | KINDS[kind] | settings)
    try:
        async with Holds() as holds:
            outcome = await run(kind_named(kind).prepare(url, probe, tools), probe.timeout)
        return outcome, holds.longest
    finally:
        await tools.close()


def _held_at_most(
    most: float, once: Callable[[], Coroutine[Any, Any, tuple[Outcome, float]]], run_: Any
) -> Outcome:
    """The outcome of the first of a few tries that holds the loop no longer than `most`."""
    held = []
    for _ in range(4):
        outcome: Outcome
        outcome, longest = run_(once())
        held.append(longest)
        if longest <= most:
            return outcome
    raise AssertionError(f"held the loop for {held} s of CPU; {most} are allowed")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", [name for name, each in STAGES.items() if not each.below_tls])
def test_no_stage_of_a_response_holds_the_loop(
    floods: dict[str, int], unit: float, stage: str, kind: str
) -> None:
    if kind == "http" and STAGES[stage].path:
        pytest.skip("the http probe asks for no such path")
    url = f"http://127.0.0.1:{floods[stage]}"
    outcome = _held_at_most(6 * unit, lambda: _probe(kind, url), run_loop)
    assert "timed out" not in outcome.reason
    assert outcome.latency < WITHIN / 2
    # On a slow machine the CPU time may be over first.
    assert BOUNDED.get(stage, "") in outcome.reason or CPU in outcome.reason
    assert not outcome.ok or kind == "http"  # which reads 64 KiB of a body


@pytest.mark.parametrize("run_", [run_loop, asyncio.run], ids=["uvloop", "asyncio"])
@pytest.mark.parametrize(
    ("stage", "bound"),
    [
        ("hello requests", "more than 6 MiB"),
        ("interim responses", "headers of more than"),
        ("tiny chunks", CPU),
        ("a chunk size of zeros", "more than 6 MiB"),
    ],
)
def test_nor_does_one_of_tls(
    tls_floods: dict[str, int], unit: float, stage: str, bound: str, run_: Any
) -> None:
    url = f"https://127.0.0.1:{tls_floods[stage]}"
    outcome = _held_at_most(6 * unit, lambda: _probe("vllm", url, verify_tls=False), run_)
    assert (outcome.ok, outcome.responded) == (False, True)
    assert bound in outcome.reason or CPU in outcome.reason


async def test_a_page_of_gpus_is_read_within_the_same_bounds(
    floods: dict[str, int], unit: float
) -> None:
    pages = [
        GpuPage(f"http://127.0.0.1:{floods[stage]}/metrics", "vllm:num_requests_running", 1.0)
        for stage in ("interim responses", "zeros that are compressed", "a page of samples")
    ]
    for _ in range(4):
        watch = GpuWatch()
        async with Holds() as holds:
            watch.replace(pages)
            async with asyncio.timeout(WITHIN):
                while len(watch._failing) < len(pages):  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0.01)
        await watch.stop()
        if holds.longest <= 4 * unit:
            return
    raise AssertionError(f"held the loop for {holds.longest} s of CPU")


class Dying:
    """A server that closes its listener when it is told to."""

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    def die(self) -> None:
        self._server.close()


async def _seconds_to_down(beside: list[str]) -> float:
    """From the death of an endpoint to its verdict, while others are probed `beside` it."""
    settings = {"interval": 0.4, "fast_interval": 0.2, "timeout": 2.0, "fall": 3, "rise": 1}
    probe = complete_probe(settings)
    server, down, up = Dying(), asyncio.Event(), asyncio.Event()
    port = await server.start()

    def changed(target: str, _before: Verdict, after: Verdict) -> None:
        if target == "dying":
            (up if after.state is State.UP else down if after.state is State.DOWN else up).set()

    vllm = complete_probe(settings | {"kind": "vllm", "model": "m"})
    targets = [Target("dying", "a", "dying", f"http://127.0.0.1:{port}", probe)]
    targets += [Target(f"f{n}", f"b{n}", f"f{n}", url, vllm) for n, url in enumerate(beside)]
    monitor = Monitor(targets, on_change=changed)
    await monitor.start()
    try:
        async with asyncio.timeout(30):
            await up.wait()
            began = time.monotonic()
            server.die()
            await down.wait()
            return time.monotonic() - began
    finally:
        await monitor.stop()


async def _least(beside: list[str]) -> float:
    return min([await _seconds_to_down(beside) for _ in range(3)])


async def test_anothers_death_is_seen_as_early_as_without_a_flood(
    floods: dict[str, int],
) -> None:
    urls = [
        f"http://127.0.0.1:{floods[stage]}"
        for stage in ("interim responses", "short interim responses", "tiny chunks")
    ]
    ratios = []
    for _ in range(3):
        ratios.append(await _least(urls) / await _least([]))
        if ratios[-1] <= 1.2:
            return
    raise AssertionError(f"seen later by {ratios}")
