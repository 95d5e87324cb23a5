"""`resolverd rtt --measure` beside a real front door, whose clients are really far away."""

from __future__ import annotations

import csv
import gzip
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cli.command import environment
from harness.delayed_link import DelayedLink
from harness.namespace import needs_root
from harness.server import HEAD as ZONE
from harness.waiting import wait_until

from resolverd.rtt.kept_table import KEPT_NAME

DELAY = 0.03
DOOR, DOOR_V6 = "9.9.9.9", "2620:fe::9"
HEAD = "where,region,ms,count,age"


@dataclass
class FrontDoor:
    """A region's front door in the far namespace of a link, and what is open to it."""

    link: DelayedLink
    server: socket.socket
    open: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.server.getsockname()[1]
        return port

    def visit(self, client: str, octets: bytes = b"GET / HTTP/1.1\r\n") -> None:
        """Have a client of the near namespace connect, and send some octets that arrive."""
        family = socket.AF_INET6 if ":" in client else socket.AF_INET
        coming = self.link.near.do(lambda: socket.socket(family))
        coming.settimeout(20)
        coming.bind((client, 0))
        coming.connect((DOOR_V6 if ":" in client else DOOR, self.port))
        accepted, _ = self.server.accept()
        self.open += [coming, accepted]
        if octets:
            coming.send(octets)
            assert accepted.recv(len(octets), socket.MSG_WAITALL) == octets


@pytest.fixture(scope="module")
def link() -> Iterator[DelayedLink]:
    with DelayedLink(DELAY) as made:
        made.near.address("192.0.2.200/32")  # the edge's own
        made.far.address(f"{DOOR}/32")
        made.far.address(f"{DOOR_V6}/128")
        for client in range(1, 7):
            made.near.address(f"8.8.8.{client}/32")
            made.near.address(f"8.8.4.{client}/32")
            made.near.address(f"10.0.0.{client}/32")
            made.near.address(f"2001:4860:1:{client}00::1/128")
        yield made


@pytest.fixture
def door(link: DelayedLink) -> Iterator[FrontDoor]:
    listening = link.far.do(
        lambda: socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    )
    listening.settimeout(20)
    with listening:
        made = FrontDoor(link, listening)
        yield made
        for each in made.open:
            each.close()


@contextmanager
def measuring(
    door: FrontDoor, *options: str, address: str = "127.0.0.1"
) -> Iterator[tuple[str, int]]:
    """The verb, beside the door; where it serves its page. It has to end well."""
    command = [
        *(sys.executable, "-m", "resolverd", "rtt", "--measure", "--region", "eu-west"),
        *("--port", str(door.port), "--listen", f"{address}:0", "--log", "json", *options),
    ]
    process = door.link.far.do(
        lambda: subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())
    )
    with process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            found = re.search(r'"listener": ?"[\d.]+:(\d+)"', line)
            assert found, line + process.stderr.read()
            yield address, int(found[1])
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert '"error"' not in process.stderr.read()


