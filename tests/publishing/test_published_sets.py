"""Sets published to real edges over a real NATS cluster: the good go everywhere, the bad return."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dns.rcode
import pytest
from cli.command import TIMEOUT, environment
from harness.config import CHAT
from harness.nats import NatsCluster
from harness.process import Regions
from harness.waiting import wait_until
from published_edges import NEAREST, QUICK, Asking, Central, PublishedEdge

from resolverd.admin.metrics import generations
from resolverd.admin.metrics.registry import declared

NAMES = ("ams", "cdg", "fra")
WWW = "www A 192.0.2.80\n"


class Nats:
    """A cluster of three real servers, for tests that wait by themselves."""

    def __init__(self, folder: Path) -> None:
        self._loop, self._cluster, self._runs = asyncio.Runner(), NatsCluster(folder), False
        self.urls = self._cluster.urls

    def start(self) -> None:
        """Start it, unless it runs."""
        if not self._runs:
            self._loop.run(self._cluster.start())
        self._runs = True

    def stop(self) -> None:
        """Kill all three."""
        self._loop.run(self._cluster.stop())
        self._runs = False

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._loop.close()


class Lab(NamedTuple):
    """Three edges, ams the canary, that serve generation 1 or a later one; their NATS."""

    nats: Nats
    central: Central
    edges: dict[str, PublishedEdge]
    regions: Regions

    def everywhere(self, number: int) -> None:
        for edge in self.edges.values():
            edge.serves(number)

    def completed(self) -> int:
        """The number that every edge is to serve, by those that run."""
        found = [0]
        for edge in self.edges.values():
            with contextlib.suppress(AssertionError, OSError):
                found.append(edge.published()["completed"])
        return max(found)

    def outcome(self, number: int) -> dict[str, str]:
        rows = {row["number"]: row for row in self.central.listed()["generations"]}
        return {"outcome": rows[number]["outcome"], "why": rows[number]["why"]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The fleet after its first generation: published before any edge was there."""
    folder, regions = tmp_path_factory.mktemp("fleet"), Regions()
    with contextlib.closing(Nats(folder)) as nats:
        nats.start()
        central = Central(folder / "central", nats.urls, regions)
        edges = {name: PublishedEdge(folder / name, name, nats.urls) for name in NAMES}
        try:
            ran = central.publish(*QUICK, "--no-wait")
            assert ran.status == 0, ran
            for edge in edges.values():
                edge.start()
            for edge in edges.values():
                edge.serves(1)
            yield Lab(nats, central, edges, regions)
        finally:
            for edge in edges.values():
                edge.close()


@pytest.fixture
def lab(fleet: Lab) -> Lab:
    """The same, with everything running, its files as they were first."""
    fleet.nats.start()
    fleet.central.write()
    for edge in fleet.edges.values():
        with contextlib.suppress(AssertionError):
            edge.published()
            continue
        edge.write()
        edge.start()
    fleet.everywhere(fleet.completed())
    return fleet


def latest(lab: Lab) -> int:
    """The number that was published last."""
    return int(lab.central.listed()["generations"][-1]["number"])


def test_a_good_set_goes_through_the_canary_and_the_waves_to_every_edge(lab: Lab) -> None:
    lab.central.write(serial=8, records=WWW)
    ran = lab.central.publish(*QUICK)
    assert ran.status == 0, ran.err
    for line in ("wave 0 (canary): ams", "ams: proved", "wave 1: cdg", "wave 2: fra", "completed"):
        assert line in ran.out
    assert "[server], [admin], [fleet]" in ran.out  # what is not in it
    number = latest(lab)
    lab.everywhere(number)
    assert {edge.answer("www.inference.example") for edge in lab.edges.values()} == {"192.0.2.80"}
    state = lab.edges["fra"].published()
    assert (state["note"], state["completed"], state["trial"]) == ("a test", number, None)
    for family in declared(generations):
        value = lab.edges["cdg"].metric(family.name)
        assert value == (number if family.name.endswith(("served", "completed")) else 0.0)


def test_a_set_that_cannot_serve_is_returned_and_nobody_else_has_answered_of_it(lab: Lab) -> None:
    dead = CHAT + 'all_down = "servfail"\n'
    lab.central.write(dead, url="http://127.0.0.1:1", serial=20)
    with Asking(lab.edges["cdg"], lab.edges["fra"]) as asking:
        ran = lab.central.publish(*QUICK)
    assert ran.status == 1
    assert "was returned: ams: " in ran.err
    assert "no region that serves" in ran.err
    assert asking.answers == {"cdg": {NEAREST}, "fra": {NEAREST}}
    completed = lab.completed()
    assert completed < latest(lab)
    lab.everywhere(completed)
    assert lab.edges["ams"].answer() == NEAREST
    assert lab.edges["ams"].said("generation.failed")


