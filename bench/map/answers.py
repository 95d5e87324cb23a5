"""What a whole answer costs the native engine with `latency` beside `nearest`, by turns.

From the query's octets to the response's, without sockets: alone, so that each waits for what it
reads of memory, and in batches, which are prefetched for as those that a socket receives are. The
clients are random ones, far more than fit into a core's cache: of the prefixes that were measured,
of all /24s, and of IPv6. Then through a socket, by the CPU time of the engine's thread.
"""

from __future__ import annotations

import os
import random
import socket
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

from bench.load.build import compiler
from bench.load.generator import Load, run
from bench.load.packets import a_query
from bench.map.two_services import NAMES
from bench.native.spread import Spread, ratios, spread
from bench.peers.process import cpu_ns
from resolverd.abi.contract import SocketKind
from resolverd.abi.engine import EngineThreads, WorkerSocket
from resolverd.abi.tables import Asker, SnapshotTables
from resolverd.dns.prefix import Prefix

CLIENTS = 131_072
ALONE, BATCH = 1, 32
V6_TOPS = (0x2001, 0x2400, 0x2600, 0x2800, 0x2A00)

_SOURCE = bytes((198, 51, 100, 7))
_SERVER_CPU, _GENERATOR_CPU = 0, 1
_SECONDS, _WARM_SECONDS = 0.5, 0.1


class Row(NamedTuple):
    """One comparison: what was asked, and how."""

    clients: str
    how: str
    nanoseconds: Mapping[str, Spread]
    ratio: Spread
    middle_half: tuple[float, float]
    """The quartiles of the ratio."""


def measure(snapshot: SnapshotTables, networks: Sequence[int], turns: int) -> list[Row]:
    """All comparisons; `networks` are the /24s that were measured, by their first 24 bits."""
    rows = []
    for name, clients in clients_of(networks).items():
        asked = {
            policy: [a_query(NAMES[policy], n & 0xFFFF, client=c) for n, c in enumerate(clients)]
            for policy in NAMES
        }
        for how, batch in (("alone", ALONE), (f"batches of {BATCH}", BATCH)):
            rows.append(_row(name, how, _in_process(snapshot, asked, batch, turns)))
    if compiler() is not None:
        rows += _through_a_socket(snapshot, networks, turns)
    return rows


def clients_of(networks: Sequence[int]) -> dict[str, list[Prefix]]:
    """Clients by where they are spread, in random order."""
    chance = random.Random(3)
    return {
        "measured /24": [Prefix(32, chance.choice(networks) << 8, 24) for _ in range(CLIENTS)],
        "any /24": [Prefix(32, chance.getrandbits(24) << 8, 24) for _ in range(CLIENTS)],
        "any /56": [
            Prefix(128, chance.choice(V6_TOPS) << 112 | chance.getrandbits(112), 128).widened(56)
            for _ in range(CLIENTS)
        ],
    }


def as_mapping(row: Row) -> dict[str, Any]:
    """A row as it is written."""
    return row._asdict()


def _in_process(
    snapshot: SnapshotTables, asked: Mapping[str, Sequence[bytes]], batch: int, turns: int
) -> dict[str, list[float]]:
    asker = Asker()
    taken: dict[str, list[float]] = {policy: [] for policy in asked}
    for policy in _by_turns(turns):
        taken[policy].append(asker.time(asked[policy], _SOURCE, snapshot, batch))
    return taken


def _through_a_socket(
    snapshot: SnapshotTables, networks: Sequence[int], turns: int
) -> Iterator[Row]:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    bound.bind(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    listening = WorkerSocket(0, SocketKind.UDP, bound.detach())
    engine = EngineThreads(
        [listening], snapshot, idle=10.0, lifetime=60.0, connections=10, per_client=10
    )
    own = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "subnets"
        listed.write_bytes(array("I", networks).tobytes())
        try:
            _keep_answering_on(_SERVER_CPU)
            for name, subnets in (("measured /24", str(listed)), ("any /24", "")):
                taken: dict[str, list[float]] = {policy: [] for policy in NAMES}
                for policy in _by_turns(turns):
                    load = Load(port, NAMES[policy], "ecs", _SECONDS, subnets=subnets)
                    run(load.lasting(_WARM_SECONDS), _GENERATOR_CPU)
                    before = cpu_ns(os.getpid(), "serve-")
                    received = run(load, _GENERATOR_CPU)["received"]
                    used = cpu_ns(os.getpid(), "serve-") - before
                    taken[policy].append(used / max(1, received))
                yield _row(name, "through a socket", taken)
        finally:
            engine.stop(10.0)
            os.sched_setaffinity(0, own)


def _keep_answering_on(cpu: int) -> None:
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().startswith("serve-"):
            os.sched_setaffinity(int(task.name), {cpu})


def _by_turns(turns: int) -> Iterator[str]:
    """Each policy once a turn, and each first in every other one."""
    first, second = NAMES
    for turn in range(turns):
        yield from (first, second) if turn % 2 else (second, first)


def _row(clients: str, how: str, taken: Mapping[str, Sequence[float]]) -> Row:
    ratio = ratios(taken["latency"], taken["nearest"])
    of_turns = [a / b for a, b in zip(taken["latency"], taken["nearest"], strict=True)]
    low, _, high = quantiles(of_turns, n=4)
    each = {policy: spread(ns) for policy, ns in taken.items()}
    return Row(clients, how, each, ratio, (round(low, 4), round(high, 4)))
