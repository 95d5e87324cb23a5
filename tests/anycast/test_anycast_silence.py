"""A BIRD that says nothing costs one `timeout` for all addresses, not one for each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolverd.anycast.announcer import Announcer
from resolverd.anycast.bird_control import Control
from resolverd.anycast.fitness import Fitness, Reason
from resolverd.anycast.fleet import NoFloor
from resolverd.anycast.speaker import SpeakerError
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Anycast

FIT, DRAINED = Fitness((), {}), Fitness((Reason("draining", "drained"),), {})


class Socket:
    """BIRD's socket; while it is `silent` commands are taken and nothing is said."""

    def __init__(self) -> None:
        self.silent, self.commands = True, list[str]()
        self.writers = list[asyncio.StreamWriter]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(b"0001 BIRD 2.0.12 ready.\n")
        while line := await reader.readline():
            self.commands.append(line.decode().strip())
            if not self.silent:
                writer.write(b"0000 \n")


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[Socket]:
    socket = Socket()
    async with await asyncio.start_unix_server(socket.serve, path):
        yield socket
    for writer in socket.writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_those_that_wait_for_their_turn_are_not_given_one(tmp_path: Path) -> None:
    path = tmp_path / "bird.ctl"
    async with listening(path) as socket:
        control = Control(str(path), 0.1)
        asked = (control.ask(f"disable p{n}") for n in range(64))
        said = await asyncio.gather(*asked, return_exceptions=True)
        assert {str(error) for error in said} == {
            "BIRD gave no whole reply to `disable p0` in 0.1 s"
        }
        assert socket.commands == ["disable p0"]
        socket.silent = False
        assert [line.code for line in await control.ask("disable p1")] == [0]
        control.close()


class Silent:
    """A speaker that cannot be asked, and what it was told all the same."""

    proves = True

    def __init__(self) -> None:
        self.told: list[Phase] = []

    async def apply(self, address: str, phase: Phase) -> None:
        self.told.append(phase)
        raise SpeakerError("told, and silent")

    async def proved(self) -> Mapping[str, Phase]:
        raise SpeakerError("asked, and silent")

    async def close(self) -> None:
        """Nothing to end."""


@pytest.mark.parametrize(
    ("phase", "fitness", "told", "failing"),
    [
        (Phase.ANNOUNCED, FIT, [], "asked, and silent"),
        (Phase.ANNOUNCED, DRAINED, [Phase.WITHDRAWN], "told, and silent"),
        (Phase.WITHDRAWN, DRAINED, [], "asked, and silent"),
        (Phase.WITHDRAWN, FIT, [Phase.ANNOUNCED], "told, and silent"),
    ],
)
async def test_one_that_cannot_be_asked_is_told_what_changes_alone(
    phase: Phase, fitness: Fitness, told: list[Phase], failing: str
) -> None:
    """Else each turn would wait twice, and with it the drain that comes meanwhile."""
    settings = Anycast(addresses=("192.0.2.53",), fit_for=0, fit_for_most=0)
    speaker = Silent()
    announcer = Announcer(settings, speaker, NoFloor())
    (route,) = announcer.routes.values()
    route.state = route.state._replace(phase=phase)
    await announcer.turn(fitness)
    assert (speaker.told, route.failing, route.state.phase) == (told, failing, phase)
