"""Answers per CPU-second: the reference engine against dnslib's own DNSServer, equal zone.

    python -m bench.reference.answers [--seconds 5]

Each server is a process of its own; what counts is the CPU time it used, user and system,
for the answers it gave in the same run. Queries are positive A queries, which suit dnslib's
linear search best at the head of the zone. The steered rows have no counterpart there. The
bar: 5 times dnslib's answers per CPU-second.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import random
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import dnslib
from dnslib.server import DNSLogger, DNSServer
from dnslib.zoneresolver import ZoneResolver

from bench.report import show, write
from resolverd import log
from resolverd.daemon import Daemon
from resolverd.loop import run_loop

BAR = 5.0
WINDOW = 64

RECORDS = """\
@ 3600 IN SOA ns1 hostmaster 2026112301 3600 900 604800 300
www 3600 IN A 192.0.2.80
@ 3600 IN NS ns1
@ 3600 IN NS ns2
ns1 3600 IN A 192.0.2.53
ns2 3600 IN A 198.51.100.53
www 3600 IN AAAA 2001:db8::80
@ 3600 IN MX 10 mail
mail 3600 IN A 192.0.2.25
chat 3600 IN A 192.0.2.10
"""
ZONE = f"$ORIGIN bench.example.\n{RECORDS}"
CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
coordinates = [50.1, 8.7]
zones = ["bench.example.zone"]

[admin]
socket = ""
listen = ""

[region.east]
coordinates = [39.0, -77.5]
endpoint = [{ address = ["192.0.2.10"], url = "tcp://127.0.0.1:%(port)d" }]

[region.west]
coordinates = [53.3, -6.3]
endpoint = [{ address = ["192.0.2.20"], url = "tcp://127.0.0.1:%(port)d" }]

[probe]
kind = "tcp"

[service.steered]
regions = ["east", "west"]
"""


def main() -> int:
    """Measure, print the table, write the result; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    rows = [
        ("dnslib DNSServer, static A", *measure(serve_dnslib, static_queries, seconds)),
        ("resolverd reference, static A", *measure(serve_resolverd, static_queries, seconds)),
        ("resolverd reference, steered, ECS", *measure(serve_resolverd, ecs_queries, seconds)),
        ("resolverd reference, steered", *measure(serve_resolverd, steered_queries, seconds)),
    ]
    slowest = rows[0][2]
    table = [
        ("server", "answers", "CPU-s per million", "answers per CPU-s ÷ dnslib's"),
        *((name, answers, cost, slowest / cost) for name, answers, cost in rows),
    ]
    show("answers per CPU-second", table)
    path = write(
        "reference-answers",
        {
            "seconds": seconds,
            "rows": [
                {"server": name, "answers": answers, "cpu_s_per_million": cost}
                for name, answers, cost in rows
            ],
            "ratio": slowest / rows[1][2],
            "bar": BAR,
        },
    )
    print(f"\nwritten: {path.relative_to(path.parents[2])}")
    return 0 if slowest / rows[1][2] >= BAR else 1


def static_queries() -> list[bytes]:
    """What both servers are asked."""
    return [bytes(dnslib.DNSRecord.question("www.bench.example", "A").pack())]


def steered_queries() -> list[bytes]:
    """A name whose answer depends on the resolver's address."""
    return [bytes(dnslib.DNSRecord.question("steered.bench.example", "A").pack())]


def ecs_queries() -> list[bytes]:
    """The same with client subnets, 4,096 different ones."""
    chance = random.Random(7)
    queries = []
    for _ in range(4096):
        query = dnslib.DNSRecord.question("steered.bench.example", "A")
        octets = bytes([0, 1, 24, 0, chance.randrange(1, 224), *chance.randbytes(2)])
        query.add_ar(dnslib.EDNS0(udp_len=1232, opts=[dnslib.EDNSOption(8, octets)]))
        queries.append(bytes(query.pack()))
    return queries


def measure(
    serve: Callable[[Connection], None], queries: Callable[[], list[bytes]], seconds: float
) -> tuple[int, float]:
    """Answers given in `seconds`, and the server's CPU seconds per million of them."""
    with running(serve) as (pid, port):
        ask(port, queries(), 1.0)
        before = cpu_seconds(pid)
        answers = ask(port, queries(), seconds)
        used = cpu_seconds(pid) - before
    return answers, 1e6 * used / answers


@contextmanager
def running(serve: Callable[[Connection], None]) -> Iterator[tuple[int, int]]:
    """A server process; its pid and port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        port: int = ours.recv()
        yield process.pid or 0, port
    finally:
        process.kill()
        process.join()


def ask(port: int, queries: list[bytes], seconds: float) -> int:
    """Keep `WINDOW` queries in flight for `seconds`; how many were answered."""
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2.0)
        sock.connect(("127.0.0.1", port))
        end = time.monotonic() + seconds
        at = 0
        while time.monotonic() < end:
            for _ in range(WINDOW):
                sock.send(queries[at % len(queries)])
                at += 1
            for _ in range(WINDOW):
                sock.recv(4096)
                answered += 1
    return answered


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def serve_dnslib(parent: Connection) -> None:
    """dnslib's server as it ships, with its log off."""
    quiet = DNSLogger("-request,-reply,-truncated,-error", False)
    server = DNSServer(ZoneResolver(ZONE), port=0, address="127.0.0.1", logger=quiet)
    parent.send(server.server.server_address[1])
    server.start()


def serve_resolverd(parent: Connection) -> None:
    """The whole daemon, probing included."""
    log.configure(level=logging.ERROR)
    with tempfile.TemporaryDirectory() as place, socket.create_server(("127.0.0.1", 0)) as alive:
        here = Path(place)
        (here / "bench.example.zone").write_text(f"{ZONE}steered 60 DYNA steered\n")
        (here / "resolverd.toml").write_text(CONFIG % {"port": alive.getsockname()[1]})
        run_loop(_serve(here / "resolverd.toml", parent))


async def _serve(path: Path, parent: Connection) -> None:
    daemon = Daemon(path)
    await daemon.start()
    parent.send(daemon.bound[0].port)
    await daemon.wait()


if __name__ == "__main__":
    raise SystemExit(main())
