"""A stop goes on once queries have ebbed, by the daemon's counter, and not by its silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from resolverd.anycast import run
from resolverd.anycast.announcer import Announcer
from resolverd.anycast.fitness import Daemon
from resolverd.anycast.fleet import NoFloor
from resolverd.anycast.run import Edge
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Anycast

V4 = "192.0.2.53"


class Counted:
    """A daemon's counter of queries, reading by reading; None where it says nothing in time.

    The last reading is repeated.
    """

    own_queries = 0

    def __init__(self, queries: Sequence[int | None]) -> None:
        self.queries, self.asked = queries, 0

    async def ask_daemon(self) -> Daemon | None:
        number = self.queries[min(self.asked, len(self.queries) - 1)]
        self.asked += 1
        return None if number is None else Daemon(queries=number)


class Still:
    """A speaker that has nothing to do."""

    proves = True

    async def apply(self, address: str, phase: Phase) -> None: ...

    async def proved(self) -> Mapping[str, Phase]:
        return {V4: Phase.WITHDRAWN}

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("queries", "asked"),
    [
        ([100, 100], 2),
        ([100, 900, 1200, 1200], 4),
        ([100, None, 900, 900], 4),
        ([None, 100, 900, 900], 4),
        ([100, None, None, 100], 4),
        ([100, 5, 5], 3),
    ],
    ids=["none-come", "fewer-and-fewer", "late-once", "late-at-first", "late-twice", "another"],
)
async def test_it_waits_for_two_readings_that_are_the_same(
    queries: Sequence[int | None], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_EBB_INTERVAL", 0.001)
    looking = Counted(queries)
    event = await _ebb(looking, ebb_wait=600)
    assert (event["event"], looking.asked) == ("anycast.ebbed", asked)


@pytest.mark.parametrize("queries", [[None], [100, None]])
async def test_a_daemon_that_stays_silent_is_waited_for_as_long_as_is_allowed(
    queries: Sequence[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_EBB_INTERVAL", 0.001)
    event = await _ebb(Counted(queries), ebb_wait=0.05)
    assert event["event"] == "anycast.not_ebbed"
    assert event["seconds"] >= 0.05


class Stuck(Counted):
    """Whose one worker hangs: what it has counted is that of before."""

    async def ask_daemon(self) -> Daemon | None:
        daemon = await super().ask_daemon()
        return daemon and daemon._replace(faults=("a worker has not replied within 2 s",))


async def test_counts_of_a_daemon_with_a_fault_say_nothing_of_what_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "_EBB_INTERVAL", 0.001)
    event = await _ebb(Stuck([100, 100]), ebb_wait=0.05)
    assert event["event"] == "anycast.not_ebbed"


async def _ebb(looking: Counted, ebb_wait: float) -> Mapping[str, Any]:
    """Wait for the ebb; the event that says how it ended."""
    settings = Anycast(addresses=(V4,), ebb_wait=ebb_wait)
    announcer = Announcer(settings, Still(), NoFloor())
    edge = Edge(settings, looking, announcer, NoFloor())  # type: ignore[arg-type]
    with capture_logs() as logged:
        await edge.wait_for_ebb([V4])
    (event,) = logged
    return event
