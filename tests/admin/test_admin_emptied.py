"""An override that would leave clients without a region is refused, whoever asks and however."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from admin_room import ADMIN, ZONE, Room, opened
from harness.config import CHAT
from harness.daemon import Endpoints, running, write_files

# Each pin has two regions, and both have one in common.
SERVICES = f"""{CHAT}

[pin.gdpr]
countries = ["DE"]
regions = ["eu-west", "us-east"]

[pin.uk]
countries = ["GB"]
regions = ["us-east", "us-west"]
"""
BOTH = [{"service": "chat", "pins": ["gdpr", "uk"]}]
GDPR = [{"service": "chat", "pins": ["gdpr"]}]


@pytest.fixture
async def room(tmp_path: Path, played: Endpoints) -> AsyncIterator[Room]:
    (tmp_path / "token").write_text("open-sesame\n")
    zones = {"inference.example.": ZONE}
    config = write_files(tmp_path, zones, played, services=SERVICES, admin=ADMIN)
    async with running(config) as daemon, opened(daemon, config) as found:
        yield found


async def overridden(room: Room) -> list[str]:
    shown = (await room.ask("GET", "/state")).json["overrides"]
    return [override["target"] for override in shown]


async def drain(room: Room, region: str, **more: Any) -> Any:
    return await room.ask("POST", "/drain", json={"region": region, "why": "a test", **more})


@pytest.mark.parametrize(
    ("target", "kind"),
    [("us-east", "drain"), ("us-east", "down"), ("us-east-1", "drain"), ("us-east-1", "down")],
)
async def test_what_empties_only_what_two_pins_leave_at_once_is_refused(
    room: Room, target: str, kind: str
) -> None:
    reply = await room.override(target, kind)
    assert (reply.status, reply.json["emptied"]) == (409, BOTH)
    said = f"without {target} no region serves service chat under pins gdpr and uk"
    assert reply.json["error"] == said
    assert await overridden(room) == []
    forced = await room.override(target, kind, force=True)
    assert (forced.status, forced.json["emptied"]) == (200, BOTH)
    assert forced.json["services_without_region"] == []
    assert await overridden(room) == [target]


async def test_a_drain_says_the_same_and_so_does_the_question_before_it(room: Room) -> None:
    asked = await room.ask("GET", "/drain", params={"region": "us-east"})
    assert asked.json["emptied"] == BOTH
    reply = await drain(room, "us-east")
    assert (reply.status, reply.json["emptied"]) == (409, BOTH)
    reply = await drain(room, "us-east", force=True)
    assert (reply.status, reply.json["emptied"]) == (200, BOTH)


async def test_what_is_empty_already_is_no_reason_to_refuse(room: Room) -> None:
    await room.override("us-east", "down", force=True)
    assert (await room.override("us-east-1", "down")).status == 200
    assert (await room.override("us-east", "drain")).status == 200


async def test_an_override_up_is_never_refused(room: Room) -> None:
    await room.override("us-east", "down", force=True)
    assert (await room.override("us-east", "up")).json["emptied"] == []


async def test_what_is_held_up_is_the_last_that_serves(room: Room) -> None:
    """By an override: the guard sees what is in force, not what is measured."""
    await room.override("us-east", "down", force=True)
    await room.override("us-east-1", "up")  # changes nothing: the region's own beats it
    reply = await room.override("eu-west", "down")
    assert (reply.status, reply.json["emptied"]) == (409, GDPR)


@pytest.mark.parametrize("by_drain", [True, False])
async def test_of_operators_at_once_one_is_refused_the_last_region(
    room: Room, by_drain: bool
) -> None:
    async def take(region: str) -> int:
        if by_drain:
            return int((await drain(room, region)).status)
        return (await room.override(region, "down")).status

    await room.override("us-east", "down", force=True)  # gdpr is left eu-west, uk us-west
    await room.ask("DELETE", "/override/us-east")
    await room.override("us-east", "up")
    regions = ("eu-west", "us-west", "ap-northeast", "us-east")
    for order in (regions, regions[::-1], regions):
        statuses = dict(zip(order, await asyncio.gather(*map(take, order)), strict=True))
        assert statuses["us-east"] == 409  # what both pins leave
        left = [region for region, status in statuses.items() if status == 409]
        assert left == ["us-east"]
        for region in set(regions) - {"us-east"}:
            await room.ask("DELETE", f"/override/{region}")
    await room.override("us-east", "down", force=True)
    at_once = ("eu-west", "us-west", "ap-northeast")
    statuses = dict(zip(at_once, await asyncio.gather(*map(take, at_once)), strict=True))
    assert statuses == {"eu-west": 409, "us-west": 409, "ap-northeast": 200}


async def test_of_two_who_take_the_last_two_the_second_is_refused(room: Room) -> None:
    for region in ("us-west", "us-east"):
        await room.override(region, "down", force=True)
    for _ in range(5):
        replies = await asyncio.gather(
            *(drain(room, region) for region in ("ap-northeast", "eu-west", "ap-northeast"))
        )
        assert [reply.status for reply in replies] == [200, 409, 200]
        await room.ask("DELETE", "/override/ap-northeast")


async def test_state_tells_each_fence_and_who_serves_it(room: Room) -> None:
    await room.override("us-east", "down", force=True)
    (service,) = (await room.ask("GET", "/state")).json["services"]
    shown = {" and ".join(fence["pins"]): fence["serving"] for fence in service["fences"]}
    assert shown == {
        "": ["us-west", "eu-west", "ap-northeast"],
        "gdpr": ["eu-west"],
        "uk": ["us-west"],
        "gdpr and uk": [],
    }
