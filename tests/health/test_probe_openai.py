"""The openai probe against servers and gateways that have, and say, all kinds of things."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from harness.openai_server import CHAT, COMPLETION, EMBEDDING, RESPONSE, WHOLE, OpenAIServer
from harness.readings import load_by, read_by
from monitored import Changes, eventually, target
from structlog.testing import capture_logs

from resolverd.config.probe import Probe
from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.kind import kind_named
from resolverd.health.machine import EndpointHealth, observe
from resolverd.health.monitor import Monitor
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes import Tools, api, openai, openai_classify, run
from resolverd.health.probes.answer import Answer
from resolverd.health.verdict import State

Look = Callable[[], Awaitable[Outcome]]
Looking = Callable[..., Awaitable[Look]]


@pytest.fixture
async def looking(tools: Tools) -> AsyncIterator[Looking]:
    """`await looking(server, timeout=…)` serves it; each call of what it returns is one probe."""
    runners: list[web.AppRunner] = []

    async def start(server: OpenAIServer, *, path: str = "", **settings: object) -> Look:
        runner = web.AppRunner(server.application(), shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        probe = complete_probe(
            {"kind": "openai", "model": "m", "timeout": 5.0, "interval": 60} | settings
        )
        ask = kind_named("openai").prepare(f"http://127.0.0.1:{port}{path}", probe, tools)
        return lambda: run(ask, probe.timeout)

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize("path", WHOLE)
async def test_the_api_that_a_server_has_is_found_by_asking_and_remembered(
    looking: Looking, path: str
) -> None:
    server = OpenAIServer(has={path: WHOLE[path]})
    look = await looking(server)
    assert [(await look()).ok for _ in range(3)] == [True] * 3
    tried = list(WHOLE)[: list(WHOLE).index(path) + 1]
    assert server.canaries == [*tried, path, path]


@pytest.mark.parametrize("refusal", [400, 404, 405, 422, 501])
async def test_a_refusal_of_one_api_is_no_verdict_while_another_answers(
    looking: Looking, refusal: int
) -> None:
    server = OpenAIServer(has={"/v1/completions": refusal, "/v1/embeddings": EMBEDDING})
    seen = await (await looking(server))()
    assert (seen.ok, seen.condition) == (True, Condition.NONE)
    assert seen.reason.endswith("(embeddings)")


async def test_the_api_that_is_told_is_asked_alone(looking: Looking) -> None:
    server = OpenAIServer(has={"/v1/completions": COMPLETION, "/v1/responses": RESPONSE})
    assert (await (await looking(server, canary="responses"))()).ok
    assert server.canaries == ["/v1/responses"]
    assert server.bodies == [
        {"model": "m", "input": "Hi", "max_output_tokens": 2, "store": False, "stream": True}
    ]


async def test_an_api_that_goes_away_is_looked_for_anew(looking: Looking) -> None:
    server = OpenAIServer()
    look = await looking(server)
    assert (await look()).ok
    server.has = {"/v1/chat/completions": CHAT}
    assert (await look()).reason.endswith("(chat)")
    assert (await look()).ok
    assert server.canaries[-1] == "/v1/chat/completions"
    assert server.canaries[-2] == "/v1/chat/completions"


async def test_a_server_that_wants_more_tokens_is_asked_for_more(looking: Looking) -> None:
    refusal = (400, b'{"error":{"message":"max_output_tokens must be at least 16","code":400}}')
    server = OpenAIServer(has={"/v1/responses": refusal})
    look = await looking(server, canary="responses")
    assert (await look()).condition is Condition.MISCONFIGURED
    assert [body["max_output_tokens"] for body in server.bodies] == [2, 16]
    server.has["/v1/responses"] = RESPONSE
    assert (await look()).ok
    assert server.bodies[-1]["max_output_tokens"] == 2


def test_a_newer_name_for_the_most_tokens_is_used_where_the_older_is_refused() -> None:
    request = api.Request("chat", 2)
    refused = Answer(400, detail="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'")
    more = api.for_more(request, refused, 16)
    assert more == api.Request("chat", 16, newer=True)
    assert b'"max_completion_tokens": 16' in more.body("m", "Hi")
    assert b"temperature" not in more.body("m", "Hi")
    assert api.for_more(more, refused, 16) is None


# Recorded: vllm-router 0.1.17 and sglang-router 0.3.2 with their worker dead, LiteLLM 1.108.7 with
# its backends dead (at once, and after some failures), and llama.cpp b11434 without the API.
ROUTER_DEAD = (500, b"Request failed: error sending request for url (http://127.0.0.1:1/v1)")
SGLANG_ROUTER_DEAD = (
    500,
    b'{"error":{"type":"Internal Server Error","code":"call_upstream_request_error","message":'
    b'"error sending request for url (http://127.0.0.1:1/v1/completions)."}}',
)
LITELLM_DEAD = (
    500,
    b'{"error":{"message":"litellm.APIConnectionError: APIConnectionError: OpenAIException - '
    b'Connection error.","type":null,"param":null,"code":"500"}}',
)
LITELLM_COOLING = (
    429,
    b'{"error":{"message":"No deployments available for selected model, Try again in 60 seconds.",'
    b'"type":"None","param":"None","code":"429"}}',
)
LITELLM_OTHER_MODEL = (
    400,
    b'{"error":{"message":"400: {\'error\': \'Invalid model name passed in model=z\'}",'
    b'"type":"None","param":"None","code":"400"}}',
)
LLAMA_CPP_EMBEDS = (
    501,
    b'{"error":{"code":501,"message":"This server does not support completions.",'
    b'"type":"not_supported_error"}}',
)
FULL = (503, b'{"message":"No workers are currently available"}')
TYPED = (500, b'{"error":{"type":"rate_limit_error","message":"wait"}}')


@pytest.mark.parametrize(
    ("server", "ok", "condition"),
    [
        ({"has": {}}, False, ""),
        ({"has": {}, "models": []}, False, "no-backend"),
        ({"has": {"/v1/completions": 500}}, False, ""),
        ({"has": {"/v1/completions": 502}}, False, ""),
        ({"has": {"/v1/completions": "hangs"}}, False, "hung"),
        ({"has": {"/v1/completions": 504}}, False, "hung"),
        ({"has": {"/v1/completions": 401}}, False, "misconfigured"),
        ({"has": {"/v1/completions": FULL}}, False, "no-proof"),
        ({"has": {"/v1/completions": TYPED}}, False, "no-proof"),
        ({"has": {"/v1/completions": 529}}, False, "no-proof"),
        ({"has": {"/v1/completions": FULL}, "health": 503}, False, ""),
        ({"has": {"/v1/completions": ROUTER_DEAD}}, False, ""),
        ({"has": {"/v1/completions": SGLANG_ROUTER_DEAD}}, False, ""),
        ({"has": {"/v1/completions": LITELLM_DEAD}}, False, ""),
        ({"has": {"/v1/completions": LITELLM_COOLING}}, False, "no-proof"),
        ({"has": {"/v1/completions": LITELLM_OTHER_MODEL}}, False, "misconfigured"),
        ({"has": {"/v1/completions": LLAMA_CPP_EMBEDS}}, False, ""),
        ({"has": {"/v1/completions": b"data: [DONE]\n\n"}}, False, ""),
        ({"has": {"/v1/completions": (404, b'{"error":"model m not found"}')}},
         False, "wrong-model"),
        ({"models": [{"id": "other"}]}, False, "wrong-model"),
        ({"models": [{"id": "other", "root": "m"}]}, True, ""),
        ({"models": [{"id": "unknown"}]}, True, ""),
        ({"models": [{"id": "*"}]}, True, ""),
        ({"models": None}, True, ""),
    ],
)  # fmt: skip
async def test_each_fault_has_its_condition(
    looking: Looking, server: dict[str, object], ok: bool, condition: str
) -> None:
    hangs = condition == "hung"
    seen = await (await looking(OpenAIServer(**server), timeout=1.0 if hangs else 5.0))()  # type: ignore[arg-type]
    assert (seen.ok, seen.condition.value, seen.responded) == (ok, condition, True)


@pytest.mark.parametrize("full", [FULL, TYPED, 529, 429])
async def test_being_full_says_that_a_server_works_only_after_an_answer(
    looking: Looking, full: object
) -> None:
    server = OpenAIServer(has={"/v1/completions": full})
    look = await looking(server)
    first = await look()
    assert observe(EndpointHealth(), first, Probe(), 0.0).state is State.UNKNOWN
    server.has = {"/v1/completions": COMPLETION}
    assert (await look()).ok
    server.has = {"/v1/completions": full}
    seen = await look()
    assert (seen.ok, seen.condition) == (True, Condition.SHEDDING)
    assert load_by(seen).shedding


async def test_a_server_that_is_full_for_long_without_an_answer_has_failed(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "BELIEVED", 0.05)
    server = OpenAIServer()
    look = await looking(server)
    assert (await look()).ok
    server.has = {"/v1/completions": FULL}
    await asyncio.sleep(0.06)
    seen = await look()
    assert (seen.ok, seen.condition) == (False, Condition.NO_PROOF)
    assert seen.reason == "HTTP 503: No workers are currently available, and no proof of life"
    server.has = {"/v1/completions": COMPLETION}
    assert (await look()).ok


LLAMA_CPP = b"llamacpp:requests_processing 1\nllamacpp:n_decode_total %d\n"


async def test_a_late_canary_is_busy_while_the_load_page_shows_work(looking: Looking) -> None:
    """llama.cpp reads a long prompt: one more batch from page to page, and no answer."""
    server = OpenAIServer(has={"/v1/completions": "hangs"}, page=LLAMA_CPP % 7)
    look = await looking(server, timeout=0.5)
    hung = await look()
    assert hung.condition is Condition.HUNG
    assert load_by(hung).running is None
    server.page = LLAMA_CPP % 8
    seen = await look()
    assert (seen.ok, seen.condition) == (True, Condition.BUSY)
    assert load_by(seen).running == 1


async def test_what_our_canary_itself_moved_is_no_work(looking: Looking) -> None:
    """Each stalls after a token, which took a step of the engine."""
    event = COMPLETION[: COMPLETION.index(b"\n\n") + 2]

    class Stalls(OpenAIServer):
        async def _answer(self, request: web.Request) -> web.StreamResponse:
            if request.path != "/v1/completions":
                return await super()._answer(request)
            self.page = LLAMA_CPP % (8 + len(self.asked))
            self.asked.append(request.path)
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(event)
            await asyncio.Event().wait()
            return response

    server = Stalls(page=LLAMA_CPP % 7)
    look = await looking(server, timeout=0.4)
    seen = [await look() for _ in range(4)]
    assert [outcome.condition for outcome in seen] == [Condition.HUNG] * 4
    assert seen[0].reason == "no end after the first token in 0.36 s"


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/prometheus/metrics"])
async def test_the_load_page_is_found_where_servers_have_it(looking: Looking, path: str) -> None:
    server = OpenAIServer(page=b"sglang:num_running_reqs 3\nsglang:token_usage 0.5\n")
    server.page_path = path
    look = await looking(server)
    seen = [await look() for _ in range(2)]
    for outcome in seen:
        assert (load_by(outcome).running, load_by(outcome).waiting) == (3, None)
        assert load_by(outcome).kv_usage == 0.5


async def test_without_a_load_page_the_load_is_unknown_and_it_is_not_asked_for_each_time(
    looking: Looking,
) -> None:
    server = OpenAIServer()
    look = await looking(server)
    seen = [await look() for _ in range(3)]
    assert all(outcome.ok for outcome in seen)
    assert load_by(seen[-1]).running is None
    assert server.asked.count("/metrics") == 1


@pytest.mark.parametrize(
    ("answer", "absent"),
    [
        *((status, True) for status in (403, 404, 405, 501)),
        ((200, b"<html>Welcome</html>"), True),
        *((status, False) for status in (408, 429, 500, 502, 503, 504)),
        ("hangs", False),
    ],
)
async def test_silence_or_a_failure_of_the_load_page_does_not_say_that_there_is_none(
    looking: Looking, answer: object, *, absent: bool
) -> None:
    """Of a server that is full, which has one, and is read later."""
    server = OpenAIServer()
    server.has["/metrics"] = answer
    seen = await (await looking(server, timeout=1.0))()
    assert seen.ok
    assert load_by(seen).tells_no_load == absent


@pytest.mark.parametrize(
    ("page", "none"),
    [(b"sglang:num_running_reqs 3\n", True), (b"sglang:token_usage 0.5\n", False)],
)
async def test_a_load_page_without_a_queue_or_a_kv_cache_tells_no_load(
    looking: Looking, page: bytes, *, none: bool
) -> None:
    seen = await (await looking(OpenAIServer(page=page)))()
    assert load_by(seen).tells_no_load == none


async def test_no_page_is_asked_for_where_none_is_wanted(looking: Looking) -> None:
    server = OpenAIServer(page=b"sglang:num_running_reqs 3\n")
    assert (await (await looking(server, load_page="none"))()).ok
    assert "/metrics" not in server.asked


async def test_a_page_is_read_by_a_mapping(looking: Looking) -> None:
    server = OpenAIServer(page=b'jobs{state="open"} 4\n')
    seen = await (await looking(server, load={"waiting": 'jobs{state="open"}'}))()
    assert load_by(seen).waiting == 4


async def test_an_url_may_end_as_clients_write_it(looking: Looking) -> None:
    server = OpenAIServer()
    assert (await (await looking(server, path="/v1/"))()).ok
    assert server.canaries == ["/v1/completions"]


async def test_the_load_page_may_be_elsewhere(
    looking: Looking, serve: Callable[..., Awaitable[int]]
) -> None:
    """As that of a router on its own port for metrics."""

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"GET /router?x=1 ")
        text = b"vllm_router_running_requests 3\n"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        await writer.drain()
        await reader.read()

    port = await serve(page)
    look = await looking(OpenAIServer(), metrics_url=f"http://127.0.0.1:{port}/router?x=1")
    seen = load_by(await look())
    assert seen is not None
    assert seen.running == 3


async def test_a_spent_budget_holds_and_says_so(looking: Looking) -> None:
    server = OpenAIServer()
    look = await looking(server, canary_tokens_per_hour=100)
    seen = [(await look()).condition for _ in range(4)]
    assert seen[:2] == [Condition.NONE, Condition.NONE]
    assert seen[-1] is Condition.UNPROVEN
    assert len(server.canaries) == 2


async def test_each_api_that_is_tried_is_paid_for(looking: Looking) -> None:
    server = OpenAIServer(has={"/pooling": WHOLE["/pooling"]})
    seen = await (await looking(server))()
    assert (
        read_by(seen).canaries.sent,
        read_by(seen).canaries.answered,
        read_by(seen).canaries.tokens,
    ) == (5, 1, 25)


@pytest.mark.parametrize("status", [*range(100, 600, 7), 404, 429, 500, 503, 529])
@pytest.mark.parametrize("health", [None, 200, 404, 503])
def test_no_status_is_draining(status: int, health: int | None) -> None:
    for believed in (True, False):
        condition, reason = openai_classify.classify(
            Answer(status), believed=believed, health=health, lists_nobody=False
        )
        assert condition is not Condition.DRAINING
        assert reason
        if not believed:
            assert condition is not Condition.SHEDDING


async def test_a_monitor_that_is_stopped_under_a_canary_begins_no_other(changes: Changes) -> None:
    """Other edges of a fleet may ask it to; it has nothing left to ask with."""
    server = OpenAIServer()
    runner = web.AppRunner(server.application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    own = target("a", runner.addresses[0][1], kind="openai", model="m")
    monitor = Monitor([own], on_change=changes)
    with capture_logs() as events:
        await monitor.start()
        await changes.until("a", "up")
        server.has = {"/v1/completions": "hangs"}
        answered = len(server.canaries)
        await eventually(lambda: len(server.canaries) > answered)
        await monitor.stop()
        stopped = time.monotonic()
        await eventually(lambda: time.monotonic() - stopped > own.settings.fast_interval)
        before = asyncio.all_tasks()
        monitor.probe_soon(["a"])
        await asyncio.gather(*(asyncio.all_tasks() - before))
    await runner.cleanup()
    assert "probe.defect" not in [event["event"] for event in events]
