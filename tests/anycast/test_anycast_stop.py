"""A planned stop loses no query: two edges, a client at 2,000 queries a second."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from anycast.lab import V4, V6, Lab, end, example, lab, needs_bird, until
from anycast.test_anycast_bird import BIRD, plain

pytestmark = needs_bird
RATE, SECONDS = 2000, 8


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab"), (1, 2)) as made:
        for edge in made.edges.values():
            edge.configure(plain())
            edge.bird(edge.adapted(example(BIRD)))
        yield made


@pytest.mark.parametrize("address", [V4, V6])
def test_a_stop_of_an_edge_under_load_loses_nothing(two: Lab, address: str, tmp_path: Path) -> None:
    """The route goes, queries ebb, the process ends, and only then the daemon."""
    begun = {n: (edge.serve(), edge.announce()) for n, edge in two.edges.items()}
    until(lambda: all(two.has(a, n) for a in (V4, V6) for n in begun), "both are announced")
    asking = _asking(two, address)
    first = next(n for n in begun if _serves(two, n, address))
    daemon, anycast = begun.pop(first)
    assert end(anycast) == 0
    assert not two.has(address, first)
    assert end(daemon) == 0
    said = json.loads(asking.communicate(timeout=60)[0])
    for daemon, anycast in begun.values():
        assert end(anycast) == end(daemon) == 0
    assert said["sent"] > RATE * SECONDS * 0.9
    others = [e.events("anycast.unfit") for n, e in two.edges.items() if n != first]
    assert (said["lost"], said["wrong"]) == (0, 0), (said, others, two.router.text("bird.log"))


def _asking(two: Lab, address: str) -> subprocess.Popen[str]:
    script = str(Path(__file__).parent / "queries.py")
    asking = subprocess.Popen(
        ["ip", "netns", "exec", two.router.name, sys.executable, script, address, str(RATE),
         str(SECONDS)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert asking.stdout is not None
    assert asking.stdout.readline() == "asking\n"
    return asking


def _serves(two: Lab, number: int, address: str) -> bool:
    """Whether the router sends clients of an address to that edge."""
    family = "-6" if ":" in address else "-4"
    return f"dev edge{number} " in two.router.run("ip", family, "route", "get", address)
