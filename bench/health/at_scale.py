"""What thousands of probed endpoints cost the real daemon, and how soon it says what they show.

    python -m bench.health.at_scale [--endpoints 1000] [--kind http] [--interval 1] [--seconds 15]
                                    [--deaths 100] [--rounds 1] [--peer]

The endpoints are another process, and answer over HTTP on addresses of their own. What is measured,
by turns where there are several rounds, of resolverd and with `--peer` of gdnsd (its http_status):

    cores      CPU seconds for each second of the daemon's process, and those beside no probe
    per probe  those, by the requests that the endpoints have counted
    delay      from an endpoint's first failing answer to the other answer on the wire, less the
               (fall - 1) × fast_interval (gdnsd: interval) that have to lie between
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from bench.health.peer import GDNSD_INTERVAL, own_name, write_gdnsd
from bench.health.scale_world import FALL, FAST, given, name, probed, write_resolverd
from bench.peers.ask import ask
from bench.peers.process import cpu_ns
from bench.report import ROOT, allow_files, show, write

AT_ONCE = 10


class Endpoints:
    """The process of `bench.health.crowd`, and what it tells."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout
        self.port = int(self._out.readline())
        self.first_failed: dict[str, float] = {}
        self._count = 0
        self._counted = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def fail(self, ip: str) -> None:
        """Have it answer 503 from now on."""
        self._say(f"fail {ip}")

    def requests(self) -> int:
        """How many requests have come so far."""
        self._counted.clear()
        self._say("count")
        self._counted.wait()
        return self._count

    def _say(self, line: str) -> None:
        self._in.write(line + "\n")
        self._in.flush()

    def _listen(self) -> None:
        for line in self._out:
            word, value, at = line.split()
            if word == "failed":
                self.first_failed.setdefault(value, float(at))
            else:
                self._count = int(value)
                self._counted.set()


@contextmanager
def endpoints(kind: str) -> Iterator[Endpoints]:
    """The process, while this is entered."""
    command = [sys.executable, "-m", "bench.health.crowd", kind]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Endpoints(process)
        finally:
            process.kill()


@contextmanager
def serving(command: list[str], port: int) -> Iterator[int]:
    """The pid of a server that answers, while this is entered."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            until = time.monotonic() + 120
            while not _addresses(port, "s0.bench.example"):
                if time.monotonic() > until or process.poll() is not None:
                    raise SystemExit(f"{command} does not answer ({process.poll()})")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def measure(who: str, chosen: argparse.Namespace, idle: float) -> dict[str, Any]:
    """One round of one server."""
    with tempfile.TemporaryDirectory() as folder, endpoints(chosen.kind) as crowd:
        port = _free_port()
        place = Path(folder)
        if who == "gdnsd":
            command = write_gdnsd(place, port, crowd.port, chosen.endpoints, chosen.deaths)
        else:
            command = write_resolverd(place, port, crowd.port, chosen)
        with serving(command, port) as pid:
            time.sleep(max(3.0, 2 * chosen.interval))
            used, asked, began = cpu_ns(pid), crowd.requests(), time.monotonic()
            time.sleep(chosen.seconds)
            took = time.monotonic() - began
            used, asked = cpu_ns(pid) - used, crowd.requests() - asked
            delays = _deaths(crowd, port, chosen.deaths, who)
    cores = used / 1e9 / took
    return {
        "cores": cores,
        "cores_less_idle": cores - idle,
        "requests_per_second": asked / took,
        "microseconds_per_request": used / 1e3 / asked if asked else 0.0,
        **_quantiles(delays),
    }


def idle_cores(chosen: argparse.Namespace) -> float:
    """What the daemon takes that probes two endpoints, each once in a minute."""
    quiet = argparse.Namespace(**vars(chosen) | {"endpoints": 2, "interval": 60.0, "deaths": 0})
    with tempfile.TemporaryDirectory() as folder, endpoints("http") as crowd:
        port = _free_port()
        with serving(write_resolverd(Path(folder), port, crowd.port, quiet), port) as pid:
            time.sleep(3)
            used = cpu_ns(pid)
            time.sleep(chosen.seconds)
            return (cpu_ns(pid) - used) / 1e9 / float(chosen.seconds)


def _deaths(crowd: Endpoints, port: int, count: int, who: str) -> list[float]:
    """The delay of each death, some at once, each of another name."""
    delays: list[float] = []
    gap, names, of = (
        (FAST, name, given) if who == "resolverd" else (GDNSD_INTERVAL, own_name, probed)
    )
    numbers = sorted(range(count), key=lambda number: (number % AT_ONCE, number))
    for start in range(0, count, AT_ONCE):
        waiting = set(numbers[start : start + AT_ONCE])
        for number in waiting:
            crowd.fail(probed(number))
        until = time.monotonic() + 60
        while waiting and time.monotonic() < until:
            for number in [*waiting]:
                answered = _addresses(port, names(number))
                if answered and of(number) not in answered:
                    moved = time.monotonic()
                    waiting.discard(number)
                    failed = crowd.first_failed[probed(number)]
                    delays.append(moved - failed - (FALL - 1) * gap)
            time.sleep(0.001)
    return delays


def _addresses(port: int, qname: str) -> set[str]:
    """All that the answer has; none where there is no answer."""
    response = ask(port, qname, wait=0.2)
    rrsets = response.answer if response is not None else []
    return {rdata.to_text() for rrset in rrsets for rdata in rrset}


def _quantiles(delays: list[float]) -> dict[str, float]:
    if not delays:
        return {}
    ordered = sorted(1e3 * delay for delay in delays)
    return {
        "deaths": len(ordered),
        "delay_ms_p50": statistics.median(ordered),
        "delay_ms_p99": ordered[max(0, -(-len(ordered) * 99 // 100) - 1)],
        "delay_ms_max": ordered[-1],
    }


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--endpoints", type=int, default=1000)
    options.add_argument("--kind", choices=["http", "tcp", "vllm"], default="http")
    options.add_argument("--interval", type=float, default=1.0)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--deaths", type=int, default=100)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--peer", action="store_true", help="gdnsd beside it, of kind http")
    chosen = options.parse_args()
    allow_files(65536)
    load = os.getloadavg()[0]
    idle = idle_cores(chosen)
    who = ["resolverd", *(["gdnsd"] if chosen.peer else [])]
    rounds = [
        (server, measure(server, chosen, idle)) for _ in range(chosen.rounds) for server in who
    ]
    rows = {
        server: {
            key: statistics.median(row[key] for s, row in rounds if s == server)
            for key in rounds[who.index(server)][1]
        }
        for server in who
    }
    head = ["server", *rows["resolverd"]]
    show(
        f"{chosen.endpoints} endpoints, {chosen.kind}, every {chosen.interval:g} s",
        [head, *([server, *(row[key] for key in head[1:])] for server, row in rows.items())],
    )
    print(f"  an idle daemon: {idle:.4f} cores; load average at the start: {load:.1f}")
    if chosen.peer:
        ours, theirs = rows["resolverd"], rows["gdnsd"]
        ratio = ours["microseconds_per_request"] / theirs["microseconds_per_request"]
        print(f"  CPU for each probe: {ratio:.2f} × gdnsd's")
    result = {"settings": vars(chosen), "idle_cores": idle, "load_average": load, "servers": rows}
    path = write(f"health-at-scale-{chosen.kind}-{chosen.endpoints}", result)
    print(f"written: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
