"""`check`, `drain` and `state` know of the same fences, those that several pins leave included."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from admin_client import ADMIN, ZONE, opened
from cli.command import resolverd
from harness.config import CHAT
from harness.daemon import Endpoints, running, write_files


class Case(NamedTuple):
    """Pins by name (regions), what is drained, what `check` says, and which pins lose all of it."""

    pins: dict[str, str]
    drained: str
    says: str
    emptied: list[list[str]]


OTHER = "[service.other]\nregions = ['us-east', 'us-west']\n"
CASES = {
    "one pin": Case(
        {"gdpr": "eu-west"},
        "eu-west",
        "pin gdpr: one region (eu-west): no failover within this fence",
        [["gdpr"]],
    ),
    "two pins that share one region": Case(
        {"gdpr": "eu-west us-east", "uk": "us-east us-west"},
        "us-east",
        "pins gdpr and uk: one region (us-east): no failover within this fence",
        [["gdpr", "uk"]],
    ),
    "three pins of which any two share another": Case(
        {
            "x": "us-east us-west eu-west",
            "y": "us-east us-west ap-northeast",
            "z": "us-east eu-west ap-northeast",
        },
        "us-east",
        "pins x and y and z: one region (us-east): no failover within this fence",
        [["x", "y", "z"]],
    ),
    "what one pin leaves alone is told of as that pin's": Case(
        {"gdpr": "us-east", "wide": "us-east us-west"},
        "us-east",
        "pin gdpr: one region (us-east): no failover within this fence",
        [["gdpr"]],
    ),
    "pins without a region in common lose none by a drain": Case(
        {"gdpr": "eu-west ap-northeast", "uk": "us-east us-west"},
        "us-east",
        "pins gdpr and uk: no region: these clients get no address",
        [],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
async def test_check_drain_and_state_tell_of_the_same_fences(
    case: Case, tmp_path: Path, played: Endpoints
) -> None:
    countries = iter(["DE", "GB", "FR"])
    pins = "".join(
        f"[pin.{name}]\ncountries = ['{next(countries)}']\nregions = {regions.split()}\n"
        "services = ['chat']\n"
        for name, regions in case.pins.items()
    )
    (tmp_path / "token").write_text("open-sesame\n")
    zones = {"inference.example.": ZONE}
    services = f"{CHAT}{OTHER}{pins}"
    config = write_files(tmp_path, zones, played, services=services, admin=ADMIN)
    checked = await asyncio.to_thread(resolverd, "check", "--config", config, cwd=tmp_path)
    assert f"chat, {case.says}\n" in checked.out, checked
    said = await asyncio.to_thread(resolverd, "check", "--json", "--config", config, cwd=tmp_path)
    async with running(config) as daemon, opened(daemon, config) as room:

        async def fences() -> list[dict[str, Any]]:
            services = (await room.ask("GET", "/state")).json["services"]
            return [{"service": s["name"], **fence} for s in services for fence in s["fences"]]

        keys = ("service", "pins", "regions")
        by_check = [[fence[key] for key in keys] for fence in said.json()["fences"]]
        assert [[fence[key] for key in keys] for fence in await fences()] == by_check
        asked = (await room.ask("GET", "/drain", params={"region": case.drained})).json
        assert asked["emptied"] == [{"service": "chat", "pins": p} for p in case.emptied]
        await room.override(case.drained, "drain", force=True)
        left = [f["pins"] for f in await fences() if f["regions"] and not f["serving"]]
        assert left == case.emptied
