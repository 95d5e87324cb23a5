"""Each fault of a simulated region shows as it does on a real vLLM, and ends when it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from harness.waiting import until_holds

from resolverd.demo.faults import Fault, fault_named
from resolverd.demo.region_processes import EndpointSpec, RegionProcess, RegionProcesses
from resolverd.demo.vllm import OTHER_MODEL

MODEL = "meta-llama/Llama-3.1-70B-Instruct"
# Long enough for an answer over loopback to be on its way, on a busy machine too.
SILENCE = 0.6
EXECUTE_SECONDS = 0.5


@pytest.fixture
async def region() -> AsyncIterator[RegionProcess]:
    options = ("--execute-seconds", str(EXECUTE_SECONDS))
    async with RegionProcesses([EndpointSpec("us-east", 0, 0, MODEL, options)]) as regions:
        yield regions.processes[0]


class Client:
    """What a client of one region sees."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def status(self, path: str) -> int:
        async with self._session.get(path) as response:
            await response.read()
            return response.status

    async def body(self, path: str) -> Any:
        async with self._session.get(path) as response:
            return await response.json()

    async def counted(self, name: str, *labels: str) -> float:
        """The sample of this name with all of these labels."""
        async with self._session.get("/metrics") as response:
            rows = (await response.text()).splitlines()
        found = [r for r in rows if r.startswith(name) and all(label in r for label in labels)]
        return float(found[0].rpartition(" ")[2])

    async def page(self) -> str:
        async with self._session.get("/metrics") as response:
            return await response.text()

    async def complete(self, **options: Any) -> tuple[int, list[Any]]:
        """Status and events of a streamed completion; an error is the one event."""
        ask = {"model": MODEL, "prompt": "hello", "max_tokens": 1, "stream": True} | options
        async with self._session.post("/v1/completions", json=ask) as response:
            text = await response.text()
            if response.content_type != "text/event-stream":
                return response.status, [json.loads(text)]
            events = [e.removeprefix("data: ") for e in text.split("\n\n") if e]
            return response.status, [e if e == "[DONE]" else json.loads(e) for e in events]

    async def headers_then_silence(self) -> int:
        """The status of a streamed completion, after which nothing comes."""
        ask = {"model": MODEL, "prompt": "hello", "max_tokens": 1, "stream": True}
        async with self._session.post("/v1/completions", json=ask) as response:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SILENCE):
                    await response.content.readany()
            return response.status


@pytest.fixture
async def client(region: RegionProcess) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(region.url) as session:
        yield Client(session)


async def eventually(seen: Callable[[], Awaitable[bool]]) -> None:
    await until_holds(seen, within=10)


async def serves(client: Client) -> None:
    """All is as it should be."""
    status, events = await client.complete()
    assert (status, events[0]["choices"][0]["text"], events[-1]) == (200, " This", "[DONE]")
    assert await client.status("/health") == 200


@pytest.mark.parametrize("fault", [Fault.HUNG, Fault.ASLEEP])
async def test_a_stopped_engine_looks_idle_and_healthy(
    region: RegionProcess, client: Client, fault: Fault
) -> None:
    await serves(client)
    await region.set_fault(fault)
    before = await client.page()
    assert await client.headers_then_silence() == 200
    assert await client.status("/health") == 200
    assert await client.counted("vllm:num_requests_running") == 0
    assert await client.counted("vllm:num_requests_waiting") == 0
    frozen = engine_samples(before, but="engine_sleep_state")
    assert engine_samples(await client.page(), but="engine_sleep_state") == frozen != []
    await region.set_fault(None)
    await serves(client)


def engine_samples(page: str, *, but: str) -> list[str]:
    return [row for row in page.splitlines() if row.startswith("vllm:") and but not in row]


async def up_again(client: Client) -> bool:
    try:
        return await client.status("/health") == 200
    except aiohttp.ClientConnectorError:
        return False


async def test_sleep_shows_in_the_metrics_and_a_stopped_engine_does_not(
    region: RegionProcess, client: Client
) -> None:
    for fault, awake in ((Fault.HUNG, 1), (Fault.ASLEEP, 0), (None, 1)):
        await region.set_fault(fault)
        assert await client.counted("vllm:engine_sleep_state", 'sleep_state="awake"') == awake


async def test_a_stream_that_a_client_gives_up_counts_as_a_success(
    region: RegionProcess, client: Client
) -> None:
    """As in vLLM: what counts is the status that was sent first."""
    await region.set_fault(Fault.HUNG)
    await client.headers_then_silence()

    async def counted() -> bool:
        page = await client.page()
        return 'http_requests_total{handler="/v1/completions",method="POST",status="2xx"} 1' in page

    await eventually(counted)


async def test_a_hung_worker_is_given_up_and_takes_the_server_along(
    region: RegionProcess, client: Client
) -> None:
    await region.set_fault(Fault.HUNG_WORKER)
    status, events = await client.complete()
    assert (status, events[0]["error"]["code"], events[-1]) == (200, 500, "[DONE]")
    await eventually(lambda: refused(client))


async def refused(client: Client) -> bool:
    try:
        return await client.status("/health") not in (200, 503)
    except aiohttp.ClientConnectorError:
        return True
    except aiohttp.ClientError:
        return False  # it was just about to close


