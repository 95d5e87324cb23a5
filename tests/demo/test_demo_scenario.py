"""The demo as a program: it runs its scenario, verifies itself, and says what is missing."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from resolverd.demo.cities import CITIES
from resolverd.geo.locator import Locator

TIMEOUT = 180.0
EXAMPLE = Path(__file__).parents[2] / "resolverd.toml"
QUICK = ("service.chat.ttl=4s", "probe.interval=1s", "probe.fast_interval=1s")
"""As the example has it, but for TTLs. Between the first failed probe and the last there has to be
time for every city to be asked, on a machine that others use too."""


async def run_demo(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "resolverd", "demo", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def scenario(*options: str) -> tuple[int | None, list[dict[str, Any]], str]:
    """Exit code, events and standard error of a whole demo."""
    demo = await run_demo("--port", "0", "--json", "--config", str(EXAMPLE), *options)
    async with asyncio.timeout(TIMEOUT):
        out, err = await demo.communicate()
    return demo.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


def quick() -> list[str]:
    return [word for overlay in QUICK for word in ("--set", overlay)]


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.name)
def test_the_embedded_database_places_each_city_in_its_country(city: Any) -> None:
    place, length = Locator.embedded().locate(city.client)
    assert place is not None
    assert place.country == city.country
    assert length <= city.client.length


async def test_the_scenario_keeps_its_promises() -> None:
    code, events, err = await scenario(*quick())
    assert (code, err) == (0, "")
    by_kind = {event["event"]: event for event in events}
    rows = {row["city"]: row["answer"]["region"] for row in by_kind["placements"]["rows"]}
    assert len(rows) == 10
    assert (rows["New York"], rows["San Francisco"], rows["Frankfurt"], rows["Tokyo"]) == (
        "us-east", "us-west", "eu-west", "ap-northeast",
    )  # fmt: skip
    tokyo = [event for event in events if event["event"] == "change" and "Tokyo" in event["cities"]]
    path = [(change["before"], change["after"]) for change in tokyo]
    assert path[0] == ("ap-northeast", "ap-northeast")
    assert path[1][0] == "ap-northeast" != path[1][1]
    assert tokyo[0]["ttl_after"] < tokyo[0]["ttl_before"] == tokyo[-1]["ttl_after"] == 4
    assert not any("Frankfurt" in e["cities"] for e in events if e["event"] == "change")
    assert by_kind["kept"]["pinned"] == ["Frankfurt"]


async def test_a_promise_that_is_broken_fails_the_demo() -> None:
    """Pinned to the region that dies, Tokyo has nowhere to go."""
    code, events, err = await scenario(
        *quick(),
        *("--set", 'pin.gdpr.countries=["JP"]', "--set", 'pin.gdpr.regions=["ap-northeast"]'),
    )
    assert code == 1
    assert "waited" in err
    assert events[-1]["event"] != "kept"


async def test_it_stays_until_sigterm() -> None:
    demo = await run_demo("--stay", "--port", "0", "--json", "--config", str(EXAMPLE))
    assert demo.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        while json.loads(await demo.stdout.readline())["event"] != "staying":
            continue
        demo.send_signal(signal.SIGTERM)
        assert await demo.wait() == 0


async def test_without_the_example_it_says_what_to_do(tmp_path: Path) -> None:
    demo = await run_demo("--config", str(tmp_path / "resolverd.toml"))
    _, err = await demo.communicate()
    assert demo.returncode == 1
    assert b"--config FILE" in err


async def test_a_port_in_use_is_refused_even_if_it_could_be_shared() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        demo = await run_demo("--port", port, "--config", str(EXAMPLE))
        _, err = await demo.communicate()
    assert demo.returncode == 3
    assert f"port {port} of loopback is in use".encode() in err