def test_a_set_that_one_edges_own_file_contradicts_is_returned_from_everywhere(lab: Lab) -> None:
    own = '[place.office]\nsubnets = ["198.51.100.0/24"]\ncoordinates = [50.0, 8.0]\n'
    lab.edges["fra"].stop()
    lab.edges["fra"].write(own)
    lab.edges["fra"].start()
    lab.central.write(CHAT + own, serial=30)
    ran = lab.central.publish(*QUICK)
    assert ran.status == 1
    assert "fra: " in ran.err
    assert "place.office" in ran.err
    lab.everywhere(lab.completed())
    lab.edges["fra"].stop()  # the next test has its first file


def test_a_set_with_a_mistake_is_not_published_and_every_problem_is_said(lab: Lab) -> None:
    before = latest(lab)
    lab.central.write(CHAT.replace("us-west", "us-wst"), serial=40, records="www A 192.0.2.999\n")
    ran = lab.central.publish(*QUICK)
    assert ran.status == 1
    assert "us-wst" in ran.err
    assert "zones/0.zone:" in ran.err
    assert latest(lab) == before


def test_a_region_taken_away_is_published_with_yes_alone(lab: Lab) -> None:
    before = latest(lab)
    less = '\n[service.chat]\nregions = ["us-east", "us-west", "eu-west"]\n'
    lab.central.write(less, serial=50)
    ran = lab.central.publish(*QUICK)
    assert ran.status == 1
    assert 'lost-region: the region "ap-northeast" would be gone' in ran.err
    assert latest(lab) == before
    ran = lab.central.publish(*QUICK, "--yes", "--limit", "moved=1")
    assert ran.status == 0, ran.err
    lab.everywhere(before + 1)


def test_a_set_that_moves_too_many_answers_is_returned(lab: Lab) -> None:
    lab.central.write('\n[service.chat]\nregions = ["us-east"]\n', serial=60)
    ran = lab.central.publish(*QUICK, "--yes")
    assert ran.status == 1
    assert "of the panel's answers have moved; limit 0.25" in ran.err
    lab.everywhere(lab.completed())


def test_an_edge_that_was_away_takes_the_newest_completed_one_before_it_answers(lab: Lab) -> None:
    away = lab.edges["cdg"]
    assert away.stop() == 0
    lab.central.write(serial=70, records=WWW)
    assert lab.central.publish(*QUICK, "--yes").status == 0
    good = latest(lab)
    lab.central.write(CHAT + 'all_down = "servfail"\n', url="http://127.0.0.1:1", serial=71)
    assert lab.central.publish(*QUICK).status == 1
    away.start()
    now = away.published()
    assert (now["number"], now["on_trial"]) == (good, False)
    assert away.answer() == NEAREST


def test_a_set_that_was_damaged_on_the_disk_is_fetched_again_at_a_start(lab: Lab) -> None:
    edge = lab.edges["fra"]
    written = edge.state / "generations" / "current" / "resolverd.toml"
    good = written.read_bytes()
    edge.stop()
    written.write_bytes(b"\0")
    edge.start()
    assert edge.answer() == NEAREST
    assert written.read_bytes() == good
    assert edge.published()["trouble"] is None


def test_an_edge_that_cannot_serve_what_was_completed_meanwhile_serves_on_until_it_can(
    lab: Lab,
) -> None:
    own = '[place.lab]\nsubnets = ["198.51.100.0/24"]\ncoordinates = [50.0, 8.0]\n'
    fra, before = lab.edges["fra"], lab.completed()
    fra.stop()
    lab.central.write(CHAT + own, serial=75, records="only A 192.0.2.75\n")
    assert lab.central.publish(*QUICK, "--yes").status == 0
    fra.write(own)
    fra.start()
    assert fra.answer() == NEAREST
    assert fra.response("only.inference.example").rcode() == dns.rcode.NXDOMAIN
    wait_until(lambda: bool(fra.published()["trouble"]), "it says so", within=TIMEOUT)
    now = fra.published()
    assert (now["number"], now["on_trial"]) == (before, False)
    assert fra.metric("resolverd_generation_behind") == 1
    fra.write()
    fra.serves(latest(lab))
    assert fra.answer("only.inference.example") == "192.0.2.75"
    assert fra.published()["trouble"] is None


def test_an_edge_that_goes_away_in_its_wave_returns_the_set(lab: Lab) -> None:
    lab.central.write(serial=80, records=WWW)
    publishing = subprocess.Popen(
        [sys.executable, "-m", "resolverd", "publish", "--prove", "3s", "--patience", "5s",
         "--note", "away", "--waves", "1", "--yes"],
        cwd=lab.central.folder, env=environment(), stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: lab.edges["ams"].published()["on_trial"], "it is on trial", within=TIMEOUT)
    assert lab.edges["ams"].kill() == -9
    said = publishing.communicate(timeout=TIMEOUT)[1]
    assert publishing.returncode == 1
    assert "ams: no report within 8 s" in said
    lab.edges["ams"].start()
    completed = lab.completed()
    lab.everywhere(completed)
    assert lab.edges["ams"].said("generation.recovered")


