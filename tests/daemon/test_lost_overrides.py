"""An edit that takes away what an override is set on is asked about, and changes nothing until."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest
from harness.config import address_of
from live_daemon import TOKYO, Endpoint, Files, addresses, ask, good_config, running, until
from structlog.testing import capture_logs

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


A, B, C, NEW = "192.0.2.41", "192.0.2.42", "192.0.2.43", "192.0.2.44"
Edit = Callable[..., None]


@pytest.fixture
async def numbered(daemon: Daemon, files: Files, endpoints: dict[str, Endpoint]) -> Edit:
    """Writes Tokyo's endpoints anew, by their addresses; with the names given, else numbers."""
    text = await asyncio.to_thread(files.config.read_text)
    before, _, rest = text.partition("[[region.ap-northeast.endpoint]]\n")
    after, url = rest[rest.index("[service.chat]") :], endpoints["ap-northeast"].url

    def table(address: str, name: str) -> str:
        named = f'name = "{name}"\n' if name else ""
        reached = f'address = ["{address}"]\nurl = "{url}/{address}"\n'
        return f"[[region.ap-northeast.endpoint]]\n{named}{reached}"

    def edit(*of: str, names: Sequence[str] = ()) -> None:
        tables = map(table, of, [*names, *[""] * len(of)])
        files.config.write_text(f"{before}{''.join(tables)}{after}")

    edit(A, B, C)
    assert await daemon.reload(accept_losses=True)
    assert await answered(daemon) == {A, B, C}
    return edit


@pytest.mark.parametrize(
    ("of", "becomes"),
    [
        pytest.param((B, C), ' (what had it becomes "ap-northeast-1")', id="one before it went"),
        pytest.param((NEW, A, B, C), ' (what had it becomes "ap-northeast-3")', id="one came"),
        pytest.param((A, C), "", id="it went itself"),
        pytest.param((A, NEW, C), "", id="another took its place"),
    ],
)
async def test_an_override_does_not_move_on_with_a_number(
    daemon: Daemon, numbered: Edit, of: Sequence[str], becomes: str
) -> None:
    await drain(daemon, "ap-northeast-2")
    assert await answered(daemon) == {A, C}
    numbered(*of)
    await until(lambda: daemon.reloads.held == 1)
    (problem,) = [p for p in daemon.reloads.problems if p.id == "override-lost"]
    assert f'the number "ap-northeast-2" to another endpoint{becomes}, and' in problem.message
    assert "drain by op (new disks)" in problem.message
    assert 'name = "ap-northeast-2"' in problem.hint
    assert await answered(daemon) == {A, C}
    with capture_logs() as logged:
        assert await daemon.reload(accept_losses=True)
    assert [e["target"] for e in logged if e["event"] == "override.lost"] == ["ap-northeast-2"]
    assert daemon.overrides.active(time.monotonic()) == {}

    async def all_are_answered() -> bool:
        return await answered(daemon) == {*of}

    await until(all_are_answered)


@pytest.mark.parametrize(
    ("of", "names", "expected"),
    [
        pytest.param((A, B), (), {A}, id="one after it went"),
        pytest.param((B, C), ("ap-northeast-2", "ap-northeast-3"), {C}, id="numbers kept as names"),
        pytest.param((A, B, NEW), (), {A, NEW}, id="another is another one"),
    ],
)
async def test_an_override_stays_with_its_endpoint_in_an_edit(
    daemon: Daemon, numbered: Edit, of: Sequence[str], names: Sequence[str], expected: set[str]
) -> None:
    await drain(daemon, "ap-northeast-2")
    numbered(*of, names=names)
    assert await daemon.reload()
    assert await answered(daemon) == expected


async def test_an_endpoint_that_is_changed_where_it_stands_keeps_its_override(
    daemon: Daemon, numbered: Edit, files: Files
) -> None:
    await drain(daemon, "ap-northeast-2")
    text = await asyncio.to_thread(files.config.read_text)
    edited = text.replace(f"/{B}", "/other")
    assert edited != text
    await asyncio.to_thread(files.config.write_text, edited)
    assert await daemon.reload()
    assert "ap-northeast-2" in daemon.overrides.active(time.monotonic())
    assert await answered(daemon) == {A, C}


async def test_an_override_does_not_move_on_where_a_number_takes_the_place_of_a_name(
    daemon: Daemon, numbered: Edit
) -> None:
    names = [f"ap-northeast-{n}" for n in (1, 2, 3)]
    numbered(A, B, C, names=names)
    assert await daemon.reload()
    await drain(daemon, "ap-northeast-2")
    assert await answered(daemon) == {A, C}
    numbered(B, C)
    await until(lambda: daemon.reloads.held == 1)
    (problem,) = [p for p in daemon.reloads.problems if p.id == "override-lost"]
    assert 'another endpoint (what had it becomes "ap-northeast-1"), and' in problem.message
    assert await answered(daemon) == {A, C}
    numbered(A, B, C)
    assert await daemon.reload()
    assert await answered(daemon) == {A, C}


def put_another_before(text: str) -> str:
    """The region's only endpoint, ap-northeast-1, becomes ap-northeast-2."""
    table = "[[region.ap-northeast.endpoint]]\n"
    return text.replace(table, f'{table}address = ["{NEW}"]\nurl = "http://{NEW}:1"\n{table}')


@pytest.mark.parametrize("edit", [rename_endpoint, put_another_before])
async def test_a_restart_is_no_way_around_it(
    files: Files, endpoints: dict[str, Endpoint], edit: Callable[[str], str]
) -> None:
    text = good_config(endpoints, 'state = "state"\nwatch = false\n')
    files.config.write_text(text)
    async with running(files.config) as daemon:
        await drain(daemon, "ap-northeast-1")
        await until(lambda: bool(daemon.reloads.restart))
    files.config.write_text(edit(text))
    async with running(files.config) as daemon:
        assert daemon.reloads.held == 1
        assert "override-lost" in {problem.id for problem in daemon.reloads.problems}
        assert await answered(daemon) == {address_of("us-west")}
        assert await daemon.reload(accept_losses=True)
        assert daemon.overrides.active(time.monotonic()) == {}
