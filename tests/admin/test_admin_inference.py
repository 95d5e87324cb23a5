"""What probes of kind vllm see, as the state, the metrics, the log and the answers tell it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from admin_client import ADMIN, NAME, ZONE, AdminClient, addresses, opened, until
from aiohttp import web
from harness.config import CHAT, REGIONS, address_of, config_text
from harness.daemon import running
from harness.inference import MODEL, Inference
from structlog.testing import capture_logs

from resolverd.cli.overview import servers_table

PROBE = 'kind = "vllm"\ninterval = "500ms"\nfast_interval = "100ms"\ncredential = "%s"\n'
SERVICES = f'{CHAT}\nmodel = "{MODEL}"\nttl = "20s"\nfailover_ttl = "2s"\n'
TOKEN = "sesame-77c1"

Fleet = dict[str, Inference]


@asynccontextmanager
async def served(server: Inference) -> AsyncIterator[str]:
    """The server's URL while it runs."""
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[tuple[Fleet, Path]]:
    """A server for each region, and the configuration of a daemon that probes them."""
    servers = {region: Inference(token=TOKEN) for region in REGIONS}
    async with AsyncExitStack() as stack:
        urls = {
            region: await stack.enter_async_context(served(server))
            for region, server in servers.items()
        }
        (tmp_path / "token").write_text("open-sesame\n")
        (tmp_path / "vllm").write_text(f"{TOKEN}\n")
        (tmp_path / "0.zone").write_text(f"$ORIGIN inference.example.\n{ZONE}")
        path = tmp_path / "resolverd.toml"
        path.write_text(
            config_text(
                SERVICES,
                server='listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\n',
                admin=ADMIN,
                probe=PROBE % (tmp_path / "vllm"),
                urls=urls,
            )
        )
        yield servers, path


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[AdminClient]:
    async with running(path) as daemon, opened(daemon, path) as admin:
        yield admin


async def endpoint(admin: AdminClient, region: str) -> dict[str, Any]:
    state = (await admin.ask("GET", "/state")).json
    (found,) = [entry for entry in state["regions"] if entry["region"] == region]
    return dict(found["endpoints"][0])


async def test_the_state_tells_identity_load_and_canaries(fleet: tuple[Fleet, Path]) -> None:
    _, path = fleet
    async with watched(path) as admin:
        document = await endpoint(admin, "us-east")
        state = (await admin.ask("GET", "/state")).json
        metrics = (await admin.ask("GET", "/metrics")).text
    assert document["state"] == "up"
    assert document["condition"] is None
    assert document["identity"]["models"] == [MODEL]
    assert document["identity"]["max_model_len"] == 4096
    assert document["canaries"]["sent"] == document["canaries"]["answered"] >= 1
    assert document["canaries"]["ttft_seconds"] > 0
    assert document["readings"] == {
        "running": 0, "waiting": 0, "kv_usage_ratio": 0.25, "shedding": False, "lost_ratio": 0
    }  # fmt: skip
    assert document["offers"] == {
        "metrics": "readable", "processes": "one", "engines": 1, "models": True,
        "version": "0.32.0", "key": "accepted",
    }  # fmt: skip
    assert "readable" in shown(state)
    assert state["services"][0]["models"] == dict.fromkeys(REGIONS, MODEL)
    assert TOKEN not in str(state) + metrics


async def test_metrics_tell_canaries_identity_and_condition(fleet: tuple[Fleet, Path]) -> None:
    servers, path = fleet
    async with watched(path) as admin:
        labels = {"region": "us-east", "endpoint": "us-east-1", "probe": ""}
        assert await admin.sample("resolverd_canaries_total", **labels, result="token") >= 1
        assert await admin.sample("resolverd_canary_tokens_total", **labels) >= 4
        assert await admin.sample("resolverd_canary_ttft_seconds", **labels) > 0
        info = labels | {
            "model": MODEL, "root": "/models/tiny", "max_model_len": "4096",
            "version": "0.32.0", "fingerprint": "vllm-0.32.0-7d089230",
        }  # fmt: skip
        assert await admin.sample("resolverd_endpoint_identity_info", **info) == 1
        # Full, and with work: without that nothing would tell it from a gateway without servers.
        servers["us-east"].completion, servers["us-east"].others = 503, 10
        servers["us-east"].errors = 1

        async def shedding() -> bool:
            return bool(
                await admin.sample("resolverd_endpoint_condition", **labels, condition="shedding")
            )

        await until(shedding)
        assert (await endpoint(admin, "us-east"))["state"] == "up"


