"""How soon a server's answers say that endpoints have begun to fail."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import dns.message

from bench.health.crowd import Crowd
from bench.health.scale_world import FALL, probed

AT_ONCE = 10
# Seconds between two questions for one name: the resolution of the measurement.
PACE = 0.002
_LONGEST = 60.0


class Deaths(NamedTuple):
    """The delay of each in seconds; `unseen`: no other answer came within a minute.

    `early`: the answer left one out that had never failed. `moved` is when each other answer came,
    by endpoint, in monotonic seconds.
    """

    delays: list[float]
    unseen: int
    early: int
    moved: dict[int, float]


def deaths(
    crowd: Crowd,
    port: int,
    count: int,
    *,
    gap: float,
    name: Callable[[int], str],
    address: Callable[[int], str],
) -> Deaths:
    """Have `count` endpoints fail, some at once, and watch the answers.

    Endpoint `number` is given as `address(number)` by the answers for `name(number)`. `gap` is the
    time between two probes of an endpoint that fails, in seconds.
    """
    delays: list[float] = []
    moved: dict[int, float] = {}
    unseen = early = 0
    numbers = sorted(range(count), key=lambda number: (number % AT_ONCE, number))
    with _Questions(port) as questions:
        for start in range(0, count, AT_ONCE):
            waiting = set(numbers[start : start + AT_ONCE])
            for number in waiting:
                crowd.fail(probed(number))
            until = time.monotonic() + _LONGEST
            while waiting and time.monotonic() < until:
                for number in [*waiting]:
                    if questions.has(name(number), address(number)):
                        continue
                    moved[number] = time.monotonic()
                    waiting.discard(number)
                    failed = crowd.first_failed.get(probed(number))
                    if failed is None:
                        early += 1
                    else:
                        delays.append(moved[number] - failed - (FALL - 1) * gap)
                time.sleep(PACE)
            unseen += len(waiting)
    return Deaths(delays, unseen, early, moved)


def quantiles(found: Deaths) -> dict[str, float]:
    """What is shown of them, in milliseconds."""
    if not found.delays:
        return {"deaths": 0, "unseen": found.unseen, "early": found.early}
    ordered = sorted(1e3 * delay for delay in found.delays)
    return {
        "deaths": len(ordered),
        "unseen": found.unseen,
        "early": found.early,
        "delay_ms_p50": statistics.median(ordered),
        "delay_ms_p99": ordered[max(0, -(-len(ordered) * 99 // 100) - 1)],
        "delay_ms_max": ordered[-1],
    }


class _Questions:
    """A few names, asked again and again by octets made once: parsing would cost the servers' CPU.

    An address is searched for in the octets after the question.
    """

    def __init__(self, port: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.settimeout(0.2)
        self._sock.connect(("127.0.0.1", port))
        self._queries: dict[str, bytes] = {}

    def __enter__(self) -> _Questions:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def has(self, qname: str, address: str) -> bool:
        """Whether the answer has `address`; True also where there is no answer."""
        query = self._queries.get(qname)
        if query is None:
            query = self._queries[qname] = _query(qname, len(self._queries))
        try:
            self._sock.send(query)
            while True:
                response = self._sock.recv(65535)
                if response[:2] == query[:2]:
                    break
        except OSError:
            return True
        answers = int.from_bytes(response[6:8])
        return not answers or socket.inet_aton(address) in response[len(query) :]


def _query(qname: str, number: int) -> bytes:
    query = dns.message.make_query(qname, "A")
    query.flags, query.id = 0, number
    return query.to_wire()
