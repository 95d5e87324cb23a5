"""One judgement a moment: who asks is told what answers come from, and asking changes nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from admin_client import NAME, TOKYO, AdminClient, until

from resolverd import publication
from resolverd.health.mismatch import PeerMismatches
from resolverd.health.overrides import Override, OverrideKind
from resolverd.observation import Observation
from resolverd.snapshot import regions
from resolverd.snapshot.model import Snapshot

READS = (
    "/state",
    "/metrics",
    f"/explain?name={NAME}&client={TOKYO}",
    "/drain?region=eu-west",
    "/readyz",
)


@pytest.mark.parametrize("path", READS)
async def test_a_request_costs_one_judgement_at_most(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    calls: Counter[str] = Counter()
    _count(monkeypatch, regions, "_judge_all", calls)
    _count(monkeypatch, Observation, "tick", calls)
    assert (await admin.ask("GET", path)).status == 200
    assert calls["_judge_all"] - calls["tick"] <= 1


async def test_asking_changes_nothing_of_what_is_known(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    for kind, name in ((Observation, "tick"), (PeerMismatches, "record")):
        _count(monkeypatch, kind, name, calls)
    for path in READS * 3:
        assert (await admin.ask("GET", path)).status == 200
    assert calls["record"] == calls["tick"], "servers are compared where the world moves on alone"


async def test_state_says_what_the_steering_in_service_was_made_from(admin: AdminClient) -> None:
    await admin.override("eu-west", "drain", force=True)
    world, steering = admin.daemon.world, admin.daemon.snapshot.steering
    assert world.judgement is not None
    assert world.judgement.regions is steering.regions
    (reported,) = [
        region for region in (await admin.ask("GET", "/state")).json["regions"]
        if region["name"] == "eu-west"
    ]  # fmt: skip
    assert reported["override"]["kind"] == "drain"


async def test_what_waits_to_be_steered_is_not_shown_before_it_is_served(
    admin: AdminClient,
) -> None:
    admin.daemon.overrides.set("us-east", Override(OverrideKind.DRAIN, "ops", "a test", 0.0))
    admin.daemon.steer_soon()
    assert admin.daemon.world.overrides.active(0.0) == {}

    async def obeyed() -> bool:
        return "us-east" in admin.daemon.world.overrides.active(0.0)

    await until(obeyed)
    assert not admin.daemon.snapshot.steering.regions["us-east"].verdict.serves


async def test_state_is_not_ahead_while_the_engine_is_handed_a_table(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed, go, engine = asyncio.Event(), asyncio.Event(), admin.daemon.engine
    publish = engine.publish

    async def slow(snapshot: Snapshot) -> None:
        handed.set()
        await go.wait()
        await publish(snapshot)

    async def serves() -> bool:
        state = (await admin.ask("GET", "/state")).json
        return bool(
            next(region["serves"] for region in state["regions"] if region["name"] == "us-east")
        )

    async def drained() -> bool:
        return not await serves()

    monkeypatch.setattr(engine, "publish", slow)
    admin.daemon.overrides.set("us-east", Override(OverrideKind.DRAIN, "ops", "a test", 0.0))
    admin.daemon.steer_soon()
    await handed.wait()
    assert await serves()
    assert admin.daemon.snapshot.steering.regions["us-east"].verdict.serves
    go.set()
    await until(drained)


def _count(monkeypatch: pytest.MonkeyPatch, kind: Any, name: str, calls: Counter[str]) -> None:
    whole = getattr(kind, name)

    def counted(*arguments: Any) -> Any:
        calls[name] += 1
        return whole(*arguments)

    monkeypatch.setattr(kind, name, counted)


async def test_reasons_are_seen_anew_without_another_steering(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "REFRESH", 0.0)

    async def newer() -> bool:
        judgement, steering = admin.daemon.world.judgement, admin.daemon.snapshot.steering
        assert judgement is not None
        states = {name: region.verdict.state for name, region in judgement.regions.items()}
        assert states == {name: judged.verdict.state for name, judged in steering.regions.items()}
        return judgement.at > steering.taken_at

    await until(newer)
