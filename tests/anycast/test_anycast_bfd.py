"""What BFD costs where a BIRD stands still for a moment, as docs/anycast.md warns."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from anycast.lab import V4, EdgePlace, Lab, Place, example, lab, needs_bird, until
from anycast.test_anycast_bird import BIRD

pytestmark = needs_bird

SHORT = "error wait time 1, 2; "
SESSION = "edge1_v4"


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
    """Whose BFD has found the loss waits its `error wait time`, 60 s by default.

    The router surely has; an edge that comes to may hear of it by TCP first.
    """
    config = one.router.folder / "bird.conf"
    assert SHORT in config.read_text()
    config.write_text(config.read_text().replace(SHORT, ""))
    one.router.birdc("configure")
    edge = begun(one, one.edges[1].adapted(example(BIRD)))
    stand_still(one, edge)
    until(lambda: any(line.endswith("/60") for line in waits(one.router)), "it waits")
    assert not one.has(V4)


def test_a_moment_costs_a_moment_as_the_page_has_it(one: Lab) -> None:
    edge = begun(one, one.edges[1].adapted(example(BIRD)))
    for _ in range(2):
        stand_still(one, edge)
        until(lambda: one.has(V4), "the route again", within=30)


def waits(router: Place) -> list[str]:
    """What BIRD says of its waiting: the seconds that are over, of how many."""
    said = router.birdc("show", "protocols", "all", SESSION).splitlines()
    return [line.rstrip() for line in said if "Error wait:" in line]