async def test_a_dead_engine_answers_503_for_a_moment_and_then_refuses(
    region: RegionProcess, client: Client
) -> None:
    started = await client.counted("process_start_time_seconds")
    await region.set_fault(Fault.DEAD)
    (status, events), health = await asyncio.gather(client.complete(), client.status("/health"))
    assert (status, events[0]["error"]["type"], health) == (500, "InternalServerError", 503)
    await eventually(lambda: refused(client))
    await region.set_fault(None)
    await eventually(lambda: up_again(client))
    await serves(client)
    assert await client.counted("process_start_time_seconds") > started


async def test_a_silent_server_takes_connections_and_answers_once_it_goes_on(
    region: RegionProcess, client: Client
) -> None:
    await region.set_fault(Fault.SILENT)
    asked = asyncio.create_task(client.status("/health"))
    done, _ = await asyncio.wait({asked}, timeout=SILENCE)
    assert not done
    await region.set_fault(None)
    assert await asked == 200


async def test_a_draining_server_is_healthy_and_refuses_every_completion(
    region: RegionProcess, client: Client
) -> None:
    await region.set_fault(Fault.DRAINING)
    for stream in (True, False):
        status, events = await client.complete(stream=stream)
        assert (status, events[0]["error"]["code"]) == (500, 500)
    assert [await client.status(path) for path in ("/health", "/metrics")] == [200, 200]


async def test_a_saturated_server_is_slow_and_makes_progress(
    region: RegionProcess, client: Client
) -> None:
    before = await client.counted("vllm:iteration_tokens_total_count")
    await region.set_fault(Fault.SATURATED)
    assert await client.headers_then_silence() == 200
    assert await client.counted("vllm:iteration_tokens_total_count") > before
    assert await client.counted("vllm:num_requests_waiting") > 5
    assert await client.counted("vllm:kv_cache_usage_perc") > 0.9
    asked = asyncio.create_task(client.complete())
    await region.set_fault(None)
    assert (await asked)[1][0]["choices"]
    assert await client.counted("vllm:num_requests_waiting") == 0


@pytest.mark.parametrize(("fault", "status"), [(Fault.SHEDDING, 503), (Fault.SHEDDING_LATE, 200)])
async def test_a_full_queue_is_a_503_before_the_stream_or_in_it(
    region: RegionProcess, client: Client, fault: Fault, status: int
) -> None:
    await region.set_fault(fault)
    seen, events = await client.complete()
    assert (seen, events[0]["error"]["code"]) == (status, 503)
    before = await client.counted("vllm:admission_rejections_total")
    assert before >= 1

    async def turns_others_away() -> bool:
        return await client.counted("vllm:admission_rejections_total") > before

    await eventually(turns_others_away)
    assert await client.status("/health") == 200


async def test_another_model_is_listed_and_ours_is_not_found(
    region: RegionProcess, client: Client
) -> None:
    right = (await client.complete())[1][0]["system_fingerprint"]
    await region.set_fault(Fault.WRONG_MODEL)
    assert [card["id"] for card in (await client.body("/v1/models"))["data"]] == [OTHER_MODEL]
    status, events = await client.complete()
    assert (status, events[0]["error"]["type"]) == (404, "NotFoundError")
    assert (await client.complete(model=OTHER_MODEL))[1][0]["system_fingerprint"] != right
    assert await client.status("/health") == 200


async def test_a_key_that_is_not_taken_is_a_401_below_v1_only(
    region: RegionProcess, client: Client
) -> None:
    await region.set_fault(Fault.UNAUTHORIZED)
    assert (await client.complete())[0] == 401
    paths = ("/v1/models", "/health", "/metrics", "/version")
    assert [await client.status(path) for path in paths] == [401, 200, 200, 200]


async def test_a_region_can_start_with_a_fault_a_version_and_a_key() -> None:
    options = ("--fault", "draining", "--version", "0.33.0", "--api-key", "sesame")
    async with RegionProcesses([EndpointSpec("us-east", 0, 0, MODEL, options)]) as regions:
        async with aiohttp.ClientSession(regions.processes[0].url) as session:
            client = Client(session)
            assert await client.body("/version") == {"version": "0.33.0"}
            assert await client.status("/v1/models") == 401
        headers = {"Authorization": "Bearer sesame"}
        async with aiohttp.ClientSession(regions.processes[0].url, headers=headers) as session:
            assert await Client(session).status("/v1/models") == 200
            assert (await Client(session).complete())[0] == 500


async def test_its_second_port_tells_sets_and_ends_a_fault(
    region: RegionProcess, client: Client
) -> None:
    started = await client.counted("process_start_time_seconds")
    async with aiohttp.ClientSession(region.control) as control:
        for method, path, status, expected in (
            ("GET", "/fault", 200, "\n"),
            ("POST", "/fault/hung", 200, "hung\n"),
            ("POST", "/fault/flood", 404, '"flood" is no fault; there are hung, hung-worker'),
            ("GET", "/fault", 200, "hung\n"),
            ("DELETE", "/fault", 200, "\n"),
            ("POST", "/restart/0.33.0", 200, "\n"),
        ):
            async with control.request(method, path) as response:
                assert response.status == status
                assert (await response.text()).startswith(expected)
    assert await client.body("/version") == {"version": "0.33.0"}
    assert await client.counted("process_start_time_seconds") > started


def test_every_fault_is_named_and_told() -> None:
    for fault in Fault:
        assert fault_named(str(fault)) is fault
        assert fault.meaning
