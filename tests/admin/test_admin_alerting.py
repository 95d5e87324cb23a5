"""Metrics for alert rules: regions by service, overrides, serials, the configuration."""

from __future__ import annotations

import time

import pytest
from admin_client import AdminClient, replace, until
from harness.config import REGIONS
from harness.daemon import Endpoints

CONFIG = "resolverd_config_info"


async def _of(admin: AdminClient, name: str) -> dict[str, float]:
    """Samples of a metric, by region."""
    return {
        dict(labels)["region"]: value
        for (sample, labels), value in (await admin.samples()).items()
        if sample == name
    }


async def _hash(admin: AdminClient) -> str:
    (labels,) = (dict(labels) for (name, labels) in await admin.samples() if name == CONFIG)
    return labels["sha256"]


async def test_each_region_of_a_service_serves(admin: AdminClient) -> None:
    assert await _of(admin, "resolverd_service_region_serving") == dict.fromkeys(REGIONS, 1)
    assert await _of(admin, "resolverd_service_region_withdrawn") == dict.fromkeys(REGIONS, 0)


@pytest.mark.parametrize(
    ("target", "kind"), [("us-east", "drain"), ("us-east", "down"), ("us-east-1", "drain")]
)
async def test_a_region_that_an_operator_takes_away_is_withdrawn(
    admin: AdminClient, target: str, kind: str
) -> None:
    assert (await admin.override(target, kind)).status == 200
    serving = await _of(admin, "resolverd_service_region_serving")
    withdrawn = await _of(admin, "resolverd_service_region_withdrawn")
    assert serving == {region: float(region != "us-east") for region in REGIONS}
    assert withdrawn == {region: float(region == "us-east") for region in REGIONS}


async def test_a_region_whose_probes_fail_is_not_withdrawn(
    admin: AdminClient, played: Endpoints
) -> None:
    played.status["us-east"] = 500

    async def down() -> bool:
        return (await _of(admin, "resolverd_service_region_serving"))["us-east"] == 0

    await until(down)
    assert await _of(admin, "resolverd_service_region_withdrawn") == dict.fromkeys(REGIONS, 0)


async def test_an_override_says_when_it_was_set_and_how_long_it_holds(admin: AdminClient) -> None:
    before = int(time.time())
    await admin.override("us-east", "drain", **{"for": 600})
    await admin.override("eu-west", "up")
    drained = {"region": "us-east", "endpoint": "", "probe": "", "kind": "drain"}
    forced = {"region": "eu-west", "endpoint": "", "probe": "", "kind": "up"}
    for labels in (drained, forced):
        at = await admin.sample("resolverd_override_set_timestamp_seconds", **labels)
        assert before <= at <= time.time() + 1
    name = "resolverd_override_remaining_seconds"
    assert 500 < await admin.sample(name, **drained) <= 600
    assert await admin.sample(name, **forced) == float("inf")


async def test_the_serial_is_that_of_the_zone_served(admin: AdminClient) -> None:
    state = (await admin.ask("GET", "/state")).json
    (zone,) = state["zones"]
    assert await admin.sample("resolverd_zone_serial", zone=zone["apex"]) == zone["serial"] > 0


async def test_the_hash_of_the_configuration_changes_with_it_and_comes_back(
    admin: AdminClient,
) -> None:
    before = await _hash(admin)
    text = admin.config.read_text()
    replace(admin.config, 'failover_ttl = "2s"', 'failover_ttl = "3s"')
    assert (await admin.ask("POST", "/reload")).status == 200
    assert await _hash(admin) != before
    admin.config.write_text(text)
    assert (await admin.ask("POST", "/reload")).status == 200
    assert await _hash(admin) == before
