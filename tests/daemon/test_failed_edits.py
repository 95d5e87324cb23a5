"""An edit that fails for no fault of its own leaves all as it was, and is adopted another time."""

from __future__ import annotations

import errno
import os

import pytest
from harness.config import address_of
from live_daemon import Endpoint, Files, addresses, ask, good_config, running
from structlog.testing import capture_logs

from resolverd.errors import EngineError
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.verify import Ask

MORE = '[[region.ap-northeast.endpoint]]\nname = "more"\naddress = ["192.0.2.41"]\nurl = "{url}"\n'
NO_ROOM = OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("step", ["staged", "publish"])
@pytest.mark.parametrize("failure", [NO_ROOM, EngineError("a thread does not")])
async def test_an_edit_that_the_engine_fails_leaves_nothing_probed_that_nobody_serves(
    files: Files,
    endpoints: dict[str, Endpoint],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    failure: Exception,
) -> None:
    good = good_config(endpoints, server="watch = false\n")
    files.config.write_text(good)
    async with running(files.config) as daemon:
        engine, served = daemon.engine, daemon.snapshot.plan
        staged, publish = engine.staged, engine.publish

        async def staging(snapshot: Snapshot) -> Ask:
            if step == "staged":
                raise failure
            return await staged(snapshot)

        async def publishing(snapshot: Snapshot) -> None:
            if snapshot.plan is not served:
                raise failure
            await publish(snapshot)

        probed, known = set(daemon.verdicts), daemon._observation.override_keys()
        files.config.write_text(good + MORE.format(url=endpoints["ap-northeast"].url))
        # Without events, for what a defect has met takes seconds to draw.
        with monkeypatch.context() as patch, capture_logs():
            patch.setattr(engine, "staged", staging)
            patch.setattr(engine, "publish", publishing)
            assert not await daemon.reload()
        assert daemon.snapshot.plan is served
        assert set(daemon.verdicts) == probed
        assert daemon._observation.override_keys() == known
        assert await daemon.reload()
        answer = addresses(await ask(daemon, "chat.inference.example"))
        assert answer == {address_of("ap-northeast"), "192.0.2.41"}
