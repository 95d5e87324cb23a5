"""The native engine from outside: what it answers, counts and logs, and how it ends."""

from __future__ import annotations

import asyncio
import ctypes
import os
import select
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import structlog
from harness.config import config_text
from harness.engines import needs_native, serving
from harness.messages import query
from harness.server import HEAD, snapshot_of

from resolverd import stop_limits
from resolverd.abi.engine import EngineThreads
from resolverd.engine import native
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine
from resolverd.engine.native import NativeEngine
from resolverd.errors import EngineError
from resolverd.snapshot.model import Snapshot

pytestmark = needs_native

TIMEOUT = 30.0
WWW = query("www.example.")


def snapshot(address: str = "192.0.2.80", server: str = "") -> Snapshot:
    """One zone, whose www has this address."""
    zone = HEAD + f"www A {address}\n" + "".join(f"big TXT {'x' * 250}{n}\n" for n in range(9))
    return snapshot_of({"example.": zone}, config_text(services="", server=server))


SNAPSHOT = snapshot()


def port_of(engine: Engine) -> int:
    """Where it serves."""
    return engine.bound[0].port


@contextmanager
def client(port: int) -> Iterator[socket.socket]:
    """A connected UDP socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        asking.settimeout(TIMEOUT)
        asking.connect(("127.0.0.1", port))
        yield asking


def ask(port: int, packet: bytes = WWW) -> bytes:
    """The response to one datagram."""
    with client(port) as asking:
        asking.send(packet)
        return asking.recv(65535)


def ask_tcp(port: int, packet: bytes) -> bytes:
    """The first octets of the response to one message over TCP; empty where there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as asking:
        asking.sendall(len(packet).to_bytes(2, "big") + packet)
        return asking.recv(65535)


MIX = [
    (WWW, True),
    (query("big.example.", "TXT", edns=0), True),
    (query("missing.example.", "AAAA"), True),
    (query("elsewhere.", "TYPE1234"), True),
    (query("www.example.", ecs="192.0.2.0/24"), True),
    (query("www.example.", ecs="0.0.0.0/0"), True),
    (query("www.example.", edns=1), True),
    (query("www.example.", "TXT", qclass="CH", edns=0), True),
    (WWW[:-1], True),
    (b"short", False),
    (WWW[:2] + b"\x80" + WWW[3:], False),
]


async def counted(engine: Engine) -> Counters:
    """What it counts after every packet of `MIX` over both transports."""
    for packet, answered in MIX:
        if answered:
            await asyncio.to_thread(ask, port_of(engine), packet)
        else:
            with client(port_of(engine)) as asking:
                asking.send(packet)
        assert bool(await asyncio.to_thread(ask_tcp, port_of(engine), packet)) == answered
    async with asyncio.timeout(TIMEOUT):
        while True:
            counters = await engine.counters()
            if counters.received.total() == 2 * len(MIX):
                return counters
            await asyncio.sleep(0.01)


async def test_it_counts_what_the_reference_engine_counts() -> None:
    """The same names and the same sums, whatever number of workers."""
    async with serving(SNAPSHOT, "reference") as reference:
        expected = await counted(reference)
    assert expected.malformed
    assert expected.truncated
    assert expected.dropped
    for workers in (1, 3):
        async with serving(SNAPSHOT, workers=workers) as engine:
            assert (engine.name, engine.workers) == ("native", workers)
            assert await counted(engine) == expected


async def test_it_logs_what_the_reference_engine_logs() -> None:
    """Every query, when the share is 1: the same fields, but for the order of arrival."""
    logged = []
    for engine in ("reference", "native"):
        with structlog.testing.capture_logs() as events:
            async with serving(snapshot(server="query_log = 1.0"), engine) as made:
                await counted(made)
        logged.append(sorted(map(repr, (e for e in events if e["event"] == "query"))))
    assert len(logged[0]) == 2 * len(MIX)
    assert logged[0] == logged[1]


async def test_a_publication_under_load_loses_no_query() -> None:
    """Each response is of the old Snapshot or the new; once publish returns, of the new."""
    snapshots = [snapshot(f"192.0.2.{n}") for n in range(40)]
    oldest, over = 0, False
    seen: set[int] = set()

    def load() -> int:
        answered = 0
        with client(port) as asking:
            while not over:
                least = oldest
                asking.send(WWW)
                number = asking.recv(4096)[-1]
                assert number >= least, "an answer from before the publication"
                seen.add(number)
                answered += 1
        return answered

    async with serving(snapshots[0], workers=2) as engine:
        port = port_of(engine)
        loads = [asyncio.create_task(asyncio.to_thread(load)) for _ in range(2)]
        for number, each in enumerate(snapshots):
            await engine.publish(each)
            oldest = number
            answered = (await engine.counters()).received["udp"]
            while (await engine.counters()).received["udp"] < answered + 4:
                assert not any(task.done() for task in loads)
                await asyncio.sleep(0.001)
        over = True
        async with asyncio.timeout(TIMEOUT):
            total = sum(await asyncio.gather(*loads))
        counters = await engine.counters()
    assert counters.received["udp"] == counters.answered[0] == total
    assert len(seen) == len(snapshots)


