"""Whether servers send the same clients to the same regions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from bench.peers.ask import address, ask
from bench.peers.roster import ECHO
from bench.peers.server import Mode, Running

_CLIENTS = 400


def agreement(servers: Sequence[Running]) -> dict[str, float]:
    """Share of clients to whom each server gives what resolverd, or else the first, gives."""
    chance = random.Random(4)
    octets = [(chance.randrange(1, 224), *chance.randbytes(2)) for _ in range(_CLIENTS)]
    clients = ["{}.{}.{}.0".format(*three) for three in octets]
    steering = [
        running
        for running in servers
        if Mode.GEO in running.server.modes and running.server is not ECHO
    ]
    steering.sort(key=lambda running: running.server.peer)
    answers = {
        served.server.name: [_answer(served, client) for client in clients] for served in steering
    }
    first = next(iter(answers.values()), [])
    return {
        name: sum(a == b for a, b in zip(given, first, strict=True)) / _CLIENTS
        for name, given in answers.items()
    }


def _answer(served: Running, client: str) -> str | None:
    origin = next(iter(served.site.world.origins()))
    return address(ask(served.site.port, f"geo.{origin}", subnet=client))
