"""Restarts and upgrades under a real systemd, seen by clients that give up after 300 ms."""

from __future__ import annotations

import pytest
from harness.config import address_of
from harness.engines import ENGINES, EngineName
from systemd.load import PatientLoad
from systemd.service import Service, until

HOME = {address_of("ap-northeast")}
HOLDERS = ("socket unit", "own sockets")


def _hold(service: Service, holder: str) -> None:
    if holder == "own sockets":
        service.systemctl("mask", "resolverd.socket")


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("engine", ENGINES)
def test_no_query_is_lost_over_restarts(service: Service, engine: EngineName, holder: str) -> None:
    service.install(f'engine = "{engine}"\nworkers = 2')
    _hold(service, holder)
    service.start()
    load = PatientLoad(service.box)
    for _ in range(3):
        load.until_sent(500)
        before = service.pid
        service.systemctl("restart", "resolverd.service")
        assert service.pid != before
    load.until_sent(500)
    answers = load.stop()
    assert answers.lost(HOME) == {}, service.journal()


def test_after_a_kill_it_is_back_within_a_second(service: Service) -> None:
    service.start()
    load = PatientLoad(service.box)
    for _ in range(3):
        load.until_sent(500)
        before = service.pid
        service.box.run("kill", "-KILL", str(before))
        until(lambda before=before: service.pid not in (0, before), "another daemon")
        until(lambda: service.show("ActiveState") == "active", "it is ready")
    load.until_sent(500)
    answers = load.stop()
    times = sorted(when for when, _ in answers.received.values())
    print(sorted(b - a for a, b in zip(times, times[1:]))[-4:], answers.lost(HOME), len(answers.sent))
    print(service.journal())