async def test_batches_among_many_names_are_answered_each_by_its_own() -> None:
    """So many names that a batch is read ahead, and among its packets some that cannot be."""
    hosts = range(3000)
    zone = HEAD + "".join(f"h{n} A 198.18.{n >> 8}.{n & 255}\n" for n in hosts)
    made = snapshot_of({"example.": zone}, config_text(services=""))
    async with serving(made) as engine:
        with client(port_of(engine)) as asking:
            for first in range(0, len(hosts), 30):
                asked = {
                    n + 1: query(f"H{n}.example.", qid=n + 1) for n in hosts[first : first + 30]
                }
                for packet in (b"short", WWW[:-1], query("no.example."), *asked.values()):
                    asking.send(packet)
                answers = [asking.recv(65535) for _ in range(len(asked) + 2)]
                addresses_by_id = {int.from_bytes(a[:2], "big"): a[-4:] for a in answers if a[7]}
                assert addresses_by_id == {
                    number: bytes((198, 18, number - 1 >> 8, number - 1 & 255)) for number in asked
                }


async def test_it_answers_while_python_holds_its_lock() -> None:
    """Another process asks, while this one sits in C with the GIL held until it has finished."""
    script = (
        "import socket, sys\n"
        "asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "asking.connect(('127.0.0.1', int(sys.argv[1])))\n"
        "asking.settimeout(10)\n"
        "sys.stdin.readline()\n"
        "for _ in range(100):\n"
        "    asking.send(bytes.fromhex(sys.argv[2]))\n"
        "    asking.recv(4096)\n"
        "print('answered', end='', flush=True)\n"
    )
    async with serving(SNAPSHOT) as engine:
        asking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, str(port_of(engine)), WWW.hex()),
            stdin=asyncio.subprocess.PIPE,
            stdout=(pipe := os.pipe())[1],
        )
        os.close(pipe[1])
        assert asking.stdin is not None
        asking.stdin.write(b"go\n")
        await asking.stdin.drain()
        polled = (ctypes.c_int * 2)(pipe[0], select.POLLIN)
        # PyDLL, unlike CDLL, keeps the lock during the call.
        ready = ctypes.PyDLL(None).poll(polled, 1, int(TIMEOUT * 1000))
        assert ready == 1, "nothing was answered meanwhile"
        assert os.read(pipe[0], 100) == b"answered"
        os.close(pipe[0])
        assert await asking.wait() == 0


async def test_a_thread_that_dies_is_told_at_once() -> None:
    """By the future that ends the daemon, with the reason."""
    async with serving(SNAPSHOT, workers=2) as engine:
        assert isinstance(engine, NativeEngine)
        assert engine._threads is not None
        engine._threads.inject_fault(1)
        async with asyncio.timeout(TIMEOUT):
            reason = await engine.died
        assert reason.startswith("worker thread serve-1 ended: panic at src/io/worker.rs")
        with pytest.raises(EngineError, match="serve-1 has ended"):
            await engine.check()


async def test_a_thread_that_hangs_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it does, and then no more."""
    async with serving(SNAPSHOT, workers=2) as engine:
        assert isinstance(engine, NativeEngine)
        assert engine._threads is not None
        monkeypatch.setattr(native, "CHECK_TIMEOUT", 0.05)
        engine._threads.inject_fault(0, seconds=1)
        with pytest.raises(EngineError, match="serve-0 does not follow in time"):
            await engine.check()
        monkeypatch.setattr(native, "CHECK_TIMEOUT", TIMEOUT)
        await engine.check()
        assert ask(port_of(engine))


async def test_an_order_that_hangs_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop waits for the order before it, as a publication to a thread that hangs, in vain."""
    async with serving(SNAPSHOT, workers=2) as engine:
        assert isinstance(engine, NativeEngine)
        over = threading.Event()
        with monkeypatch.context() as patch, structlog.testing.capture_logs() as logged:
            patch.setattr(EngineThreads, "stop", lambda *_: over.wait(TIMEOUT))
            patch.setattr(stop_limits, "ENGINE", 0.05)
            patch.setattr(stop_limits, "KILL", 0.05)
            await engine.stop()
        over.set()
        (late,) = logged
        assert late["event"] == "engine.late"
        assert "has not carried out its last order" in late["reason"]


async def test_many_queries_and_publications_leave_nothing_behind() -> None:
    """Resident memory, after some to warm up; a million queries under the fuzz profile."""
    rounds = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 60
    async with serving(SNAPSHOT) as engine:

        async def many(rounds: int) -> None:
            for number in range(rounds):
                await asyncio.to_thread(burst, port_of(engine), 1000)
                if number % 10 == 0:
                    await engine.publish(snapshot(f"192.0.2.{number % 250}"))

        await many(10)
        before = resident()
        await many(rounds)
        assert resident() - before < 4 << 20
        assert (await engine.counters()).received["udp"] == 1000 * (rounds + 10)


def burst(port: int, number: int) -> None:
    """Ask so many times, a hundred at once."""
    with client(port) as asking:
        for _ in range(number // 100):
            for _ in range(100):
                asking.send(WWW)
            for _ in range(100):
                asking.recv(4096)


def resident() -> int:
    """Octets of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_reader_that_is_slow_delays_nobody() -> None:
    """With one thread, TCP clients that read nothing, and others that do."""
    async with serving(SNAPSHOT) as engine:
        with ExitStack() as held:
            for _ in range(20):
                slow = held.enter_context(socket.create_connection(("127.0.0.1", port_of(engine))))
                slow.setblocking(False)
                packet = query("big.example.", "TXT")
                try:
                    while True:
                        slow.send((len(packet).to_bytes(2, "big") + packet) * 1000)
                except BlockingIOError:
                    pass  # the server reads no more of it
            for _ in range(20):
                assert await asyncio.to_thread(ask, port_of(engine))
                assert await asyncio.to_thread(ask_tcp, port_of(engine), WWW)
