"""The laboratory itself: what its faults do, and that it leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from bench.fleet.lab.clock import Clock, library
from bench.fleet.lab.delay import Delays
from bench.fleet.lab.faults import Faults
from bench.fleet.lab.namespaces import PREFIX, UPLINK, Namespace, link, remove_left
from bench.fleet.lab.needs import missing
from bench.fleet.lab.places import EDGES, REGIONS, Node
from bench.fleet.lab.processes import NotSoError, Process, until

HERE = f"{PREFIX}-{os.getpid()}-"
ONE, OTHER = EDGES[0], REGIONS[0]


class Ways:
    """Two nodes with a router between them; `one` is asked whether it hears the other."""

    def __init__(self, stack: ExitStack) -> None:
        self.router = self._made("router", stack)
        self.of = {node.name: self._attached(node, stack) for node in (ONE, OTHER)}
        self.router.sysctl(ipv4__ip_forward=1)
        self.faults = Faults(self.router)
        self.delays = stack.enter_context(Delays(self.router))

    def seconds(self, source: Node = ONE, target: Node = OTHER) -> float | None:
        """How long a datagram takes there and back; None where none comes."""
        here, there = self.of[source.name].udp(1.5), self.of[target.name].udp(1.5)
        with here, there:
            there.bind((target.ipv4, 7))
            echo = threading.Thread(target=_echo, args=(there,))
            echo.start()
            began = time.monotonic()
            here.sendto(b"x", (target.ipv4, 7))
            try:
                here.recvfrom(16)
            except TimeoutError:
                return None
            else:
                return time.monotonic() - began
            finally:
                echo.join()

    def _made(self, name: str, stack: ExitStack) -> Namespace:
        made = Namespace(name)
        stack.callback(made.remove)
        return made

    def _attached(self, node: Node, stack: ExitStack) -> Namespace:
        made = self._made(node.name, stack)
        link(self.router, node.name, made, UPLINK)
        self.router.ip(f"address add {node.gateway4}/24 dev {node.name}")
        made.ip(
            f"address add {node.ipv4}/24 dev {UPLINK}", f"route add default via {node.gateway4}"
        )
        return made


def _echo(there: socket.socket) -> None:
    try:
        octets, peer = there.recvfrom(16)
        there.sendto(octets, peer)
    except TimeoutError:
        pass  # dropped on its way, as it should be


@pytest.fixture
def ways() -> Iterator[Ways]:
    if lacks := missing(nats=False, clocks=False, exabgp=False):
        pytest.skip(f"NO NAMESPACES ARE TESTED. They need: {'; '.join(lacks)}")
    with ExitStack() as stack:
        yield Ways(stack)


def test_a_parted_pair_hears_nothing_until_it_is_joined(ways: Ways) -> None:
    assert ways.seconds() is not None
    ways.faults.part(ONE, OTHER)
    assert ways.seconds() is None
    assert ways.seconds(OTHER, ONE) is None
    ways.faults.join(ONE, OTHER)
    assert ways.seconds() is not None


@pytest.mark.parametrize("fault", ["blackhole", "cut"])
def test_a_node_that_is_away_hears_nothing_until_it_is_mended(ways: Ways, fault: str) -> None:
    getattr(ways.faults, fault)(ONE)
    assert ways.seconds() is None
    ways.faults.mend()
    assert ways.seconds() is not None


def test_a_slow_pair_takes_its_time_either_way_and_is_as_before_afterwards(ways: Ways) -> None:
    ways.delays.slow(ONE, OTHER, 0.2)
    took = ways.seconds()
    assert took is not None
    assert 0.4 <= took < 1.0
    ways.delays.mend()
    took = ways.seconds()
    assert took is not None
    assert took < 0.2


def test_a_process_ends_with_its_session_and_says_why_it_was_not_ready(
    ways: Ways, tmp_path: Path
) -> None:
    process = Process(ways.router, ["sh", "-c", "echo no; exit 3"], tmp_path / "log")
    with pytest.raises(NotSoError, match=r"no$"):
        process.until(lambda: False, "anything", 5)
    process = Process(ways.router, ["sh", "-c", "sleep 1000 & sleep 1000"], tmp_path / "log")
    inside = ["ip", "netns", "pids", ways.router.name]
    until(lambda: len(_lines(inside)) >= 2, "its processes", 5)
    process.kill()
    until(lambda: not _lines(inside), "none", 5)


def test_nothing_is_left(ways: Ways) -> None:
    assert any(name.startswith(HERE) for name in _lines(["ls", "/run/netns"]))
    for namespace in (*ways.of.values(), ways.router):
        namespace.remove()
    assert not any(name.startswith(HERE) for name in _lines(["ls", "/run/netns"]))


def test_what_a_killed_run_has_left_is_removed_and_nothing_else(ways: Ways) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    name = f"{PREFIX}-{ended.pid}-e1"
    subprocess.run(["ip", "netns", "add", name], check=True)
    assert remove_left() == [name]
    assert any(name.startswith(HERE) for name in _lines(["ls", "/run/netns"]))


def test_a_step_moves_the_time_of_day_of_a_process_and_not_its_monotonic_clock(
    tmp_path: Path,
) -> None:
    if library() is None:
        pytest.skip("NO LIBFAKETIME: no clock is stepped (apt-get install faketime)")
    clock = Clock(tmp_path / "clock")
    program = "import time\nwhile input():\n    print(time.time(), time.monotonic(), flush=True)\n"
    with subprocess.Popen(
        ["python3", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **clock.environment()},
    ) as process:
        for step in (0, 3600, -3600, 0):
            clock.step(step)
            until(partial(_is_ahead, process, step), f"{step:+} s", 5)
            assert abs(_clocks(process)[1]) < 2
        process.terminate()


def _is_ahead(process: subprocess.Popen[str], step: float) -> bool:
    return abs(_clocks(process)[0] - step) < 2


def _clocks(process: subprocess.Popen[str]) -> tuple[float, float]:
    """By how much its time of day and its monotonic clock are ahead of ours."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("x\n")
    process.stdin.flush()
    day, monotonic = map(float, process.stdout.readline().split())
    return day - time.time(), monotonic - time.monotonic()


def _lines(command: list[str]) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
