"""Sets published to real edges over a real NATS cluster: the good go everywhere, the bad return."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli.command import TIMEOUT, environment
from harness.config import CHAT
from published_edges import NEAREST, QUICK, Asking
from published_lab import NAMES, Lab

from resolverd.admin.metrics import generations
from resolverd.admin.metrics.registry import declared

WWW = "www A 192.0.2.80\n"


def test_a_good_set_goes_through_the_canary_and_the_waves_to_every_edge(lab: Lab) -> None:
    lab.central.write(serial=8, records=WWW)
    ran = lab.central.publish(*QUICK)
    assert ran.status == 0, ran.err
    for line in ("wave 0 (canary): ams", "ams: proved", "wave 1: cdg", "wave 2: fra", "completed"):
        assert line in ran.out
    assert "[server], [admin], [fleet]" in ran.out  # what is not in it
    number = lab.latest()
    lab.everywhere(number)
    assert {edge.answer("www.inference.example") for edge in lab.edges.values()} == {"192.0.2.80"}
    state = lab.edges["fra"].published()
    assert (state["note"], state["completed"], state["trial"]) == ("a test", number, None)
    listed = lab.central.told("publish --list", "--list")
    assert (listed["completed"], listed["generations"][-1]["outcome"]) == (number, "completed")
    assert {row["edge"]: row["serves"] for row in listed["edges"] if row["live"]} == dict.fromkeys(
        NAMES, number
    )
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
    assert completed < lab.latest()
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
    before = lab.latest()
    lab.central.write(CHAT.replace("us-west", "us-wst"), serial=40, records="www A 192.0.2.999\n")
    ran = lab.central.publish(*QUICK)
    assert ran.status == 1
    assert "us-wst" in ran.err
    assert "zones/0.zone:" in ran.err
    assert lab.latest() == before


def test_a_region_taken_away_is_published_with_yes_alone(lab: Lab) -> None:
    before = lab.latest()
    less = '\n[service.chat]\nregions = ["us-east", "us-west", "eu-west"]\n'
    lab.central.write(less, serial=50)
    ran = lab.central.publish(*QUICK)
    assert ran.status == 1
    assert 'lost-region: the region "ap-northeast" would be gone' in ran.err
    assert lab.latest() == before
    ran = lab.central.publish(*QUICK, "--yes", "--limit", "moved=1")
    assert ran.status == 0, ran.err
    lab.everywhere(before + 1)


def test_a_set_that_moves_too_many_answers_is_returned(lab: Lab) -> None:
    lab.central.write('\n[service.chat]\nregions = ["us-east"]\n', serial=60)
    ran = lab.central.publish(*QUICK, "--yes")
    assert ran.status == 1
    assert "of the panel's answers have moved; limit 0.25" in ran.err
    lab.everywhere(lab.completed())


def test_a_trial_can_be_aborted_and_an_earlier_generation_served_again(lab: Lab) -> None:
    lab.central.write(serial=100, records=WWW)
    assert lab.central.publish("--prove", "60s", "--note", "x", "--no-wait", "--yes").status == 0
    number = lab.latest()
    lab.edges["ams"].until(lambda now: bool(now["on_trial"]), "on trial")
    second = lab.central.publish(*QUICK)
    assert second.status == 3
    assert f"generation {number} of" in second.err
    ended = lab.central.told("publish --abort", "--abort", "--note", "wrong file")
    assert ended["aborted"] == number
    completed = lab.completed()
    lab.everywhere(completed)
    assert lab.outcome(number)[0] == "aborted"
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
    lab.everywhere(lab.latest())


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
        lab.central.write(serial=130, records=f"; {'-' * 77}\n" * 16_000)  # more than fits
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
