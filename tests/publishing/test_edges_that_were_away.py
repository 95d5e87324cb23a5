"""Edges of a fleet that takes published sets, stopped, killed and started, with NATS or without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dns.rcode
from cli.command import TIMEOUT, environment
from harness.config import CHAT
from harness.waiting import wait_until
from published_edges import NEAREST, QUICK, PublishedEdge
from published_lab import Lab

WWW = "www A 192.0.2.80\n"


def test_an_edge_that_was_away_takes_the_newest_completed_one_before_it_answers(lab: Lab) -> None:
    away = lab.edges["cdg"]
    assert away.stop() == 0
    lab.central.write(serial=70, records=WWW)
    assert lab.central.publish(*QUICK, "--yes").status == 0
    good = lab.latest()
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
    fra.until(lambda now: bool(now["trouble"]), "says so")
    now = fra.published()
    assert (now["number"], now["on_trial"]) == (before, False)
    assert fra.metric("resolverd_generation_behind") == 1
    fra.write()
    fra.serves(lab.latest())
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
    lab.edges["ams"].until(lambda now: bool(now["on_trial"]), "on trial")
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
    number = lab.latest()
    ams = lab.edges["ams"]
    ams.until(lambda now: bool(now["on_trial"]), "on trial")
    ams.kill()
    ams.start()
    wait_until(lambda: lab.outcome(number)[0] == "returned", "returned", within=TIMEOUT)
    assert "the daemon ended while" in lab.outcome(number)[1]
    lab.everywhere(lab.completed())


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
    lab.everywhere(lab.latest())


def test_an_edge_with_nothing_and_no_fleet_says_what_to_do(tmp_path: Path) -> None:
    lonely = PublishedEdge(tmp_path / "new", "new", ["nats://127.0.0.1:1"])
    lonely.start(ready=False)
    assert lonely.exit_status() == 1
    said = lonely.events.read_text()
    assert "config-no-generation" in said
    assert "resolverd publish" in said