async def test_a_server_of_another_model_is_never_answered(fleet: tuple[Fleet, Path]) -> None:
    servers, path = fleet
    servers["us-east"].model = servers["us-east"].root = "other"
    async with watched(path) as admin:
        document = await endpoint(admin, "us-east")
        assert (document["state"], document["condition"]) == ("down", "wrong-model")
        assert document["reason"] == f"serves other, not {MODEL}"
        for _ in range(5):
            assert address_of("us-east") not in addresses(await admin.dig(NAME))


async def test_our_own_credential_is_an_alarm_and_withdraws_nobody(
    fleet: tuple[Fleet, Path],
) -> None:
    servers, path = fleet
    with capture_logs() as events:
        async with watched(path) as admin:
            for server in servers.values():
                server.token = "changed"

            async def is_logged() -> bool:
                alarmed = [e for e in events if e["event"] == "endpoint.alarm"]
                return {e["endpoint"] for e in alarmed} == {f"{region}-1" for region in REGIONS}

            await until(is_logged)
            state = (await admin.ask("GET", "/state")).json
    assert {region["state"] for region in state["regions"]} == {"up"}
    alarms = [e for e in events if e["event"] == "endpoint.alarm"]
    assert {(e["log_level"], e["condition"]) for e in alarms} == {("warning", "misconfigured")}
    assert TOKEN not in str(events)


async def test_who_differs_from_its_peers_is_shown_and_goes_on(fleet: tuple[Fleet, Path]) -> None:
    servers, path = fleet
    servers["us-west"].version = "0.31.1"
    with capture_logs() as events:
        async with watched(path) as admin:

            async def differs_everywhere() -> bool:
                logged = any(e["event"] == "endpoint.differs" for e in events)
                return logged and bool((await endpoint(admin, "us-west"))["differs"])

            await until(differs_everywhere)
            west, east = await endpoint(admin, "us-west"), await endpoint(admin, "us-east")
            labels = {"region": "us-west", "endpoint": "us-west-1", "probe": ""}
            differs = "resolverd_endpoint_differs"
            assert await admin.sample(differs, service="chat", **labels, field="version") == 1
            state = (await admin.ask("GET", "/state")).json
    assert west["differs"] == [
        {"service": "chat", "field": "version", "value": "0.31.1", "majority": "0.32.0"}
    ]
    assert (west["state"], east["differs"]) == ("up", [])
    (event,) = [e for e in events if e["event"] == "endpoint.differs"]
    assert (event["log_level"], event["endpoint"], event["value"]) == (
        "warning",
        "us-west-1",
        "0.31.1",
    )
    assert "version 0.31.1, most 0.32.0 (chat)" in shown(state)


async def test_who_is_contradicted_by_most_is_withdrawn_until_it_agrees(
    fleet: tuple[Fleet, Path],
) -> None:
    servers, path = fleet
    servers["eu-west"].max_model_len = 8192
    async with watched(path) as admin:
        mismatched = await endpoint(admin, "eu-west")
        assert (mismatched["state"], mismatched["condition"]) == ("down", "wrong-model")
        assert mismatched["reason"] == "max_model_len is 8192, and 4096 where most serve the model"
        for _ in range(5):
            assert address_of("eu-west") not in addresses(await admin.dig(NAME))
        await admin.ask("POST", "/override", json={"target": "eu-west", "kind": "up", "why": "so"})
        assert addresses(await admin.dig(NAME)) == {address_of("eu-west")}
        await admin.ask("DELETE", "/override/eu-west")
        servers["eu-west"].max_model_len = 4096
        servers["eu-west"].started += 1

        async def agrees() -> bool:
            return addresses(await admin.dig(NAME)) == {address_of("eu-west")}

        async def shown_up() -> bool:
            return bool((await endpoint(admin, "eu-west"))["state"] == "up")

        await until(agrees)
        await until(shown_up)  # the state is never ahead of the answers


def shown(state: dict[str, Any]) -> str:
    """The table of servers, as the verb `state` prints it."""
    return "\n".join(servers_table(state["regions"]).lines())
