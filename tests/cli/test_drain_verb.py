"""drain with a daemon that runs: when it is safe, what it refuses, and what ends it early."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command import TIMEOUT, process, resolverd
from cli.live import Live, live_chat
from harness.config import CHAT
from harness.waiting import wait_until

# The DYNA record of the zone allows 60 s, the service 3 s.
SERVICES = f"""{CHAT}
ttl = "3s"
failover_ttl = "1s"

[pin.gdpr]
countries = ["DE"]
regions = ["eu-west"]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One daemon for the whole module; each test leaves it as it was."""
    with live_chat(tmp_path_factory.mktemp("served"), SERVICES) as found:
        yield found


@pytest.fixture
def place(served: Live) -> Iterator[Path]:
    yield served.place
    for region in ("ap-northeast", "us-east", "eu-west"):
        resolverd("clear", region, cwd=served.place)


def kinds(place: Path) -> dict[str, str]:
    document = resolverd("state", "--json", cwd=place).json()
    return {override["target"]: override["kind"] for override in document["overrides"]}


def test_it_says_that_it_is_safe_once_the_last_ttl_has_run_out(place: Path) -> None:
    began = time.monotonic()
    ran = process("drain", "ap-northeast", "--for", "5m", "--why", "racks", cwd=place)
    assert (ran.status, ran.err) == (0, "")
    assert time.monotonic() - began >= 3.0
    drained, undo, waiting, safe = ran.out.splitlines()
    assert drained.startswith("ap-northeast: drained for 5m; the last TTL runs out in 3s, at 20")
    assert undo.startswith("undo: resolverd clear ap-northeast; other edge hosts")
    # Of the 3 s it counts what is left when it comes to say so.
    assert re.fullmatch("waiting [123]s: TTLs that name ap-northeast run out", waiting)
    assert safe == "ap-northeast: safe to stop"
    assert kinds(place) == {"ap-northeast": "drain"}


def test_without_waiting_programs_are_given_when_it_will_be_safe(place: Path) -> None:
    ran = resolverd(
        "drain", "us-east", "--why", "racks", "--no-wait", "--json",
        "--socket", place / "admin.sock", "--socket", place / "admin.sock", cwd=place,
    )  # fmt: skip
    document = ran.json()
    assert (ran.status, document["safe"], document["wait_seconds"]) == (0, False, 3.0)
    assert len(document["edges"]) == 2
    assert document["edges"][0]["services"] == [{"service": "chat", "ttl_seconds": 3.0}]


def test_the_last_region_of_a_fence_is_drained_only_by_force(place: Path) -> None:
    ran = resolverd("drain", "eu-west", "--why", "racks", cwd=place)
    assert ran.status == 1
    assert "without eu-west no region serves service chat under pin gdpr" in ran.err
    assert kinds(place) == {}
    ran = resolverd("drain", "eu-west", "--why", "racks", "--no-wait", "--force", cwd=place)
    assert ran.status == 0
    assert "no region serves service chat under pin gdpr now" in ran.err
    assert kinds(place) == {"eu-west": "drain"}


def test_a_drain_that_ends_before_it_is_safe_is_refused(place: Path) -> None:
    ran = resolverd("drain", "us-east", "--for", "2s", "--why", "racks", cwd=place)
    assert ran.status == 2
    assert "would end before it is safe: TTLs run out in 3s" in ran.err
    assert kinds(place) == {}


def test_one_that_is_refused_takes_the_place_of_nothing(place: Path) -> None:
    assert resolverd("override", "us-east", "down", "--why", "off", cwd=place).status == 0
    ran = resolverd("drain", "us-east", "--for", "2s", "--why", "racks", cwd=place)
    assert ran.status == 2
    assert kinds(place) == {"us-east": "down"}


def test_an_unknown_region_is_named_with_the_near_ones(place: Path) -> None:
    ran = resolverd("drain", "us-eats", "--why", "racks", cwd=place)
    assert ran.status == 2
    assert "us-east" in ran.err


def test_somebody_else_clears_it_before_it_is_safe(place: Path) -> None:
    def clear() -> None:
        wait_until(lambda: bool(kinds(place)), "the drain is there", within=TIMEOUT)
        resolverd("clear", "us-east", cwd=place)

    other = threading.Thread(target=clear)
    other.start()
    ran = process("drain", "us-east", "--why", "racks", cwd=place)
    other.join()
    assert ran.status == 1
    assert "us-east is not drained any more" in ran.err
    assert "safe to stop" not in ran.out


def test_ttls_of_an_edit_that_is_replaced_are_waited_out_too(place: Path) -> None:
    """The service allowed 30 s until a moment ago."""
    config = place / "resolverd.toml"
    before = config.read_text()
    config.write_text(before.replace('ttl = "3s"', 'ttl = "30s"', 1))
    assert resolverd("reload", cwd=place).status == 0
    config.write_text(before)
    assert resolverd("reload", cwd=place).status == 0
    document = resolverd("drain", "us-east", "--why", "x", "--no-wait", "--json", cwd=place).json()
    assert 20.0 < document["wait_seconds"] <= 30.0
