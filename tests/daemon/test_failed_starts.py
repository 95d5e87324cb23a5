"""Of a start that fails at any step nothing is left: no task, no socket, no connection to NATS."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from live_daemon import Files, until

from resolverd import membership
from resolverd.daemon import Daemon
from resolverd.errors import EngineError
from resolverd.supervision import Supervision


async def _fails(*_: object, **__: object) -> None:
    raise EngineError("it cannot be")


@pytest.mark.parametrize(
    ("of", "step"),
    [
        (Supervision, "engine"),
        (Daemon, "_restored"),
        (Daemon, "_serve"),
        (Supervision, "ready"),
    ],
)
async def test_nothing_is_left_of_a_start_that_fails(
    of: type, step: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a port is taken, or a worker does not answer."""
    ended = list[str]()

    async def stop() -> None:
        ended.append("link")

    async def published(*_: object) -> Any:
        """As of an edge whose set lies on the disk: only its link is looked at here."""
        return SimpleNamespace(link=SimpleNamespace(stop=stop))

    def joined(*_: object) -> None:
        return None

    monkeypatch.setattr(membership, "published", published)
    monkeypatch.setattr(membership, "joined", joined)
    monkeypatch.setattr(Daemon, "_keep", _keep_steering)
    monkeypatch.setattr(of, step, _fails)
    daemon, before = Daemon(files.config), asyncio.all_tasks()
    with pytest.raises(EngineError, match="it cannot be"):
        await daemon.start()
    assert ended == ["link"]
    await until(lambda: asyncio.all_tasks() == before)  # the files that are kept are written
    assert not daemon.admin.socket


def _keep_steering(daemon: Daemon) -> None:
    daemon.tasks.keep("steering", daemon._publication.keep)
