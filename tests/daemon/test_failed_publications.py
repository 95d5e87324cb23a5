"""What could not be published is published a moment later, though nothing else happens."""

from __future__ import annotations

import pytest
from live_daemon import until

from resolverd.daemon import Daemon
from resolverd.errors import EngineError
from resolverd.health.overrides import Override, OverrideKind
from resolverd.snapshot.model import Snapshot


def _fails_once(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> list[Snapshot]:
    """Have the engine of `daemon` refuse one Snapshot, which is noted."""
    publish, refused = daemon.engine.publish, list[Snapshot]()

    async def publishing(snapshot: Snapshot) -> None:
        if not refused:
            refused.append(snapshot)
            raise EngineError("a thread does not take the table")
        await publish(snapshot)

    monkeypatch.setattr(daemon.engine, "publish", publishing)
    return refused


def _drain(daemon: Daemon) -> None:
    daemon.overrides.set("eu-west", Override(OverrideKind.DRAIN, "ann", "new racks", 0.0))


def _is_out(daemon: Daemon) -> bool:
    return not daemon.snapshot.steering.regions["eu-west"].verdict.serves


async def test_a_change_that_the_engine_did_not_take_is_served_though_no_other_comes(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = _fails_once(daemon, monkeypatch)
    _drain(daemon)
    daemon.steer_soon()
    await until(lambda: bool(refused))
    await until(lambda: _is_out(daemon))


async def test_a_word_that_was_answered_with_a_failure_is_obeyed_a_moment_later(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in the table, and in what a restart obeys."""
    await until(lambda: daemon._publication._until_stale() is None)  # time alone changes nothing
    _fails_once(daemon, monkeypatch)
    _drain(daemon)
    with pytest.raises(EngineError):
        await daemon.republish()
    await until(lambda: _is_out(daemon))
