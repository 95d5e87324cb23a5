"""Kills and stops at the worst moment: no answer is taken back, and somebody goes on answering."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dns.message
import pytest
from harness.config import CHAT, REGIONS, address_of, config_text
from harness.engines import ENGINES, EngineName
from harness.messages import query
from harness.process import PROBES, Regions
from harness.server import HEAD
from harness.service_manager import DEADLINE, ServiceManager
from harness.waiting import wait_until
from mmdb_writer import Value, write_mmdb

from resolverd.kept.keeper import NAME

BEFORE, AFTER, DRAINED_TO = "us-east", "eu-west", "us-west"


class Service:
    """A service whose clients are all pinned; one daemon after another serves it."""

    def __init__(self, folder: Path, engine: EngineName, regions: Regions) -> None:
        self._folder, self._engine, self._regions = folder, engine, regions
        zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
        (folder / "0.zone").write_text(zone)
        here: dict[str, Value] = {"country_code": "DE", "latitude": 50.1, "longitude": 8.7}
        write_mmdb(folder / "city.mmdb", {"127.0.0.0/8": here})
        self.pin(BEFORE)
        self.manager = ServiceManager(folder)
        self._asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._asking.settimeout(DEADLINE)
        self._asking.connect(("127.0.0.1", self.manager.port))

    def pin(self, *regions: str) -> None:
        """Write a configuration that pins all clients to `regions`."""
        text = config_text(
            f'{CHAT}\n[pin.all]\nsubnets = ["127.0.0.0/8"]\nregions = {json.dumps(regions)}\n',
            server=f'zones = ["*.zone"]\ngeoip = ["city.mmdb"]\nstate = "state"\nwatch = false\n'
            f'engine = "{self._engine}"\nworkers = 1\n',
            admin='socket = "admin.sock"\nlisten = ""\n',
            probe=PROBES,
            urls=dict.fromkeys(REGIONS, self._regions.url),
        )
        (self._folder / "resolverd.toml").write_text(text)

    def shorten_ttls(self) -> None:
        """Have the configuration allow 6 s, once it is kept that it allowed 60."""
        kept = self._folder / "state" / NAME
        wait_until(lambda: "chat" in json.loads(kept.read_text())["given_ttls"],
                   raising=(FileNotFoundError,), within=DEADLINE)  # fmt: skip
        config = self._folder / "resolverd.toml"
        config.write_text(config.read_text().replace(CHAT, f'{CHAT}ttl = "6s"\n'))

    def answer(self) -> str:
        """The address that a client is answered with."""
        self._asking.send(query("chat.inference.example"))
        response = dns.message.from_wire(self._asking.recv(4096))
        return str(response.answer[0][0])

    def request(self, path: str, body: Any = None) -> threading.Thread:
        """Ask the admin socket for something; nobody waits for what comes of it."""

        def ask() -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):  # it is killed meanwhile
                self.manager.ask("POST", path, body)

        asking = threading.Thread(target=ask)
        asking.start()
        return asking

    def close(self) -> None:
        """Stop it."""
        self._asking.close()
        self.manager.close()


@pytest.fixture(params=ENGINES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """It serves, and its clients are pinned to one region."""
    regions = Regions()
    with closing(Service(tmp_path, request.param, regions)) as made:
        made.manager.start()
        made.manager.until_ready()
        yield made
    regions.server.shutdown()
    regions.server.server_close()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_successor_waits_for_the_ttls_that_were_given_before_it(
    service: Service, end: str
) -> None:
    """They were lowered just before; the standby has answered since."""
    service.shorten_ttls()
    assert service.manager.ask("POST", "/reload")[0] == 200
    service.manager.kill() if end == "kill" else service.manager.stop()
    assert service.answer() == address_of(BEFORE)
    service.manager.start()
    service.manager.until_ready()
    _, asked = service.manager.ask("GET", f"/drain?region={BEFORE}")
    assert 6 < asked["wait_seconds"] <= 60


def test_no_kill_takes_back_an_edit_or_a_drain(service: Service) -> None:
    """A pin that is moved, and then a drain, each killed with the first answer that shows it."""

    def move_pin() -> threading.Thread:
        service.pin(AFTER, DRAINED_TO)
        return service.request("/reload?yes=1")

    def drain() -> threading.Thread:
        return service.request("/drain", {"region": AFTER, "why": "new racks", "who": "somebody"})

    changes: list[tuple[Callable[[], threading.Thread], str]] = [
        (move_pin, address_of(AFTER)),
        (drain, address_of(DRAINED_TO)),
    ]
    for change, expected in changes:
        asking, late = change(), time.monotonic() + DEADLINE
        while service.answer() != expected:
            assert time.monotonic() < late, service.manager.log()
        service.manager.kill()
        asking.join()
        answers = [service.answer()]
        service.manager.start()
        while not service.manager.ready:
            answers.append(service.answer())
        answers += [service.answer() for _ in range(10)]
        assert {*answers} == {expected}, service.manager.log()


def test_a_stop_while_whoever_answered_before_is_about_to_end_leaves_somebody_who_answers(
    service: Service,
) -> None:
    """As where a package's upgrade and a configuration's each restart it."""
    service.manager.stop()
    events = [json.loads(line) for line in service.manager.log().splitlines()]
    (standby,) = [event["pid"] for event in events if event["event"] == "standby.answers"]
    os.kill(standby, signal.SIGSTOP)
    service.manager.start()
    assert service.answer() == address_of(BEFORE), "the next daemon answers"
    wait_until(service.manager.unread, "it is told to end", within=DEADLINE)
    service.manager.terminate()
    os.kill(standby, signal.SIGCONT)
    service.manager.stop()
    assert service.answer() == address_of(BEFORE), service.manager.log()