def fetched(
    door: FrontDoor, place: tuple[str, int], path: str = "/", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    def ask() -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(*place, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers=named)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    return door.link.far.do(ask)


def rows(page: bytes) -> dict[str, tuple[int, int, int]]:
    head, *lines = page.decode().splitlines()
    assert head == HEAD
    parts = [line.split(",") for line in lines]
    assert all(region == "eu-west" for _, region, *_ in parts)
    return {where: (int(ms), int(count), int(age)) for where, _, ms, count, age in parts}


@needs_root
def test_networks_are_shown_with_the_time_that_packets_take(door: FrontDoor) -> None:
    for client in range(1, 7):
        door.visit(f"8.8.8.{client}")
        door.visit(f"2001:4860:1:{client}00::1")
    for client in range(1, 5):
        door.visit(f"8.8.4.{client}")  # too few
        door.visit(f"10.0.0.{client}")  # of no public network
    with measuring(door) as place:
        response, body = fetched(door, place)
        assert (response.status, response.headers["Content-Type"]) == (
            200,
            "text/csv; charset=utf-8",
        )
        known = rows(body)
        assert known.keys() == {"8.8.8.0/24", "2001:4860:1::/48"}
        for ms, count, age in known.values():
            assert 2000 * DELAY <= ms < 2000 * DELAY + 25
            assert (count, age) == (5, 600)

        again, nothing = fetched(door, place, If_None_Match=response.headers["ETag"])
        assert (again.status, nothing) == (304, b"")
        packed, body = fetched(door, place, Accept_Encoding="br, gzip;q=0.5")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert rows(gzip.decompress(body)) == known
        plain, body = fetched(door, place, Accept_Encoding="gzip;q=0")
        assert "Content-Encoding" not in plain.headers
        assert rows(body) == known
        health, text = fetched(door, place, "/healthz")
        assert health.status == 200
        assert text.startswith(b"2 networks shown, 16 clients known")
        assert fetched(door, place, "/else")[0].status == 404


@needs_root
def test_one_client_is_shown_where_the_operator_says_so(door: FrontDoor) -> None:
    door.visit("10.0.0.1")
    with measuring(door, "--private", "--min-clients", "1") as place:
        assert rows(fetched(door, place)[1]).keys() == {"10.0.0.0/24"}


@needs_root
def test_who_sends_nothing_and_who_is_excepted_are_no_clients(door: FrontDoor) -> None:
    door.visit("8.8.8.1", b"")  # a load balancer's check
    door.visit("8.8.4.1")
    door.visit("2001:4860:1:100::1")
    with measuring(door, "--min-clients", "1", "--except", "8.8.4.1/32") as place:
        assert rows(fetched(door, place)[1]).keys() == {"2001:4860:1::/48"}


@needs_root
def test_who_comes_later_is_measured_by_the_next_look(door: FrontDoor) -> None:
    with measuring(door, "--min-clients", "1", "--interval", "100ms") as place:
        assert rows(fetched(door, place)[1]) == {}
        door.visit("8.8.8.1")

        def known() -> bool:
            return b"1 clients known" in fetched(door, place, "/healthz")[1]

        wait_until(known, "the client", within=20)
        assert rows(fetched(door, place)[1]) == {}, "nobody's coming shows before the next page"


CONFIG = """
[server]
coordinates = [50.1, 8.7]
listen = ["127.0.0.1:0"]
zones = ["*.zone"]
state = "state"
[admin]
socket = ""
listen = ""
[rtt]
keep_interval = "2s"
[region.eu-west]
coordinates = [53.3, -6.3]
rtt = ["http://{page}/"]
[[region.eu-west.endpoint]]
address = ["192.0.2.10"]
url = "tcp://{door}"
probe = {{ kind = "tcp" }}
[service.chat]
regions = ["eu-west"]
policy = "latency"
"""


@needs_root
def test_an_edge_far_away_keeps_what_the_region_measured(door: FrontDoor, tmp_path: Path) -> None:
    """From the clients' connections over the region's page to the edge's table, and its Plan."""
    for client in range(1, 7):
        door.visit(f"8.8.8.{client}")
    (tmp_path / "0.zone").write_text(f"$ORIGIN inference.example.\n{ZONE}chat 60 DYNA chat\n")
    with measuring(door, address=DOOR) as (address, port):
        text = CONFIG.format(page=f"{address}:{port}", door=f"{DOOR}:{door.port}")
        (tmp_path / "resolverd.toml").write_text(text)
        command = [sys.executable, "-m", "resolverd", "serve", "--log", "json"]
        edge = door.link.near.do(
            lambda: subprocess.Popen(
                command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
            )
        )
        with edge:
            assert edge.stderr is not None
            logged: list[str] = []
            try:
                for line in edge.stderr:
                    logged.append(line)
                    if "tables of round-trip times: changed" in line:
                        break
            finally:
                edge.terminate()
                edge.stderr.read()
                assert edge.wait(30) == 0, logged
    with (tmp_path / "state" / KEPT_NAME).open() as file:
        kept = {row["where"]: row for row in csv.DictReader(file)}
    assert kept.keys() == {"50.1 8.7", "8.8.8.0/24"}
    for row in kept.values():
        assert row["region"] == "eu-west"
        assert 2000 * DELAY - 1 <= float(row["ms"]) < 2000 * DELAY + 40
    assert kept["8.8.8.0/24"]["count"] == "5"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "say what to do"),
        (("--measure",), "--region NAME"),
        (("--measure", "--region", "eu west"), "not a region's name"),
        (("--measure", "--region", "a", "--port", "0"), "not a port"),
        (("--measure", "--region", "a", "--except", "10.1.1.1/8"), "has host bits set"),
        (("--measure", "--region", "a", "--window", "0s"), "from 100ms"),
        (("--measure", "--region", "a", "--min-clients", "0"), "such as 5"),
        (("--measure", "--region", "a", "--listen", "9091"), "ADDRESS:PORT"),
    ],
)
def test_a_wrong_command_line_is_said(options: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "resolverd", "rtt", *options],
        capture_output=True, text=True, check=False, env=environment(), timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr


def test_an_address_in_use_ends_it_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "resolverd", "rtt", "--measure", "--region", "a",
             "--listen", listen],
            capture_output=True, text=True, check=False, env=environment(), timeout=60,
        )  # fmt: skip
    assert done.returncode == 3
    assert f"{listen} cannot be had: {os.strerror(98)}" in done.stderr
