"""The vllm probe against what stands behind one URL: balancers, gateways and lists of workers."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from harness.inference import MODEL, Inference
from harness.readings import load_by, offers_by

from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.kind import kind_named
from resolverd.health.offers import READABLE, Processes
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes import Tools, run

Look = Callable[[], Awaitable[Outcome]]
Start = Callable[[web.Application], Awaitable[str]]
FAST = {
    "timeout": 1.0, "canary_timeout": 1.2, "interval": 60, "canary_tokens_per_hour": 10_000_000
}  # fmt: skip


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """`await start(application)` serves it and returns its URL."""
    runners: list[web.AppRunner] = []

    async def serve(application: web.Application) -> str:
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def balanced(start: Start) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """`await balanced(*servers)` is the URL of a round robin over them, request by request."""
    session = aiohttp.ClientSession()

    async def balance(*servers: Inference) -> str:
        urls = [await start(server.application()) for server in servers]
        turn = itertools.cycle(urls)

        async def forward(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            async with session.request(
                request.method, f"{next(turn)}{request.path_qs}", data=body
            ) as answer:
                response = web.StreamResponse(status=answer.status)
                response.content_type = answer.content_type
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward)
        return await start(application)

    yield balance
    await session.close()


@pytest.fixture
def looks(tools: Tools) -> Callable[..., Look]:
    """`looks(url, …)` prepares a probe; each call of what it returns is one look."""

    def prepare(url: str, **settings: object) -> Look:
        probe = complete_probe({"kind": "vllm", "model": MODEL} | FAST | settings)
        ask = kind_named("vllm").prepare(url, probe, tools)
        return lambda: run(ask, probe.longest)

    return prepare


def pair(**more: object) -> tuple[Inference, Inference]:
    """Two servers that started one after the other, of which one has done much more."""
    made = Inference(started=1.7e9, generated=1000, **more)  # type: ignore[arg-type]
    return made, Inference(started=1.8e9, generated=9000, **more)  # type: ignore[arg-type]


async def test_two_hung_servers_behind_a_balancer_are_hung_and_stay_so(
    balanced: Callable[..., Awaitable[str]], looks: Callable[..., Look]
) -> None:
    servers = pair()
    look = looks(await balanced(*servers))
    assert all([(await look()).ok for _ in range(3)])
    for server in servers:
        server.completion = "hangs"
    seen = [await look() for _ in range(6)]
    assert [each.ok for each in seen] == [False] * 6
    assert {each.condition for each in seen} == {Condition.HUNG}
    assert offers_by(seen[-1]).processes is Processes.SEVERAL


async def test_of_two_servers_one_that_hangs_is_degraded_and_half_is_lost(
    balanced: Callable[..., Awaitable[str]], looks: Callable[..., Look]
) -> None:
    servers = pair(metrics=False)
    look = looks(await balanced(*servers))
    assert (await look()).ok
    servers[0].completion = "hangs"
    seen = [await look() for _ in range(12)]
    settled = seen[6:]
    assert all(each.ok for each in settled)
    assert {each.condition for each in settled} == {Condition.DEGRADED}
    assert 0.3 <= load_by(settled[-1]).lost <= 0.6
    assert "of the last" in settled[-1].reason


async def test_degraded_is_a_failure_where_the_settings_say_so(
    balanced: Callable[..., Awaitable[str]], looks: Callable[..., Look]
) -> None:
    servers = pair(metrics=False)
    look = looks(await balanced(*servers), degraded="down")
    servers[0].completion = "hangs"
    seen = [await look() for _ in range(12)]
    assert not any(each.ok for each in seen[6:])
    assert {each.condition for each in seen[6:]} == {Condition.DEGRADED}


async def test_one_500_of_one_server_of_two_withdraws_nobody_at_once(
    balanced: Callable[..., Awaitable[str]], looks: Callable[..., Look]
) -> None:
    servers = pair()
    look = looks(await balanced(*servers))
    assert all([(await look()).ok for _ in range(4)])
    servers[0].completion = 500
    seen = [await look() for _ in range(4)]
    assert Condition.DRAINING not in {each.condition for each in seen}
    assert not all(each.ok for each in seen)


GATEWAY_ERRORS = [(404, ""), (503, "No available workers"), (500, "no")]


@pytest.mark.parametrize(("status", "text"), GATEWAY_ERRORS)
async def test_a_gateway_that_lists_no_model_has_no_backend(
    start: Start, looks: Callable[..., Look], status: int, text: str
) -> None:
    async def models(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": []})

    async def fails(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="healthy")

    application = web.Application()
    application.router.add_get("/v1/models", models)
    application.router.add_get("/health", health)
    application.router.add_route("*", "/{path:.*}", fails)
    seen = await looks(await start(application))()
    assert (seen.ok, seen.condition, seen.responded) == (False, Condition.NO_BACKEND, True)


async def test_a_gateway_whose_workers_die_is_full_for_a_moment_and_then_a_failure(
    start: Start, looks: Callable[..., Look]
) -> None:
    server = Inference()
    look = looks(await start(server.application()), interval=0.5, fast_interval=0.1)
    assert (await look()).ok
    server.completion = server.models_status = 503
    server.metrics = False
    first = await look()
    assert (first.ok, first.condition) == (True, Condition.SHEDDING)
    while (seen := await look()).ok:
        assert seen.condition is Condition.SHEDDING
    assert seen.condition is Condition.NO_PROOF
    assert not load_by(seen).shedding


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_a_full_server_is_believed_as_long_as_it_works(
    start: Start, looks: Callable[..., Look], status: int
) -> None:
    server = Inference(completion=status, others=10, tells_responses=False)
    quick = {"timeout": 10, "canary_timeout": 10, "interval": 1, "fast_interval": 1}
    look = looks(await start(server.application()), **quick)
    first, *others = [await look() for _ in range(8)]
    assert (first.ok, first.condition.holds) == (False, True)  # nothing has moved yet
    assert {(each.ok, each.condition) for each in others} == {(True, Condition.SHEDDING)}


async def test_of_several_workers_the_dead_ones_are_a_part_and_all_of_them_a_failure(
    start: Start, looks: Callable[..., Look], closed_port: int
) -> None:
    front, worker = Inference(metrics=False), Inference(others=10)
    url, own = await start(front.application()), await start(worker.application())
    gone = f"http://127.0.0.1:{closed_port}"
    look = looks(url, workers=[own, gone])
    seen = [await look() for _ in range(3)][-1]
    assert (seen.ok, seen.condition) == (True, Condition.DEGRADED)
    assert seen.reason == "1 of 2 workers do not answer; makes progress"
    assert (load_by(seen).lost, load_by(seen).running) == (0.5, 3)
    assert front.canaries == 1
    assert worker.canaries == 0
    none = await looks(url, workers=[gone, gone])()
    assert (none.ok, none.responded) == (False, True)
    assert none.reason == "none of 2 workers answers: connection refused"


async def test_metrics_may_be_elsewhere(start: Start, looks: Callable[..., Look]) -> None:
    front, engine = Inference(metrics=False), Inference(others=10)
    url, own = await start(front.application()), await start(engine.application())
    look = looks(url, metrics_url=f"{own}/metrics")
    assert (await look()).ok
    seen = await look()
    assert seen.reason == "makes progress"
    assert "/metrics" not in front.asked


@pytest.mark.parametrize("option", ["workers", "metrics_url"])
async def test_a_page_elsewhere_is_asked_for_as_it_is_written_by_the_user_of_its_own_url(
    option: str, start: Start, looks: Callable[..., Look], tmp_path: Path
) -> None:
    server, asked = Inference(others=10), set[tuple[str, str | None]]()

    async def metrics(request: web.Request) -> web.Response:
        asked.add((request.raw_path, request.headers.get("Authorization")))
        return web.Response(body=server.page())

    token = tmp_path / "token"
    token.write_text("sesame")
    below = (await start(_only("/{path:.*}", metrics))).replace("//", "//u:p@") + "/a%2Fb"
    urls = {"workers": [below], "metrics_url": f"{below}/metrics"}
    settings = {"credential": str(token), option: urls[option]}
    seen = await looks(await start(server.application()), **settings)()
    assert (seen.ok, offers_by(seen).metrics) == (True, READABLE), seen.reason
    assert asked == {("/a%2Fb/metrics", "Basic dTpw")}


@pytest.mark.parametrize(
    ("status", "text", "why"),
    [(404, "", "HTTP 404"), (200, "<!DOCTYPE html>", "HTML"), (500, "", "HTTP 500"),
     (200, "x" * 5_000_000, "more than 4 MiB"), (200, "up 1\n", "without vLLM's counters")],
)  # fmt: skip
async def test_a_page_that_cannot_be_read_is_told_and_is_no_verdict(
    start: Start, looks: Callable[..., Look], status: int, text: str, why: str
) -> None:
    server = Inference()

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    page = await start(_only("/metrics", metrics))
    look = looks(await start(server.application()), metrics_url=f"{page}/metrics", timeout=5.0)
    seen = await look()
    assert seen.ok
    assert offers_by(seen).metrics.startswith(why)


def _only(path: str, handler: Callable[[web.Request], Awaitable[web.Response]]) -> web.Application:
    application = web.Application()
    application.router.add_get(path, handler)
    return application


async def test_without_counters_a_token_that_comes_late_is_still_a_token(
    start: Start, looks: Callable[..., Look]
) -> None:
    server = Inference(metrics=False, delay=1.0)
    look = looks(await start(server.application()), canary_timeout=3.0)
    assert (await look()).reason.startswith("token in ")
    server.metrics = True
    assert (await look()).condition is Condition.HUNG


async def test_a_wrong_key_is_seen_on_a_busy_server_too(
    start: Start, looks: Callable[..., Look], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolverd.health.probes.vllm_server._CHECK_EVERY", 0.3)
    server = Inference(others=10)
    look = looks(await start(server.application()), timeout=5.0)
    assert [(await look()).ok for _ in range(2)] == [True, True]
    server.token = "another"
    while (seen := await look()).ok:
        assert seen.reason == "makes progress"
    assert seen.condition is Condition.MISCONFIGURED
    assert (await look()).condition is Condition.MISCONFIGURED
    assert offers_by(seen).key == "refused"


async def test_another_model_on_the_same_page_neither_works_for_ours_nor_fills_it(
    start: Start, looks: Callable[..., Look]
) -> None:
    server = Inference()
    look = looks(await start(server.application()))
    assert (await look()).ok
    server.completion = "hangs"
    for total in range(3):
        name = '{engine="0",model_name="another"}'
        server.more = (
            f"vllm:generation_tokens_total{name} {total}\nvllm:num_requests_waiting{name} 80\n"
        )
        seen = await look()
        assert seen.condition is Condition.HUNG
