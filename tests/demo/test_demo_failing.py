"""`demo --fault`: each fault is seen, followed and got over, and what is promised is verified."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from resolverd.demo.faults import Fault
from resolverd.demo.schedule import ScheduledFault, ScheduleError, checked_schedule, parse_fault

EXAMPLE = Path(__file__).parents[2] / "resolverd.toml"
QUICK = {
    "service.chat.ttl": "4s",
    "service.chat.spill": '{ dwell = "4s", smoothing = 1, step = 0.5 }',
    "probe.interval": "500ms",
    "probe.fast_interval": "400ms",
}
Events = list[dict[str, Any]]


async def run_demo(*options: str, settings: Mapping[str, str] = QUICK) -> Any:
    chosen = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "resolverd", "demo", "--port", "0", "--json"),
        *("--config", str(EXAMPLE), *chosen, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def scenario(*faults: str, settings: Mapping[str, str] = QUICK) -> tuple[int, Events, str]:
    """Exit code, events and standard error of a whole demo."""
    options = [word for fault in faults for word in ("--fault", fault)]
    demo = await run_demo(*options, settings=settings)
    async with asyncio.timeout(90):
        out, err = await demo.communicate()
    return demo.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


def of_kind(events: Events, kind: str) -> Events:
    return [event for event in events if event["event"] == kind]


async def test_regions_that_do_not_serve_leave_the_answers_and_come_home() -> None:
    code, events, err = await scenario("hung:ap-northeast", "draining:us-east", "dead:eu-west@1s")
    assert code == 0, err
    conditions = {(event["region"], event["condition"]) for event in of_kind(events, "health")}
    assert {("ap-northeast", "hung"), ("us-east", "draining")} <= conditions
    endured = of_kind(events, "endured")[0]
    faults = {fault["fault"]: fault for fault in endured["faults"]}
    assert faults["draining"]["out_at"] < faults["hung"]["out_at"]
    assert endured["stuck"] == ["Frankfurt"]
    assert {"New York", "Tokyo", "London"} <= set(endured["moved"])
    assert endured["steady"] == ["San Francisco"]


async def test_regions_that_are_only_full_or_locked_stay_and_send_some_on() -> None:
    code, events, err = await scenario("saturated:us-east", "unauthorized:ap-northeast")
    assert code == 0, err
    assert not [event for event in of_kind(events, "health") if event["state"] != "up"]
    assert ("ap-northeast", "misconfigured") in {
        (event["region"], event["condition"]) for event in of_kind(events, "health")
    }
    spilled = [e["spill_ratio"] for e in of_kind(events, "shares") if e["region"] == "us-east"]
    assert spilled[0] == 0.5
    assert spilled[-1] == 0
    faults = {fault["fault"]: fault for fault in of_kind(events, "endured")[0]["faults"]}
    assert faults["saturated"]["out_at"] is None
    assert faults["saturated"]["spilled_at"] is not None
    assert faults["unauthorized"]["spilled_at"] is None


async def test_a_fault_that_is_not_seen_in_time_fails_the_demo() -> None:
    """With tokens for two canaries an hour nothing can prove that an engine hangs."""
    settings = QUICK | {"probe.canary_tokens_per_hour": "100"}
    code, events, err = await scenario("hung:us-east", settings=settings)
    assert code == 1
    assert "in vain for the answers to move: New York is given us-east" in err
    assert not of_kind(events, "endured")


async def test_with_stay_a_fault_begins_and_lasts() -> None:
    demo = await run_demo("--stay", "--fault", "draining:us-east")
    async with asyncio.timeout(60):
        while (event := json.loads(await demo.stdout.readline()))["event"] != "failing":
            continue
        assert (event["region"], event["fault"]) == ("us-east", "draining")
        demo.send_signal(signal.SIGTERM)
        assert await demo.wait() == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hung:us-east", ScheduledFault(Fault.HUNG, "us-east")),
        ("hung-worker:us-east@5s", ScheduledFault(Fault.HUNG_WORKER, "us-east", 5.0)),
        ("dead:eu-west@1m30s", ScheduledFault(Fault.DEAD, "eu-west", 90.0)),
    ],
)
def test_a_scheduled_fault_is_a_fault_a_region_and_perhaps_a_time(
    text: str, expected: ScheduledFault
) -> None:
    assert parse_fault(text) == expected
    assert parse_fault(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flood:us-east", '"flood" is no fault; there are hung, hung-worker'),
        ("hung", "FAULT:REGION@TIME"),
        ("hung:", "FAULT:REGION@TIME"),
        ("hung:us-east@soon", '"soon" is not a duration'),
    ],
)
def test_a_scheduled_fault_that_cannot_be_read_says_why(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_fault(text)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (["hung:mars"], 'no region "mars"; there are us-east, plain'),
        (["hung:us-east", "dead:us-east@2s"], "us-east has another fault already"),
        (["hung:plain"], "kind http, which do not see this"),
    ],
)
def test_a_schedule_that_cannot_be_run_says_why(faults: list[str], expected: str) -> None:
    with pytest.raises(ScheduleError, match=expected):
        checked_schedule(map(parse_fault, faults), {"us-east": "vllm", "plain": "http"})


def test_a_schedule_runs_by_time() -> None:
    kinds = {"us-east": "vllm", "plain": "http"}
    schedule = checked_schedule(map(parse_fault, ["hung:us-east@2s", "silent:plain@1s"]), kinds)
    assert [str(fault) for fault in schedule] == ["silent:plain@1s", "hung:us-east@2s"]
