"""What a whole answer costs the native engine with `latency` beside `nearest`, by turns.

From the query's octets to the response's, without sockets: alone, so that each waits for what it
reads of memory, and in batches, which are prefetched for as those that a socket receives are. The
clients are random ones, far more than fit into a core's cache: of the prefixes that were measured,
of all /24s, and of IPv6. They are asked some thousand at a time, for one service and then for the
other, so that what else the machine does falls on both; of these ratios a turn has the median. Then
through a socket, by the CPU time of the engine's thread.
"""

from __future__ import annotations

import os
import random
import socket
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.load.build import compiler
from bench.load.generator import Load, run
from bench.load.packets import a_query
from bench.map.two_services import NAMES
from bench.native.spread import Spread, middle_half, spread
from bench.peers.process import cpu_ns
from resolverd.abi.contract import SocketKind
from resolverd.abi.engine import EngineThreads, WorkerSocket
from resolverd.abi.tables import Asker, Packets, SnapshotTables
from resolverd.dns.prefix import Prefix

CLIENTS, PIECE = 131_072, 4096
ALONE, BATCH = 1, 32
V6_TOPS = (0x2001, 0x2400, 0x2600, 0x2800, 0x2A00)

_SOURCE = bytes((198, 51, 100, 7))
_SERVER_CPU, _GENERATOR_CPU = 0, 1
# Loads are short and many, so that what else the machine does falls on both.
_SECONDS, _WARM_SECONDS, _LOADS_A_TURN = 0.1, 0.02, 5


class _Turn(NamedTuple):
    """Nanoseconds of an answer by policy, and the ratio of what was asked by turns."""

    nanoseconds: Mapping[str, float]
    ratio: float


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
        asked = {policy: _pieces(NAMES[policy], clients) for policy in NAMES}
        for how, batch in (("alone", ALONE), (f"batches of {BATCH}", BATCH)):
            rows.append(_row(name, how, _in_process(snapshot, asked, batch, turns)))
    if compiler() is not None:
        rows += _through_a_socket(snapshot, networks, turns * _LOADS_A_TURN)
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


def _pieces(name: str, clients: Sequence[Prefix]) -> list[Packets]:
    packets = [a_query(name, n & 0xFFFF, client=client) for n, client in enumerate(clients)]
    return [Packets(packets[at : at + PIECE]) for at in range(0, len(packets), PIECE)]


def _in_process(
    snapshot: SnapshotTables, asked: Mapping[str, Sequence[Packets]], batch: int, turns: int
) -> list[_Turn]:
    asker = Asker()
    taken = []
    for _ in range(turns):
        pieces: dict[str, list[float]] = {policy: [] for policy in asked}
        for at, policy in _by_turns(CLIENTS // PIECE):
            ns = asker.time(asked[policy][at], _SOURCE, snapshot, batch)
            pieces[policy].append(ns)
        taken.append(_turn(pieces))
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
                for _, policy in _by_turns(turns):
                    load = Load(port, NAMES[policy], "ecs", _SECONDS, subnets=subnets)
                    run(load.lasting(_WARM_SECONDS), _GENERATOR_CPU)
                    before = cpu_ns(os.getpid(), "serve-")
                    received = run(load, _GENERATOR_CPU)["received"]
                    used = cpu_ns(os.getpid(), "serve-") - before
                    taken[policy].append(used / max(1, received))
                pairs = zip(*taken.values(), strict=True)
                each = [dict(zip(taken, ([ns] for ns in pair), strict=True)) for pair in pairs]
                yield _row(name, "through a socket", [_turn(pieces) for pieces in each])
        finally:
            engine.stop(10.0)
            os.sched_setaffinity(0, own)


def _keep_answering_on(cpu: int) -> None:
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().startswith("serve-"):
            os.sched_setaffinity(int(task.name), {cpu})


def _by_turns(count: int) -> Iterator[tuple[int, str]]:
    """Each policy `count` times by turns, and each first in every other one."""
    first, second = NAMES
    for number in range(count):
        for policy in (first, second) if number % 2 else (second, first):
            yield number, policy


def _turn(pieces: Mapping[str, Sequence[float]]) -> _Turn:
    pairs = zip(pieces["latency"], pieces["nearest"], strict=True)
    each = {policy: median(ns) for policy, ns in pieces.items()}
    return _Turn(each, median(one / other for one, other in pairs))


def _row(clients: str, how: str, turns: Sequence[_Turn]) -> Row:
    of_turns = [turn.ratio for turn in turns]
    each = {policy: spread([turn.nanoseconds[policy] for turn in turns]) for policy in NAMES}
    return Row(clients, how, each, spread(of_turns), middle_half(of_turns))
