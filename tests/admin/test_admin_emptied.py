"""An override that would leave clients without a region is refused, whoever asks and however."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from admin_client import ADMIN, ZONE, AdminClient, opened
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
async def admin(tmp_path: Path, played: Endpoints) -> AsyncIterator[AdminClient]:
    (tmp_path / "token").write_text("open-sesame\n")
    zones = {"inference.example.": ZONE}
    config = write_files(tmp_path, zones, played, services=SERVICES, admin=ADMIN)
    async with running(config) as daemon, opened(daemon, config) as found:
        yield found


async def overridden(admin: AdminClient) -> list[str]:
    shown = (await admin.ask("GET", "/state")).json["overrides"]
    return [override["target"] for override in shown]


async def drain(admin: AdminClient, region: str, **more: Any) -> Any:
    return await admin.ask("POST", "/drain", json={"region": region, "why": "a test", **more})


@pytest.mark.parametrize(
    ("target", "kind"),
    [("us-east", "drain"), ("us-east", "down"), ("us-east-1", "drain"), ("us-east-1", "down")],
)
async def test_what_empties_only_what_two_pins_leave_at_once_is_refused(
    admin: AdminClient, target: str, kind: str
) -> None:
    reply = await admin.override(target, kind)
    assert (reply.status, reply.json["emptied"]) == (409, BOTH)
    said = f"without {target} no region serves service chat under pins gdpr and uk"
    assert reply.json["error"] == said
    assert await overridden(admin) == []
    forced = await admin.override(target, kind, force=True)
    assert (forced.status, forced.json["emptied"]) == (200, BOTH)
    assert forced.json["services_without_region"] == []
    assert await overridden(admin) == [target]


async def test_a_drain_says_the_same_and_so_does_the_question_before_it(admin: AdminClient) -> None:
    asked = await admin.ask("GET", "/drain", params={"region": "us-east"})
    assert asked.json["emptied"] == BOTH
    reply = await drain(admin, "us-east")
    assert (reply.status, reply.json["emptied"]) == (409, BOTH)
    reply = await drain(admin, "us-east", force=True)
    assert (reply.status, reply.json["emptied"]) == (200, BOTH)


async def test_what_is_empty_already_is_no_reason_to_refuse(admin: AdminClient) -> None:
    await admin.override("us-east", "down", force=True)
    assert (await admin.override("us-east-1", "down")).status == 200
    assert (await admin.override("us-east", "drain")).status == 200


async def test_an_override_up_is_never_refused(admin: AdminClient) -> None:
    await admin.override("us-east", "down", force=True)
    assert (await admin.override("us-east", "up")).json["emptied"] == []


async def test_what_is_held_up_is_the_last_that_serves(admin: AdminClient) -> None:
    """By an override: the guard sees what is in force, not what is measured."""
    await admin.override("us-east", "down", force=True)
    await admin.override("us-east-1", "up")  # changes nothing: the region's own beats it
    reply = await admin.override("eu-west", "down")
    assert (reply.status, reply.json["emptied"]) == (409, GDPR)


@pytest.mark.parametrize("by_drain", [True, False])
async def test_of_operators_at_once_one_is_refused_the_last_region(
    admin: AdminClient, by_drain: bool
) -> None:
    async def take(region: str) -> int:
        if by_drain:
            return int((await drain(admin, region)).status)
        return (await admin.override(region, "down")).status

    await admin.override("us-east", "down", force=True)  # gdpr is left eu-west, uk us-west
    await admin.ask("DELETE", "/override/us-east")
    await admin.override("us-east", "up")
    regions = ("eu-west", "us-west", "ap-northeast", "us-east")
    for order in (regions, regions[::-1], regions):
        statuses = dict(zip(order, await asyncio.gather(*map(take, order)), strict=True))
        assert statuses["us-east"] == 409  # what both pins leave
        left = [region for region, status in statuses.items() if status == 409]
        assert left == ["us-east"]
        for region in set(regions) - {"us-east"}:
            await admin.ask("DELETE", f"/override/{region}")
    await admin.override("us-east", "down", force=True)
    at_once = ("eu-west", "us-west", "ap-northeast")
    statuses = dict(zip(at_once, await asyncio.gather(*map(take, at_once)), strict=True))
    assert statuses == {"eu-west": 409, "us-west": 409, "ap-northeast": 200}


async def test_of_two_who_take_the_last_two_the_second_is_refused(admin: AdminClient) -> None:
    for region in ("us-west", "us-east"):
        await admin.override(region, "down", force=True)
    for _ in range(5):
        replies = await asyncio.gather(
            *(drain(admin, region) for region in ("ap-northeast", "eu-west", "ap-northeast"))
        )
        assert [reply.status for reply in replies] == [200, 409, 200]
        await admin.ask("DELETE", "/override/ap-northeast")


async def test_state_tells_each_fence_and_who_serves_it(admin: AdminClient) -> None:
    await admin.override("us-east", "down", force=True)
    (service,) = (await admin.ask("GET", "/state")).json["services"]
    shown = {" and ".join(fence["pins"]): fence["serving"] for fence in service["fences"]}
    assert shown == {
        "": ["us-west", "eu-west", "ap-northeast"],
        "gdpr": ["eu-west"],
        "uk": ["us-west"],
        "gdpr and uk": [],
    }
