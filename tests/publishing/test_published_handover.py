"""An edge's standby answers of a published generation, and so does the daemon that succeeds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dns.message
import pytest
from harness.process import Regions
from harness.service_manager import ServiceManager
from harness.trials import LONG
from harness.waiting import wait_until
from published_edges import QUICK, Asking, Central, PublishedEdge
from published_lab import Nats

WWW = "192.0.2.99"
"""An address that no generation has but the second and those after it."""


class SupervisedEdge(PublishedEdge):
    """An edge under a service manager: over the end of its daemon a standby answers."""

    def __init__(self, folder: Path, name: str, urls: list[str]) -> None:
        super().__init__(folder, name, urls)
        self.manager = ServiceManager(folder)
        self.port = self.manager.port
        self.write()

    def published(self) -> Any:
        """What `resolverd state` says of generations."""
        status, state = self.manager.ask("GET", "/state")
        assert status == 200, state
        return state["published"]

    def response(self, name: str = "www.inference.example") -> dns.message.Message:
        """The response, to a name that the first generation does not have."""
        return super().response(name)

    def close(self) -> None:
        """End the daemon and its standby."""
        self.manager.close()

    def standby_answers(self, times: int) -> None:
        """Wait until one has begun to so often."""
        wait_until(
            lambda: self.manager.log().count("standby.answers") == times,
            "the standby answers",
            within=60,
        )

    def succeed(self) -> None:
        """Start a daemon, and wait until it has taken over."""
        self.manager.start()
        self.manager.until_ready()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    """A cluster of three servers."""
    with closing(Nats(tmp_path / "nats")) as made:
        made.start()
        yield made


@pytest.fixture
def central(tmp_path: Path, nats: Nats) -> Central:
    """What is published; its first generation is on trial."""
    made = Central(tmp_path / "central", nats.urls, Regions())
    ran = made.publish(*QUICK, "--no-wait")
    assert ran.status == 0, ran
    return made


@pytest.fixture
def edge(tmp_path: Path, nats: Nats, central: Central) -> Iterator[SupervisedEdge]:
    """The only edge, which serves the second generation for good."""
    with closing(SupervisedEdge(tmp_path / "fra", "fra", nats.urls)) as made:
        made.succeed()
        made.until(lambda now: now["completed"] == 1, "the first generation is completed")
        made.serves(1)
        publish(central, made, 2)
        yield made


def publish(central: Central, edge: SupervisedEdge, number: int) -> None:
    """Publish the next generation, which the edge proves and serves."""
    central.write(serial=number, records=f"www A {WWW}\n")
    ran = central.publish(*QUICK)
    assert ran.status == 0, ran
    edge.serves(number)


def acknowledged(central: Central) -> dict[str, Any]:
    """What the edge has told the fleet that it serves."""
    (row,) = central.told("publish --list", "--list")["edges"]
    return {key: row[key] for key in ("edge", "live", "serves", "trouble")}


def told(number: int) -> dict[str, Any]:
    """What an edge says that serves a generation for good."""
    return {"edge": "fra", "live": True, "serves": number, "trouble": ""}


@pytest.mark.parametrize("end", [ServiceManager.kill, *([ServiceManager.stop] if LONG else [])])
def test_a_successor_serves_the_published_generation_and_the_fleet_hears_it(
    central: Central, edge: SupervisedEdge, end: Callable[[ServiceManager], None]
) -> None:
    with Asking(edge) as asking:
        end(edge.manager)
        edge.standby_answers(1)
        assert str(edge.response().answer[0][0]) == WWW
        edge.succeed()
        edge.serves(2)
    assert asking.answers == {"fra": {WWW}}
    assert edge.published()["completed"] == 2
    wait_until(lambda: acknowledged(central) == told(2), "the fleet has heard it", within=60)
    for refusal in ("generation.recovered", "generation.refused", "generation.failed"):
        assert refusal not in edge.manager.log()
    publish(central, edge, 3)  # which the successor has to prove
    wait_until(lambda: acknowledged(central) == told(3), "the fleet has heard it", within=60)


def test_a_successor_that_cannot_ask_the_fleet_serves_the_generation_that_was_in_force(
    central: Central, edge: SupervisedEdge, nats: Nats
) -> None:
    nats.stop()
    with Asking(edge) as asking:
        edge.manager.kill()
        edge.standby_answers(1)
        edge.succeed()
        assert (edge.published()["number"], edge.published()["on_trial"]) == (2, False)
    assert asking.answers == {"fra": {WWW}}
    assert "generation.alone" in edge.manager.log()
    nats.start()
    publish(central, edge, 3)
    wait_until(lambda: acknowledged(central) == told(3), "the fleet has heard it", within=60)
