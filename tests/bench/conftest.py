"""The load generator and the echo, compiled once for these tests; a result file's shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.load.build import Programs, build, compiler


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    if compiler() is None:
        pytest.skip("NO C COMPILER: the load generator of the bench is not tested")
    return build(tmp_path_factory.mktemp("load"))


@pytest.fixture
def results_document() -> dict[str, Any]:
    return result([("echo", 3.0), ("resolverd native", 3.2), ("gdnsd", 4.0), ("pdns", 30.0)])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def result(costs: list[tuple[str, float]]) -> dict[str, Any]:
    """A result file, as `bench.native.run` writes it, of servers that cost so much."""
    rows = [_row(name, cost, mode) for name, cost in costs for mode in ("static", "geo + ECS")]
    return {
        "name": "native",
        "platform": "Linux",
        "cpu": "A <CPU> & more",
        "cores": 2,
        "commit": "0123456789abcdef",
        "seconds": 0.5,
        "rounds": 3,
        "generator": {"queries_per_s": 1_000_000, "segments": True},
        "rows": rows,
        "servers": {
            name: {
                "version": "1.2",
                "start_s": 1.0,
                "reload_s": None if name == "echo" else 0.1,
                "resident_mib": 10.0,
                "same_answers": None if name == "echo" else 0.5,
            }
            for name, _ in costs
        },
        "drift": {"1": {"first": [3.0], "last": [3.1]}},
        "sizes": [],
        "while_serving": [],
        "absent": {"knot": "knotd is not installed"},
        "took_s": 240,
    }


def _row(name: str, cost: float, mode: str) -> dict[str, Any]:
    return {
        "server": name,
        "peer": name not in {"echo", "resolverd native"},
        "mode": mode,
        "threads": 1,
        "answers_per_s": _spread(1e6 / cost),
        "cpu_s_per_million": _spread(cost),
        "costs": [0.9 * cost, cost, 1.1 * cost],
        "cost_to_echo": _spread(cost / 3.0),
        "rate_to_echo": _spread(3.0 / cost),
        "sent": 1000,
        "lost": 7,
        "wrong": 0,
        "generator_busy": _spread(0.5),
        "cost_to_best_peer": round(cost / 4.0, 3),
        "cost_to_best_peer_rounds": [round(cost / 4.0, 3)] * 2,
        "best_peer": "gdnsd",
        "half_load": {"rate": 500, "p50": 20.0, "p99": 90.0, "lost": 0, "sent": 500},
    }


def _spread(value: float) -> dict[str, float]:
    return {"min": 0.9 * value, "median": value, "max": 1.1 * value}
