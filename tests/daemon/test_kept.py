"""What outlives a process in `server.state`: drains, and the files adopted last."""

from __future__ import annotations

from harness.config import address_of
from live_daemon import TOKYO, Endpoint, Files, addresses, ask, good_config, running, until

from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.health.overrides import OverrideKind


async def test_a_drain_and_the_last_good_files_survive_a_restart(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    files.config.write_text(good_config(endpoints, 'state = "state"\n'))
    async with running(files.config) as daemon:
        await set_override(
            daemon, OverrideCommand("ap-northeast", OverrideKind.DRAIN, "op", "disks", None)
        )
        await until(lambda: bool(daemon.reloads.restart))
    good = files.zone.read_text()
    files.zone.write_text(good + "broken (\n")
    async with running(files.config) as daemon:
        assert daemon.reloads.kept
        answer = await ask(daemon, "chat.inference.example", TOKYO)
        assert addresses(answer) == {address_of("us-west")}
        files.zone.write_text(good.replace(" 7 ", " 8 "))
        assert await daemon.reload()
        assert not daemon.reloads.kept
