"""What BFD costs where a BIRD stands still for a moment, as docs/anycast.md warns."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from anycast.lab import V4, EdgePlace, Lab, example, lab, needs_bird, until
from anycast.test_anycast_bird import BIRD

pytestmark = needs_bird

SHORT = "  error wait time 1, 5;\n"
SESSION = "router_v4"


@pytest.fixture
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as made:
        yield made


def begun(one: Lab, config: str) -> EdgePlace:
    """An edge whose BIRD announces an address."""
    edge = one.edges[1]
    edge.bird(config)
    edge.birdc("enable", "anycast_v4")
    until(lambda: one.has(V4), "the route")
    return edge


def stand_still(one: Lab, edge: EdgePlace) -> None:
    """Hold BIRD until the router has given it up, and no longer."""
    bird = edge.processes[-1]
    bird.send_signal(signal.SIGSTOP)
    try:
        until(lambda: not one.has(V4), "BFD has noticed")
    finally:
        bird.send_signal(signal.SIGCONT)


def test_a_moment_costs_a_minute_by_default(one: Lab) -> None:
    """Both have lost the session, and each waits its own `error wait time`, 60 s by default."""
    config = one.edges[1].adapted(example(BIRD))
    assert SHORT in config
    edge = begun(one, config.replace(SHORT, ""))
    stand_still(one, edge)
    until(lambda: "/60\n" in waits(edge), "it waits")
    assert not one.has(V4)


def test_a_moment_costs_a_moment_as_the_page_has_it(one: Lab) -> None:
    edge = begun(one, one.edges[1].adapted(example(BIRD)))
    for _ in range(2):
        stand_still(one, edge)
        until(lambda: one.has(V4), "the route again", within=30)


def waits(edge: EdgePlace) -> str:
    """What BIRD says of its waiting: the seconds that are over, of how many."""
    said = edge.birdc("show", "protocols", "all", SESSION).splitlines(keepends=True)
    return "".join(line for line in said if "Error wait:" in line)