def test_a_canary_that_dies_on_trial_and_is_back_at_once_has_failed(lab: Lab) -> None:
    lab.central.write(serial=90, records=WWW)
    ran = lab.central.publish("--prove", "60s", "--note", "dies", "--no-wait", "--yes")
    assert ran.status == 0
    number = latest(lab)
    ams = lab.edges["ams"]
    wait_until(lambda: ams.published()["on_trial"], "it is on trial", within=TIMEOUT)
    ams.kill()
    ams.start()
    wait_until(lambda: lab.outcome(number)["outcome"] == "returned", "returned", within=TIMEOUT)
    assert "the daemon ended while" in lab.outcome(number)["why"]
    lab.everywhere(lab.completed())


def test_a_trial_can_be_aborted_and_an_earlier_generation_served_again(lab: Lab) -> None:
    lab.central.write(serial=100, records=WWW)
    assert lab.central.publish("--prove", "60s", "--note", "x", "--no-wait", "--yes").status == 0
    number = latest(lab)
    wait_until(lambda: lab.edges["ams"].published()["on_trial"], "it is on trial", within=TIMEOUT)
    second = lab.central.publish(*QUICK)
    assert second.status == 3
    assert f"generation {number} of" in second.err
    ended = lab.central.told("publish --abort", "--abort", "--note", "wrong file")
    assert ended["aborted"] == number
    completed = lab.completed()
    lab.everywhere(completed)
    assert lab.outcome(number)["outcome"] == "aborted"
    refused = lab.central.publish("--to", str(number), "--note", "again")
    assert refused.status == 2
    assert "no generation 0" in lab.central.publish("--to", "0", "--note", "again").err
    again = lab.central.told("publish", "--to", str(completed), *QUICK)
    assert (again["outcome"], again["again"]) == ("completed", completed)
    lab.everywhere(number + 1)
    shown = lab.central.told("publish --show", "--show", str(number + 1))
    assert shown["again"] == completed
    assert sorted(shown["sizes"]) == ["resolverd.toml", "zones/0.zone"]


def test_two_publishes_at_once_have_one_winner(lab: Lab) -> None:
    lab.central.write(serial=110, records=WWW)
    arguments = [sys.executable, "-m", "resolverd", "publish", *QUICK, "--yes"]
    both = [
        subprocess.Popen(
            arguments, cwd=lab.central.folder, env=environment(), text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for each in both:
        each.communicate(timeout=TIMEOUT)
    assert sorted(each.returncode for each in both) == [0, 3]
    lab.everywhere(latest(lab))


def test_edges_start_without_nats_from_the_last_good_set(lab: Lab) -> None:
    completed = lab.completed()
    lab.nats.stop()
    fra = lab.edges["fra"]
    assert fra.stop() == 0
    fra.start()
    assert fra.answer() == NEAREST
    assert fra.published()["number"] == completed
    assert fra.said("generation.alone")
    assert lab.central.publish(*QUICK).status == 3
    lab.nats.start()
    lab.central.write(serial=120, records=WWW)
    ran = lab.central.publish(*QUICK, "--yes")
    assert ran.status == 0, ran.err
    lab.everywhere(latest(lab))


def test_a_full_disk_returns_the_set_and_leaves_what_is_served(lab: Lab, tmp_path: Path) -> None:
    fra = lab.edges["fra"]
    fra.stop()
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    was, fra.state = fra.state, small
    try:
        fra.write()
        fra.start()
        fra.serves(lab.completed())
        many = "".join(f"n{number} A 192.0.2.80\n" for number in range(60_000))
        lab.central.write(serial=130, records=many)
        ran = lab.central.publish(*QUICK, "--yes")
        assert ran.status == 1
        assert "fra: " in ran.err
        assert "No space left on device" in ran.err
        lab.everywhere(lab.completed())
        assert fra.answer() == NEAREST
    finally:
        fra.stop()
        fra.state = was
        subprocess.run(["umount", str(small)], check=True)


def test_an_edge_with_nothing_and_no_fleet_says_what_to_do(lab: Lab, tmp_path: Path) -> None:
    lonely = PublishedEdge(tmp_path / "new", "new", ["nats://127.0.0.1:1"])
    lonely.start(ready=False)
    assert lonely.exit_status() == 1
    said = lonely.events.read_text()
    assert "config-no-generation" in said
    assert "resolverd publish" in said
