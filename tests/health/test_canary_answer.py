"""A canary's answer, as servers and gateways really stream it: whole, or not, and why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.probes.answer import MAX_BODY, MAX_STREAM, Answer, AnswerReader
from resolverd.health.probes.error_body import find_error, message_of


def sse(*events: object, end: str = "\n\n") -> bytes:
    """Each event on a data line: JSON, or text as it is."""
    texts = (e if isinstance(e, str) else json.dumps(e) for e in events)
    return "".join(f"data: {text}{end}" for text in texts).encode()


def text(value: str | None = "a", finish: object = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": value, "finish_reason": finish}]}


def delta(finish: object = None, **parts: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": parts, "finish_reason": finish}]}


def said(kind: str, **parts: object) -> dict[str, Any]:
    return {"type": f"response.{kind}"} | parts


DONE = "[DONE]"
ROLE = delta(role="assistant", content="")
USAGE = {"choices": [], "usage": {"completion_tokens": 2}}
ERROR = {"error": {"message": "no", "type": "Error", "code": 500}}

WHOLE = {
    "completion": sse(text(), text("b", "length"), DONE),
    "completion of tokens without text": sse(text(""), text("", "length"), DONE),
    "completion that ends with its body": sse(text(), text("b", "stop")),
    "completion without a reason": sse(text(), DONE),
    "usage at the end": sse(text(), text("b", "length"), USAGE, DONE),
    "chat": sse(ROLE, delta(content="a"), delta("length"), DONE),
    "chat that only thinks": sse(ROLE, delta(reasoning_content="a"), delta("length"), DONE),
    "chat that only thinks, newer spelling": sse(ROLE, delta(reasoning="a"), delta("length"), DONE),
    "chat that is finished at once": sse(ROLE, delta("length"), DONE),
    "llama.cpp's role is null": sse(delta(role="assistant", content=None), delta(content="a"),
                                    delta("length"), DONE),
    "a tool is called": sse(delta(tool_calls=[{"index": 0}]), delta("tool_calls"), DONE),
    "response": sse(said("created"), said("output_text.delta", delta="a"), said("completed")),
    "response cut by its limit": sse(said("output_text.delta", delta="a"), said("incomplete")),
    "response that thinks": sse(said("reasoning_text.delta", delta="a"), said("incomplete")),
    "comments before": b": ping\n\n: OPENROUTER PROCESSING\n\n" + sse(text(), text("b", "stop")),
    "no space after the colon": b'data:{"choices":[{"text":"a","finish_reason":"length"}]}\n\n',
    "lines end in CR LF": sse(text(), text("b", "stop"), DONE, end="\r\n\r\n"),
    "lines end in CR": sse(text(), text("b", "stop"), DONE, end="\r\r"),
    "no empty line between": sse(text(), text("b", "stop"), DONE, end="\n"),
    "a byte order mark": b"\xef\xbb\xbf" + sse(text(), text("b", "stop"), DONE),
    "JSON instead of a stream": json.dumps(text("a", "length")).encode(),
    "JSON after white space": b"   \n\n" + json.dumps(text("a")).encode(),
    "JSON of a chat": b'{"choices":[{"message":{"role":"assistant","content":"a"}}]}',
    "JSON of a response": b'{"object":"response","status":"incomplete","error":null,"output":[]}',
    "embedding": b'{"object":"list","data":[{"embedding":[0.1,-2]}]}',
    "embedding in base64": b'{"data":[{"embedding":"AACAPw=="}]}',
    "pooling": b'{"data":[{"object":"pooling","data":[[0.1,0.2],[0.3,0.4]]}]}',
}  # fmt: skip

NO_TOKEN, BROKEN = "the stream ended without a token", "the stream broke off after a token"
NOTHING = "no answer in the response"

# The error's code, and what is wrong.
NOT_WHOLE: dict[str, tuple[bytes, int | None, str]] = {
    "nothing": (b"", None, NOTHING),
    "comments alone": (b": ping\n\n: ping\n\n", None, NO_TOKEN),
    "DONE alone": (sse(DONE), None, NO_TOKEN),
    "a role alone": (sse(ROLE, DONE), None, NO_TOKEN),
    "a role of null alone": (sse(delta(role="assistant", content=None)), None, NO_TOKEN),
    "no choices": (sse({"choices": []}, DONE), None, NO_TOKEN),
    "null for a choice": (sse({"choices": [None]}, DONE), None, NO_TOKEN),
    "null for choices": (sse({"choices": None}, DONE), None, NO_TOKEN),
    "null for a text": (sse(text(None), DONE), None, NO_TOKEN),
    "a token, no end": (sse(text(), text()), None, BROKEN),
    "a response without its end": (sse(said("output_text.delta", delta="a")), None, BROKEN),
    "an error": (sse(ERROR, DONE), 500, "no"),
    "an error after a token": (sse(text(), ERROR, DONE), 500, "no"),
    "finished by error": (sse(text(), text("", "error"), DONE), 0, 'finished by "error"'),
    "finished by abort": (sse(text("", "abort"), DONE), 0, 'finished by "abort"'),
    "finished by abort, as an object": (
        sse(text("", {"type": "abort", "message": "x"}), DONE), 0, 'finished by "abort"'),
    "an error in the choice": (
        sse({"choices": [{"delta": {"content": ""}, "finish_reason": "error",
                          "error": {"code": 502, "message": "gone"}}]}), 502, "gone"),
    "a response that failed": (
        sse(said("failed", response={"error": {"code": "server_error", "message": "x"}})),
        500, "x"),
    "an event named error": (b'event: error\ndata: {"message": "x"}\n\n', 0, "x"),
    "an event named error, in words": (b"event: error\ndata: gone\n\n", 0, ""),
    "a field named error": (b'error: {"code":503,"message":"x"}\n\n', 503, "x"),
    "the code as text": (sse({"error": {"message": "x", "code": "503"}}), 503, "x"),
    "a flat error": (sse({"message": "x", "code": "429"}), 429, "x"),
    "an error that is an object by name": (
        sse({"object": "error", "message": "x", "code": 400}), 400, "x"),
    "a detail": (sse({"detail": "x"}), 0, "x"),
    "JSON with an error": (b'{"error": {"type": "rate_limit_error", "message": "x"}}', 429, "x"),
    "JSON of a failed response": (
        b'{"object":"response","status":"failed","error":{"code":"server_error","message":"x"}}',
        500, "x"),
    "JSON that breaks off": (b'{"choices":[{"text":"a","finish_re', None, NOTHING),
    "JSON without an answer": (b'{"choices":[]}', None, NOTHING),
    "a list": (b"[1]", None, NOTHING),
    "HTML": (b"<html>welcome</html>", None, NO_TOKEN),
    "no vector": (b'{"data":[{"embedding":[]}]}', None, NOTHING),
    "a vector of nothing": (b'{"data":[{"embedding":[NaN,NaN]}]}', None, NOTHING),
    "a vector of null": (b'{"data":[{"embedding":[null]}]}', None, NOTHING),
    "a vector of huge numbers goes on": (
        b'{"data":[{"embedding":[' + b"9" * 5000 + b"]}]}", None, NOTHING),
    "a stream without end": (
        sse(text()) * 2000, None, "an answer beyond 64 KiB, which was not asked for"),
    "a line without end": (
        b"data: " + b"x" * MAX_STREAM, None, "an answer beyond 64 KiB, which was not asked for"),
    "a body without end": (
        b'{"a":"' + b"x" * MAX_BODY, None, "an answer beyond 1024 KiB, which was not asked for"),
}  # fmt: skip


def read(body: bytes, cuts: list[int] | None = None) -> Answer:
    reader, begin = AnswerReader(), 0
    for cut in [*sorted(cuts or []), len(body)]:
        if reader.feed(body[begin:cut], 0.5):
            return reader.answer()
        begin = cut
    reader.end(0.5)
    return reader.answer()


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_is_life(name: str) -> None:
    answer = read(WHOLE[name])
    assert (answer.complete, answer.ttft, answer.error, answer.detail) == (True, 0.5, None, "")
    assert (answer.late, answer.stalled) == (False, False)


@pytest.mark.parametrize("name", NOT_WHOLE)
def test_what_is_no_whole_answer_is_no_life_and_says_why(name: str) -> None:
    body, error, detail = NOT_WHOLE[name]
    answer = read(body)
    assert (answer.complete, answer.error, answer.detail) == (False, error, detail)


BODIES = [*WHOLE.values(), *(body for body, _, _ in NOT_WHOLE.values() if len(body) < 5000)]


@given(st.sampled_from(BODIES), st.lists(st.integers(0, 400), max_size=30))
def test_an_answer_is_the_same_however_it_is_cut_into_packets(body: bytes, cuts: list[int]) -> None:
    assert read(body, [min(cut, len(body)) for cut in cuts]) == read(body)


@pytest.mark.parametrize("name", [name for name in WHOLE if len(WHOLE[name]) < 200])
def test_an_answer_is_the_same_octet_by_octet(name: str) -> None:
    assert read(WHOLE[name], list(range(len(WHOLE[name])))) == read(WHOLE[name])


@given(st.lists(st.sampled_from([*BODIES, b"data: ", b"\n", b"\r", b"{", b"event: error\n", b"["])))
def test_nothing_that_comes_raises(parts: list[bytes]) -> None:
    answer = read(b"".join(parts))
    assert answer.complete <= (answer.error is None)


@given(st.binary(max_size=300), st.booleans())
def test_no_octets_raise(body: bytes, as_event: bool) -> None:
    read(b"data: " + body + b"\n\n" if as_event else body)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(
        ["", "a", "error", "abort", "503", "response.completed", "response.x.delta"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "text", "delta", "content", "finish_reason", "error", "code",
                         "message", "detail", "type", "object", "data", "embedding", "response"]),
        inner, max_size=5),
    max_leaves=15,
)  # fmt: skip


@given(st.lists(json_values, max_size=4), st.booleans())
def test_no_json_raises(events: list[Any], stream: bool) -> None:
    read(sse(*events) if stream else json.dumps(events[0] if events else None).encode())


@pytest.mark.parametrize(
    ("body", "stalled", "detail"),
    [
        (b"", False, ""),
        (b": ping\n\n", False, ""),
        (sse(ROLE), False, ""),
        (sse(text()), True, "a token, and then no end"),
        (sse(text(), text("b", "length")), True, "a token, and then no end"),
    ],
)
def test_a_stream_that_stalls_after_a_token_is_told_from_one_without(
    body: bytes, stalled: bool, detail: str
) -> None:
    reader = AnswerReader()
    assert not reader.feed(body, 0.5)
    answer = reader.answer(late=True)
    assert (answer.complete, answer.late, answer.stalled) == (False, True, stalled)
    assert answer.detail == detail


def test_a_connection_that_fails_after_a_token_says_how() -> None:
    reader = AnswerReader()
    reader.feed(sse(text()), 0.5)
    answer = reader.cut_off("connection reset")
    assert (answer.complete, answer.detail, answer.stalled) == (False, "connection reset", False)


@pytest.mark.parametrize("last", [False, True])
def test_the_fingerprint_may_stand_in_any_event(last: bool) -> None:
    """vLLM 0.32 writes it in the last alone."""
    extra = {"system_fingerprint": "f"}
    first, second = text() | ({} if last else extra), text("b", "stop") | (extra if last else {})
    assert read(sse(first, second, DONE)).fingerprint == "f"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": 429}, 429),
        ({"code": "429"}, 429),
        ({"code": "503 Service Unavailable"}, 503),
        ({"code": 1, "type": "rate_limit_error"}, 429),
        ({"code": "rate_limit_exceeded"}, 429),
        ({"type": "RateLimitError"}, 429),
        ({"type": "throttling_error", "code": "429"}, 429),
        ({"type": "overloaded_error"}, 529),
        ({"type": "service_unavailable"}, 503),
        ({"type": "ServiceUnavailableError"}, 503),
        ({"type": "unavailable_error", "code": None}, 503),
        ({"status": "UNAVAILABLE"}, 503),
        ({"status": "RESOURCE_EXHAUSTED", "code": 8}, 429),
        ({"type": "authentication_error"}, 401),
        ({"type": "not_found_error"}, 404),
        ({"type": "invalid_request_error"}, 400),
        ({"code": True}, 0),
        ({"code": 10**30}, 0),
        ({"code": "5030"}, 0),
        ({"code": [429]}, 0),
    ],
)
def test_an_error_is_read_as_what_it_says(error: dict[str, object], code: int) -> None:
    for body in ({"error": error | {"message": "x"}}, {"object": "error", "message": "x"} | error):
        found = find_error(body)
        assert found is not None
        assert found == (code, "x")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "x"}}, "x"),
        ({"error": "x"}, "x"),
        ({"message": "x"}, "x"),
        ({"detail": "x"}, "x"),
        ({"detail": [{"loc": ["body"], "msg": "x"}]}, "x"),
        ({"error": "x", "error_type": "overloaded"}, "x"),
        ({"detail": {"message": "x"}}, "x"),
        ({"error": {"message": ["x"]}}, ""),
        ("x", "x"),
        (None, ""),
        ({}, ""),
    ],
)
def test_the_words_of_an_error_are_found(body: object, message: str) -> None:
    assert message_of(body) == message
    assert find_error({"error": "x", "error_type": "overloaded"}) == (529, "x")
