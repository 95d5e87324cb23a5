"""Restarts and upgrades under a real systemd, seen by clients that give up after 300 ms."""

from __future__ import annotations

import pytest
from harness.config import address_of
from harness.engines import ENGINES, EngineName
from systemd.load import PatientLoad
from systemd.service import Service, until

HOME = {address_of("ap-northeast")}
HOLDERS = ("socket unit", "own sockets")
AT_ONCE = 32
"""Queries that the workers of an engine may have read and not answered at one moment."""


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


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("engine", ENGINES)
def test_no_query_is_lost_over_kills(service: Service, engine: EngineName, holder: str) -> None:
    """But for the few that were being answered at that moment."""
    service.install(f'engine = "{engine}"\nworkers = 2')
    _hold(service, holder)
    service.start()
    load = PatientLoad(service.box)
    for number in (1, 2):
        load.until_sent(500)
        service.box.run("kill", "-KILL", str(service.pid))
        until(lambda number=number: service.show("NRestarts") == str(number), "a restart")
        until(lambda: service.show("ActiveState") == "active", "it is ready")
    load.until_sent(500)
    answers = load.stop()
    print(answers.lost(HOME), answers.slowest())
    assert answers.lost(HOME).total() <= 2 * AT_ONCE, service.journal()
