"""A real daemon whose uplink is cut: it believes itself to be at fault, and no region dead."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from harness.config import CHAT, address_of, config_text
from harness.waiting import wait_until
from live_daemon import NETWORKS, TOKYO, zone_text
from mmdb_writer import write_mmdb
from uplink import REGION_ADDRESSES, TIMEOUT, Cable, Edge, cable, edge, why_not

NAME = "chat.inference.example"
# A timeout that a crowded test machine keeps: else its own slowness would rightly isolate it.
PROBES = 'interval = "500ms"\nfast_interval = "200ms"\ntimeout = "1500ms"\nfall = 3'
SERVER = 'listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\ngeoip = ["city.mmdb"]\n'
SERVER += 'isolation_window = "30s"\nsettle = "100ms"\n'


@pytest.fixture
def plugged() -> Iterator[Cable]:
    reason = why_not()
    if reason:
        pytest.skip(f"NO UPLINK CUT: {reason}")
    with cable() as made:
        yield made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_mmdb(tmp_path / "city.mmdb", NETWORKS)
    (tmp_path / "example.zone").write_text(zone_text("192.0.2.80"))
    urls = {region: f"http://{address}:8000" for region, address in REGION_ADDRESSES.items()}
    text = config_text(
        CHAT + 'ttl = "20s"\nfailover_ttl = "2s"\n',
        server=SERVER,
        probe=PROBES,
        admin='socket = "admin.sock"\nlisten = ""\n',
        urls=urls,
    )
    (tmp_path / "resolverd.toml").write_text(text)
    return tmp_path


until = partial(wait_until, within=TIMEOUT)


def started(daemon: Edge) -> Edge:
    """Once it has told where it listens."""
    until(lambda: bool(daemon.logged("ready")))
    (ready,) = daemon.logged("ready")
    daemon.port = int(str(ready["listen"][0]).rpartition(":")[2])
    return daemon


def answered(daemon: Edge, home: str) -> int:
    """The TTL in s at which the home region is answered, as it must be."""
    address, ttl = daemon.ask(NAME, TOKYO)
    assert address == home
    return ttl


def transitions(daemon: Edge) -> dict[str, float]:
    """Regions' changes of state, by the state entered."""
    found: dict[str, float] = {}
    for state, count in re.findall(
        r'^resolverd_region_transitions_total\{.*state="(\w+)"\} ([\d.]+)',
        daemon.get("/metrics")[1],
        re.MULTILINE,
    ):
        found[state] = found.get(state, 0) + float(count)
    return found


@pytest.mark.parametrize("end", ["edge", "world"])
def test_a_cut_uplink_moves_no_answer_and_makes_the_host_not_ready(
    plugged: Cable, place: Path, end: str
) -> None:
    """At this end of the cable probes fail at once, at the other they time out."""
    with edge(plugged, place) as began:
        daemon = started(began)
        assert daemon.get("/readyz")[0] == 200
        home = address_of("ap-northeast")
        assert daemon.ask(NAME, TOKYO) == (home, 20)

        plugged.pull(end)
        until(lambda: daemon.get("/readyz")[0] == 503)
        _, body = daemon.get("/readyz")
        assert "no response any more from ap-northeast, eu-west, us-east, us-west" in body
        assert daemon.get("/healthz")[0] == 200
        assert "resolverd_probe_isolated 1.0" in daemon.get("/metrics")[1]
        until(lambda: bool(daemon.logged("isolation.started")))
        assert daemon.logged("isolation.started")[-1]["level"] == "error"
        until(lambda: answered(daemon, home) == 2)
        held_until = time.monotonic() + 5.0  # twice what a fall takes
        while time.monotonic() < held_until:
            assert daemon.ask(NAME, TOKYO) == (home, 2)
        state = json.loads(daemon.get("/state")[1])
        assert not state["ready"]
        assert state["isolation"]["isolated"]
        assert {region["state"] for region in state["regions"]} <= {"up", "suspect"}

        plugged.plug(end)
        until(lambda: daemon.get("/readyz")[0] == 200)
        # A probe sent before the plug may still time out: that lowers the TTL, and moves nothing.
        until(lambda: answered(daemon, home) == 20)
        assert "resolverd_probe_isolated 0.0" in daemon.get("/metrics")[1]
        until(
            lambda: len(daemon.logged("isolation.ended")) == len(daemon.logged("isolation.started"))
        )
        assert not {"down", "recovering", "unknown"} & transitions(daemon).keys()


def test_a_daemon_started_with_its_uplink_cut_serves_but_is_not_ready(
    plugged: Cable, place: Path
) -> None:
    plugged.pull("edge")
    with edge(plugged, place) as began:
        daemon = started(began)
        status, body = daemon.get("/readyz")
        assert status == 503
        assert "no region has responded since the start" in body
        assert daemon.ask(NAME, TOKYO)[0] == address_of("ap-northeast")
        plugged.plug("edge")
        until(lambda: daemon.get("/readyz")[0] == 200)
