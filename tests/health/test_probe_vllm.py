"""The vllm probe against a server that plays each fault of a real one."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from harness.inference import FINGERPRINT, MODEL, ROOT, Inference
from harness.readings import load_by, read_by

from resolverd.config.probe_layers import complete_probe
from resolverd.health.identity import Identity
from resolverd.health.kinds.kind import kind_named
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes import Tools, run

Look = Callable[[], Awaitable[Outcome]]
Looking = Callable[..., Awaitable[Look]]


@pytest.fixture
async def looking(tools: Tools) -> AsyncIterator[Looking]:
    """`await looking(server, timeout=…, …)` serves it; each call of what it returns is one look."""
    runners: list[web.AppRunner] = []

    async def start(server: Inference, *, path: str = "", **settings: object) -> Look:
        runner = web.AppRunner(server.application(), shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        probe = complete_probe(
            {"kind": "vllm", "model": MODEL, "timeout": 5.0, "interval": 60} | settings
        )
        ask = kind_named("vllm").prepare(f"http://127.0.0.1:{port}{path}", probe, tools)
        return lambda: run(ask, probe.longest)

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_the_first_look_asks_who_it_is_and_for_a_token(looking: Looking) -> None:
    server = Inference()
    seen = await (await looking(server))()
    assert (seen.ok, seen.condition, seen.responded) == (True, Condition.NONE, True)
    assert seen.reason.startswith("token in ")
    assert read_by(seen).identity == Identity((MODEL,), ROOT, 4096, "0.32.0", FINGERPRINT)
    assert server.asked == ["/metrics", "/v1/models", "/version", "/v1/completions"]
    (body,) = server.bodies
    asked = {"model": MODEL, "prompt": "Hi", "max_tokens": 2, "temperature": 0, "stream": True}
    assert body == asked
    canaries = read_by(seen).canaries
    assert canaries.ttft is not None
    assert (canaries.sent, canaries.answered, canaries.tokens) == (1, 1, 5)
    assert 0 < canaries.ttft <= seen.latency


async def test_readings_are_those_of_the_page(looking: Looking) -> None:
    server = Inference(others=10)
    look = await looking(server)
    await look()
    seen = load_by(await look())
    assert seen is not None
    assert (seen.running, seen.waiting, seen.kv_usage) == (3, 1, 0.25)
    assert (seen.tokens, seen.started, seen.shedding) == (2 * 22, 1.7e9, False)
    assert seen.responses == {"2xx": 1, "5xx": 0}
    assert seen.ttft is not None
    assert abs(seen.at - time.monotonic()) < 60


async def test_progress_of_others_spares_the_canary(looking: Looking) -> None:
    server = Inference(others=10)
    look = await looking(server)
    seen = [await look() for _ in range(5)]
    assert all(outcome.ok for outcome in seen)
    assert seen[-1].reason == "makes progress"
    assert server.canaries == 1


async def test_our_own_canary_is_no_progress(looking: Looking) -> None:
    server = Inference()
    look = await looking(server)
    assert all([(await look()).ok for _ in range(5)])
    assert server.canaries == 5


@pytest.mark.parametrize(
    ("fault", "ok", "condition"),
    [
        ({"completion": "hangs"}, False, "hung"),
        ({"completion": "silence"}, False, "hung"),
        ({"completion": "hangs", "metrics": False}, False, "hung"),
        ({"completion": "hangs", "others": 5}, True, "busy"),
        ({"completion": "stalls"}, False, "hung"),
        ({"completion": "stalls", "metrics": False}, False, "hung"),
        ({"completion": "breaks"}, False, ""),
        ({"completion": 404}, False, "wrong-model"),
        ({"completion": 401}, False, "misconfigured"),
        ({"completion": 403}, False, "misconfigured"),
        ({"completion": 400}, False, "misconfigured"),
        ({"completion": 422}, False, "misconfigured"),
        ({"completion": 500}, False, "draining"),
        ({"completion": 500, "health": 503}, False, ""),
        ({"completion": 503}, False, "shedding"),
        ({"completion": 429}, False, "shedding"),
        ({"completion": 529}, False, "shedding"),
        ({"completion": 504}, False, "hung"),
        ({"completion": 503, "health": 503}, False, ""),
        ({"completion": 502}, False, ""),
        ({"completion": 302}, False, ""),
        ({"sse": 503}, False, "shedding"),
        ({"sse": 503, "health": 503}, False, ""),
        ({"sse": 500}, False, ""),
        ({"completion": "ends"}, False, ""),
        ({"model": "other", "root": "/models/other"}, False, "wrong-model"),
        ({"models_status": 401}, False, "misconfigured"),
        ({"models_status": 404}, True, ""),
    ],
)
async def test_each_fault_has_its_condition(
    looking: Looking, fault: dict[str, object], ok: bool, condition: str
) -> None:
    timeout = 2.0 if fault.get("completion") in ("hangs", "stalls", "silence") else 5.0
    look = await looking(Inference(**fault), timeout=timeout, canary_timeout=2.0)  # type: ignore[arg-type]
    seen = await look()
    assert (seen.ok, seen.condition.value, seen.responded) == (ok, condition, True)
    assert seen.latency < timeout


async def test_a_stall_after_the_first_token_is_seen_whatever_our_canaries_add(
    looking: Looking,
) -> None:
    server = Inference(completion="stalls")
    look = await looking(server, timeout=1.0)
    seen = [await look() for _ in range(3)]
    assert [outcome.condition for outcome in seen] == [Condition.HUNG] * 3
    assert seen[-1].reason.startswith("no end after the first token in 0.85 s")


async def test_a_server_that_refuses_two_tokens_is_asked_for_more_and_that_is_remembered(
    looking: Looking,
) -> None:
    server = Inference(least_tokens=16)
    look = await looking(server)
    assert all([(await look()).ok for _ in range(3)])
    assert [body["max_tokens"] for body in server.bodies] == [2, 16, 16, 16]
    seen = await look()
    assert (read_by(seen).canaries.sent, read_by(seen).canaries.answered) == (5, 4)
    assert read_by(seen).canaries.tokens == 5 + 4 * 19


async def test_a_server_that_refuses_more_tokens_too_is_asked_twice_a_look_at_most(
    looking: Looking,
) -> None:
    server = Inference(least_tokens=100)
    look = await looking(server)
    assert [(await look()).condition.value for _ in range(2)] == ["misconfigured"] * 2
    assert [body["max_tokens"] for body in server.bodies] == [2, 16, 2, 16]


async def test_a_model_is_known_by_its_root_too(looking: Looking) -> None:
    assert (await (await looking(Inference(), model=ROOT))()).ok


async def test_a_server_that_takes_connections_and_answers_none_of_them_is_not_called_hung(
    looking: Looking, serve: Callable[..., Awaitable[int]], tools: Tools
) -> None:
    async def stopped(reader: object, _writer: object) -> None:
        await reader.read()  # type: ignore[attr-defined]

    probe = VllmProbe(model=MODEL, timeout=0.4)
    port = await serve(stopped)
    seen = await run(kind_named("vllm").prepare(f"http://127.0.0.1:{port}", probe, tools), 0.4)
    assert (seen.ok, seen.condition, seen.responded) == (False, Condition.NONE, True)
    assert seen.reason == "timed out after 0.4 s"


async def test_a_refused_connection_is_a_failure_with_a_response(
    tools: Tools, closed_port: int
) -> None:
    ask = kind_named("vllm").prepare(
        f"http://127.0.0.1:{closed_port}", VllmProbe(model=MODEL), tools
    )
    seen = await run(ask, 2.0)
    assert (seen.ok, seen.reason, seen.responded) == (False, "connection refused", True)
    assert load_by(seen).running is None


async def test_a_hung_engine_has_no_known_load(looking: Looking) -> None:
    """Its page is frozen and makes it look like the idlest of all."""
    server = Inference()
    look = await looking(server, timeout=2.0)
    await look()
    server.completion = "hangs"
    seen = await look()
    assert seen.condition is Condition.HUNG
    assert (load_by(seen).running, load_by(seen).waiting, load_by(seen).kv_usage) == (None,) * 3


async def test_the_first_500_of_a_draining_server_is_seen_behind_its_progress(
    looking: Looking,
) -> None:
    """It goes on with old requests, so counters move, and turns every new one away."""
    server = Inference(others=10)
    look = await looking(server)
    await look()
    assert (await look()).reason == "makes progress"
    server.completion, server.errors = 500, 1
    assert (await look()).condition is Condition.DRAINING


async def test_a_full_queue_explains_errors_and_costs_no_canary(looking: Looking) -> None:
    server = Inference(others=10)
    look = await looking(server)
    await look()
    server.errors, server.rejections = 3, 3
    seen = await look()
    assert (seen.ok, seen.condition) == (True, Condition.BUSY)
    assert load_by(seen).shedding
    assert server.canaries == 1
    assert not load_by(await _after(look, server, errors=0)).shedding


async def _after(look: Look, server: Inference, **changes: int) -> Outcome:
    for name, value in changes.items():
        setattr(server, name, value)
    return await look()


async def test_without_responses_in_the_page_progress_alone_is_not_believed(
    looking: Looking,
) -> None:
    server = Inference(others=10, tells_responses=False)
    look = await looking(server)
    await look()
    assert (await look()).reason.startswith("token in ")
    assert server.canaries == 2


async def test_a_page_that_stands_still_over_a_token_is_stale_and_load_unknown(
    looking: Looking,
) -> None:
    server = Inference()
    server.frozen = server.page()
    look = await looking(server)
    first, second = await look(), await look()
    assert (load_by(first).running, load_by(second).running) == (0, None)
    assert second.ok
    server.frozen = None
    again = load_by(await look())
    assert again is not None
    assert again.running == 0


async def test_without_metrics_every_look_sends_a_canary_and_load_is_unknown(
    looking: Looking,
) -> None:
    server = Inference(metrics=False, others=10)
    look = await looking(server)
    seen = [await look() for _ in range(3)]
    assert all(outcome.ok for outcome in seen)
    assert server.canaries == 3
    assert load_by(seen[-1]).running is None


async def test_another_model_after_a_restart_is_seen_in_the_same_look(looking: Looking) -> None:
    server = Inference(others=10)
    look = await looking(server)
    await look()
    assert (await look()).ok
    server.model, server.root, server.started = "other", "/models/other", 1.8e9
    seen = await look()
    assert seen.condition is Condition.WRONG_MODEL
    assert seen.reason == f"serves other, not {MODEL}"


async def test_identity_is_not_asked_again_while_nothing_changed(looking: Looking) -> None:
    server = Inference()
    look = await looking(server)
    for _ in range(4):
        await look()
    assert server.asked.count("/version") == 1


@pytest.mark.parametrize(
    ("server", "settings", "condition", "reason"),
    [
        ({}, {"max_model_len": 4096, "version": "0.32.0", "fingerprint": FINGERPRINT}, None, ""),
        ({}, {"max_model_len": 8192}, "wrong-model", "max_model_len is 4096, not 8192"),
        ({}, {"version": "0.33.0"}, "wrong-model", "version is 0.32.0, not 0.33.0"),
        ({}, {"fingerprint": "x"}, "wrong-model", f"fingerprint is {FINGERPRINT}, not x"),
        ({"version": None}, {"version": "0.33.0"}, "", "does not tell its version"),
        ({"models_status": 404}, {"max_model_len": 4096}, "", "does not tell who it is"),
        ({"fingerprint": None}, {"fingerprint": "x"}, "", "does not tell its fingerprint"),
    ],
)
async def test_identity_is_held_against_what_is_expected(
    looking: Looking,
    server: dict[str, object],
    settings: dict[str, object],
    condition: str | None,
    reason: str,
) -> None:
    seen = await (await looking(Inference(**server), **settings))()  # type: ignore[arg-type]
    if condition is None:
        assert seen.ok
    else:
        assert (seen.ok, seen.condition.value, seen.reason) == (False, condition, reason)


async def test_a_spent_budget_holds_and_says_so(looking: Looking) -> None:
    server = Inference()
    look = await looking(server, canary_tokens_per_hour=100)
    seen = [await look() for _ in range(4)]
    assert [outcome.condition.value for outcome in seen] == ["", "", "unproven", "unproven"]
    assert "budget" in seen[-1].reason
    assert server.canaries == 2


async def test_the_credential_is_sent_and_never_shown(looking: Looking, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("sesame-0f3a\n")
    server = Inference(token="sesame-0f3a")
    look = await looking(server, credential=str(file))
    assert (await look()).ok
    server.completion = 502  # and repeats the header in its own words
    seen = await look()
    assert not seen.ok
    assert seen.reason == "HTTP 502: no: Bearer …"
    assert "sesame" not in repr(seen)


async def test_a_credential_is_read_anew_when_its_file_changes(
    looking: Looking, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    server = Inference(token="new")
    look = await looking(server, credential=str(file))
    assert (await look()).condition is Condition.MISCONFIGURED
    file.write_text("new-one")
    file.write_text("new")
    assert (await look()).ok


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        ("/nowhere/token", 'credential "/nowhere/token": no such file or directory'),
        ("token", 'credential "token": $CREDENTIALS_DIRECTORY is not set'),
    ],
)
async def test_a_credential_that_cannot_be_read_is_our_own_fault(
    looking: Looking, monkeypatch: pytest.MonkeyPatch, credential: str, reason: str
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    seen = await (await looking(Inference(), credential=credential))()
    assert (seen.ok, seen.condition) == (False, Condition.MISCONFIGURED)
    assert seen.reason == reason


@pytest.mark.parametrize("content", [b"", b"two words", b"caf\xc3\xa9", b"x" * 9000, b"a\nb"])
async def test_a_file_without_a_token_is_our_own_fault(
    looking: Looking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "vllm").write_bytes(content)
    seen = await (await looking(Inference(), credential="vllm"))()
    assert (seen.condition, seen.reason) == (
        Condition.MISCONFIGURED,
        'credential "vllm": the file holds no token',
    )


def test_an_url_that_is_not_http_is_refused(tools: Tools) -> None:
    with pytest.raises(ValueError, match="tcp"):
        kind_named("vllm").prepare("tcp://127.0.0.1:1", VllmProbe(model=MODEL), tools)
