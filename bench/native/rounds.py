"""Rounds over all servers at once, so that what disturbs the machine disturbs all alike.

In each round every server is loaded for a short while, one after another, with the echo first
and last; ratios are taken within a round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.native.sample import Sample, sample
from bench.native.spread import ratios, spread
from bench.peers.server import Mode, Running

Say = Callable[[str], None]


def measure(
    servers: Sequence[Running], rounds: int, seconds: float, say: Say
) -> tuple[list[dict[str, Any]], dict[str, list[float]]]:
    """A row for each server and mode, and the echo's costs by its place in the round.

    The first of `servers` is the echo. Loads of half of each one's own rate follow, for latency.
    """
    echo, modes = servers[0], tuple(Mode)
    turns = [(served, mode) for served in servers for mode in modes if mode in served.server.modes]
    samples: dict[tuple[str, Mode], list[Sample]] = {(s.server.name, m): [] for s, m in turns}
    drift: dict[str, list[float]] = {"first": [], "last": []}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}, {echo.site.threads} thread(s)")
        for served, mode in turns:
            _warm(served, mode, seconds)
            samples[served.server.name, mode].append(sample(served, mode, seconds))
        drift["first"].append(samples["echo", Mode.STATIC][-1].cost)
        drift["last"].append(sample(echo, Mode.STATIC, seconds).cost)
    rows = []
    for served, mode in turns:
        say(f"latency of {served.server.name}, {mode}")
        taken = samples[served.server.name, mode]
        row = _row(served, mode, taken, samples["echo", mode])
        rows.append(row | {"half_load": half_load(served, mode, row, seconds)})
    return rows, drift


def half_load(served: Running, mode: Mode, row: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Latency where half of what the server can do arrives by the clock."""
    rate = row["answers_per_s"]["median"] / 2
    taken = sample(served, mode, seconds, rate=rate)
    latency = {name: taken.report["latency_us"][name] for name in ("p50", "p99")}
    return {"rate": round(rate), **latency, "lost": taken.lost, "sent": taken.sent}


def _row(
    served: Running, mode: Mode, taken: Sequence[Sample], echoes: Sequence[Sample]
) -> dict[str, Any]:
    return {
        "server": served.server.name,
        "peer": served.server.peer,
        "mode": mode.value,
        "threads": served.site.threads,
        **figures(taken),
        "costs": [round(s.cost, 4) for s in taken],
        "cost_to_echo": ratios([s.cost for s in taken], [s.cost for s in echoes]),
        "rate_to_echo": ratios([s.rate for s in taken], [s.rate for s in echoes]),
    }


def figures(taken: Sequence[Sample]) -> dict[str, Any]:
    """What some samples of one server say, without its place among others."""
    return {
        "answers_per_s": spread([s.rate for s in taken]),
        "cpu_s_per_million": spread([s.cost for s in taken]),
        "sent": sum(s.sent for s in taken),
        "lost": sum(s.lost for s in taken),
        "wrong": sum(s.wrong_count for s in taken),
        "generator_busy": spread([s.busy for s in taken]),
    }


def _warm(served: Running, mode: Mode, seconds: float) -> None:
    """A moment of the same load, so that neither caches nor clocks start cold."""
    sample(served, mode, min(0.1, seconds / 4))


def to_best_peer(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each with its cost as a ratio to the cheapest peer of its mode and threads.

    Beside the ratio of the medians are the least and the most of those within a round.
    """
    compared = []
    for row in rows:
        peers = [
            other
            for other in rows
            if other["peer"] and all(other[key] == row[key] for key in ("mode", "threads"))
        ]
        best = min(peers, key=_cost, default=None)
        compared.append(row | (_to_peer(row, best) if best else _NO_PEER))
    return compared


def _to_peer(row: dict[str, Any], peer: dict[str, Any]) -> dict[str, Any]:
    each = ratios(row["costs"], peer["costs"])
    return {
        "best_peer": peer["server"],
        "cost_to_best_peer": round(_cost(row) / _cost(peer), 3),
        "cost_to_best_peer_rounds": [each["min"], each["max"]],
    }


def _cost(row: dict[str, Any]) -> float:
    median: float = row["cpu_s_per_million"]["median"]
    return median


_NO_PEER = {"best_peer": None, "cost_to_best_peer": None, "cost_to_best_peer_rounds": None}
