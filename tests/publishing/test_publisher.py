"""Whoever publishes, against a real NATS server: one wins, and what is forgotten is deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from harness.nats import nats
from harness.waiting import until_holds

from resolverd.config.fleet import Fleet
from resolverd.fleet.errors import FleetUnavailable
from resolverd.publishing import waves
from resolverd.publishing.model import Generation, LedgerError, Outcome, Terms
from resolverd.publishing.packing import PackingError
from resolverd.publishing.publisher import (
    LostRaceError,
    NoSuchGenerationError,
    Publisher,
    Wish,
    publisher,
)
from resolverd.publishing.waves import UnderWayError

WISH = Wish("ada", "a test", Terms())


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nats(tmp_path) as server:
        yield Fleet(urls=(server.url,), edge="here")


def files(number: int) -> dict[str, bytes]:
    return {"resolverd.toml": f"# {number}\n".encode()}


async def published(fleet: Publisher, number: int) -> Generation:
    """One that was put on trial and then ended, as no edge is there to take it."""
    generation = await fleet.publish(files(number), WISH)
    await fleet.abort("nobody is there")
    return generation


async def test_what_is_published_is_on_trial_and_can_be_had_again(settings: Fleet) -> None:
    async with publisher(settings, Path()) as fleet:
        generation = await fleet.publish(files(1), WISH)
        assert (generation.number, generation.files) == (1, 1)
        assert await fleet.content(generation) == files(1)
        with pytest.raises(UnderWayError, match="generation 1 of ada is on trial"):
            await fleet.publish(files(2), WISH)
    async with publisher(settings, Path()) as other:
        assert other.ledger.trial is not None
        ended = await other.abort("wrong file")
        assert ended is not None
        assert ended.outcome is Outcome.ABORTED
        assert await other.abort("again") is None


async def test_of_two_who_have_seen_the_same_ledger_one_wins(settings: Fleet) -> None:
    async with publisher(settings, Path()) as one, publisher(settings, Path()) as other:
        seen = other.ledger
        await one.publish(files(1), WISH)
        await until_holds(lambda: other.ledger == one.ledger, within=20.0)
        # As if it had not heard of that yet. What is heard comes once, so it will not meanwhile.
        other._fleet.ledger = seen
        other._fleet._revision = 0
        with pytest.raises(LostRaceError):
            await other.publish(files(2), WISH)


async def test_nobody_returns_to_what_was_not_completed(settings: Fleet) -> None:
    async with publisher(settings, Path()) as fleet:
        await published(fleet, 1)
        with pytest.raises(NoSuchGenerationError, match="was aborted"):
            await fleet.again(1, WISH)
        with pytest.raises(NoSuchGenerationError, match="there are: 1"):
            await fleet.again(7, WISH)


async def test_sets_of_forgotten_generations_are_deleted(
    settings: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waves, "KEPT", 2)
    async with publisher(settings, Path()) as fleet:
        first, second, third = [await published(fleet, number) for number in (1, 2, 3)]
        assert [g.number for g in fleet.ledger.generations] == [2, 3]
        assert await fleet.content(second) == files(2)
        assert await fleet.content(third) == files(3)
        with pytest.raises(NoSuchGenerationError, match="the files of generation 1 no more"):
            await fleet.content(first)


async def test_a_set_that_was_changed_in_the_fleet_is_refused(settings: Fleet) -> None:
    async with publisher(settings, Path()) as fleet:
        one, two = await published(fleet, 1), await published(fleet, 2)
        archive = await fleet._link.store.get_object(two.digest, two.octets)
        await fleet._link.store.put_object(one.digest, archive)
        with pytest.raises(PackingError, match="was published"):
            await fleet.content(one)
        await fleet._link.store.put_object(one.digest, bytes(one.octets + 1))
        with pytest.raises(NoSuchGenerationError):
            await fleet.content(one)


async def test_a_ledger_of_another_release_is_said_and_not_overwritten(settings: Fleet) -> None:
    async with publisher(settings, Path()) as fleet:
        await fleet._link.store.put("generations.ledger", b'{"version": 2}')
    with pytest.raises(LedgerError, match="of version 2"):
        async with publisher(settings, Path()):
            pass


async def test_publishers_of_one_host_are_no_edge_and_leave_one_message_of_themselves(
    settings: Fleet,
) -> None:
    """Each edge hears all that the bucket has at every start."""
    async with publisher(settings, Path()) as fleet, publisher(settings, Path()) as watching:
        await fleet.publish(files(1), WISH)
        await watching.reach()
        assert watching._link.store.edges() == {}
        assert watching.edges == {}
    for _ in range(2):
        async with publisher(settings, Path()) as fleet:
            written = await _subjects(fleet)
    assert written == {"generations.ledger", "publishers.here"}


async def _subjects(fleet: Publisher) -> set[str]:
    """The keys that the bucket has a message of, deleted ones too."""
    client = fleet._link.store._client
    assert client is not None
    info = await client.jetstream().stream_info("KV_resolverd-resolverd", subjects_filter=">")
    assert info.state.subjects is not None
    return {subject.removeprefix("$KV.resolverd-resolverd.") for subject in info.state.subjects}


async def test_a_fleet_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    nowhere = Fleet(urls=("nats://127.0.0.1:1",))
    with pytest.raises(FleetUnavailable):
        async with publisher(nowhere, tmp_path):
            pass
