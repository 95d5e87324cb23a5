"""An edit that takes away what an override is set on is asked about, and changes nothing until."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from harness.config import address_of
from live_daemon import TOKYO, Files, addresses, ask, until

from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.daemon import Daemon
from resolverd.health.overrides import OverrideKind


def rename_endpoint(text: str) -> str:
    return text.replace(
        "[[region.ap-northeast.endpoint]]", '[[region.ap-northeast.endpoint]]\nname = "tokyo"'
    )


def rename_region(text: str) -> str:
    return text.replace("ap-northeast", "tokyo")


async def drain(daemon: Daemon, target: str) -> None:
    await set_override(daemon, OverrideCommand(target, OverrideKind.DRAIN, "op", "new disks", None))


async def answered(daemon: Daemon) -> set[str]:
    return addresses(await ask(daemon, "chat.inference.example", TOKYO))


@pytest.mark.parametrize(
    ("target", "edit"),
    [
        pytest.param("ap-northeast-1", rename_endpoint, id="an endpoint"),
        pytest.param("ap-northeast", rename_region, id="a region"),
    ],
)
async def test_a_renamed_target_stays_drained_until_the_edit_is_insisted_on(
    daemon: Daemon, files: Files, target: str, edit: Callable[[str], str]
) -> None:
    await drain(daemon, target)
    assert await answered(daemon) == {address_of("us-west")}
    files.config.write_text(edit(files.config.read_text()))
    await until(lambda: daemon.reloads.held == 1)
    problem, *others = daemon.reloads.problems
    assert {other.id for other in others} <= {"lost-region"}
    assert (problem.id, problem.file) == ("override-lost", str(files.config))
    assert f'takes "{target}" away, and with it the override drain by op (new disks)' in (
        problem.message
    )
    assert "resolverd reload --yes" in problem.hint
    assert await answered(daemon) == {address_of("us-west")}
    assert not await daemon.reload(), "a reload that does not insist is refused as well"
    assert await daemon.reload(accept_losses=True)
    assert daemon.overrides.active(time.monotonic()) == {}
    assert await answered(daemon) == {address_of("ap-northeast")}


async def test_an_edit_is_adopted_by_itself_once_the_override_has_ended(
    daemon: Daemon, files: Files
) -> None:
    await drain(daemon, "ap-northeast-1")
    files.config.write_text(rename_endpoint(files.config.read_text()))
    await until(lambda: daemon.reloads.held == 1)
    daemon.overrides.clear("ap-northeast-1", time.monotonic())
    assert await daemon.reload()


async def test_an_override_of_an_endpoint_that_one_service_alone_probes_holds(
    daemon: Daemon, files: Files
) -> None:
    """Such an endpoint has one target, which has the service's name in its own."""
    text = files.config.read_text()
    files.config.write_text(f'{text}[service.chat.probe]\npath = "/other"\n')
    await until(lambda: daemon.reloads.adopted == 1)
    assert "ap-northeast-1@chat" in daemon.inputs.targets.by_id
    await drain(daemon, "ap-northeast-1")
    assert await answered(daemon) == {address_of("us-west")}
