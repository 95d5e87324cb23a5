"""A canary's answer, read from its octets as they come: is it a whole answer? Pure.

What is read, whatever API was asked (completions, chat completions, responses, embeddings), as a
stream of server-sent events or as one JSON body. Proof of life is a whole answer:

- a token: text that is not null in a completion, content or reasoning in a chat, a delta of a
  response, a vector; or the reason for which it is finished, for a token may decode to nothing;
- and the end: `[DONE]`, the last event of a response, or a finish_reason and the body's own end.

No proof: headers, comments (`: ping`), a bare role, ``choices: []``, ``choices: [null]``, a
finish_reason of "error" or "abort", an error after a token, `[DONE]` after an error, a body that
ends before the answer does. Lines end as server-sent events allow (HTML Living Standard, 9.2.6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from resolverd.health.probes.error_body import UNKNOWN, find_error
from resolverd.health.probes.exchange import printable
from resolverd.health.untrusted_json import MAX_VALUES, parse_json, too_many_values

# Octets of a stream of two tokens: an event has some 300. One that goes on beyond has no end.
MAX_STREAM = 64 * 1024
# Octets of a body that is no stream: a vector of 8,192 numbers has some 180 KB.
MAX_BODY = 1024 * 1024
# Lines of one event: a value that is written over several has as many as it has lines.
MAX_LINES = 1000

# What may stand before an answer: a byte order mark, and white space that keeps a connection alive.
_BLANK = b"\xef\xbb\xbf \r\n\t"
_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)
_NO_TOKEN = "the stream ended without a token"
_NO_END = "the stream broke off after a token"
_FAILED = frozenset({"error", "abort", "cancelled", "failed"})
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a canary.

    `status` is the response's, None where none came in time. `ttft` is the time to the first token
    in seconds, None where none came. `complete` tells that the answer came whole, which alone is
    proof of life. `late` tells that time ran out, or that a gateway's did (504); `stalled` that it
    ran out after a token. `error` is the HTTP status that an error in the answer stands for,
    0 where it tells none. `fingerprint` is what an event says of the server's set-up.
    `detail` is what is wrong, in the server's own words where it has any.
    """

    status: int | None = None
    ttft: float | None = None
    complete: bool = False
    stalled: bool = False
    error: int | None = None
    fingerprint: str = ""
    detail: str = ""
    late: bool = False


class AnswerReader:
    """Reads the body of a response with status 200; nothing that it is fed raises."""

    def __init__(self) -> None:
        self._octets = 0
        self._pending = bytearray()  # a line that has not ended yet, or a body that is no stream
        self._is_stream: bool | None = None
        self._name, self._data = "", list[bytes]()  # of the event whose lines are coming
        self._ttft: float | None = None
        self._finished = self._ended = False
        self._error: int | None = None
        self._fingerprint, self._detail = "", ""

    def feed(self, chunk: bytes, elapsed: float) -> bool:
        """Read on, at so many seconds since the request; whether there is nothing more to read."""
        if self._is_stream is None:
            chunk = (bytes(self._pending) + chunk).lstrip(_BLANK)
            self._pending.clear()
            if not chunk:
                return False
            self._is_stream = chunk[:1] not in (b"{", b"[")
        limit = MAX_STREAM if self._is_stream else MAX_BODY
        taken = chunk[: limit - self._octets]
        self._octets += len(taken)
        self._take(taken, elapsed)
        if len(taken) < len(chunk) and not self._over():
            self._fail(None, f"an answer beyond {limit // 1024} KiB, which was not asked for")
        return self._over()

    def _take(self, chunk: bytes, elapsed: float) -> None:
        may_end_a_line = b"\n" in chunk or b"\r" in chunk or self._pending.endswith(b"\r")
        self._pending += chunk
        if not self._is_stream or not may_end_a_line:
            return
        *lines, rest = _LINE_END.split(bytes(self._pending))
        self._pending = bytearray(rest)
        for line in lines:
            self._line(line, elapsed)
            if self._over():
                return

    def end(self, elapsed: float) -> None:
        """Take in that the body is complete, `elapsed` seconds after the request."""
        if self._is_stream:
            for line in (bytes(self._pending).rstrip(b"\r"), b""):
                if not self._over():
                    self._line(line, elapsed)
        elif too_many_values(self._pending) and not self._over():
            self._fail(None, f"an answer of more than {MAX_VALUES} JSON values")
        elif self._pending and not self._over():
            self._body(parse_json(bytes(self._pending)), elapsed)
        self._ended = self._ended or self._finished
        if not self._over():
            self._detail = "no answer in the response"
            if self._is_stream:
                self._detail = _NO_TOKEN if self._ttft is None else _NO_END

    def answer(self, *, late: bool = False) -> Answer:
        """What has been read so far; `late` where no more of it will come in time."""
        complete = (
            self._ended and self._ttft is not None and self._error is None and not self._detail
        )
        stalled = late and self._ttft is not None and not complete
        return Answer(
            status=200,
            ttft=self._ttft,
            complete=complete,
            stalled=stalled,
            error=self._error,
            fingerprint=self._fingerprint,
            detail="a token, and then no end" if stalled else self._detail,
            late=late and not complete,
        )

    def cut_off(self, reason: str) -> Answer:
        """The answer where the connection failed after so much of it."""
        if not self._over():
            self._detail = reason
        return self.answer()

    def _over(self) -> bool:
        return self._ended or self._error is not None or bool(self._detail)

    def _line(self, line: bytes, elapsed: float) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            if len(self._data) > MAX_LINES:
                self._fail(None, f"an event of more than {MAX_LINES} lines")
        elif field == b"event":
            self._name = value[:100].decode("ascii", "replace")
        elif field == b"error":  # llama.cpp before 2025 writes errors into a field of that name
            self._name, self._data = "error", [value]
        elif not line and self._data:
            name, data = self._name, self._data
            self._name, self._data = "", []
            whole = parse_json(b"\n".join(data))
            for text in (b"\n".join(data),) if whole is not None else data:
                if not self._over():
                    self._event(name, text, elapsed)
        elif not line:
            self._name = ""

    def _event(self, name: str, text: bytes, elapsed: float) -> None:
        if text.strip() == b"[DONE]":
            if self._ttft is None:
                self._detail = _NO_TOKEN
            self._ended = True
            return
        value = parse_json(text)
        if error := find_error(value, event=name):
            self._fail(error.code, error.message)
        elif isinstance(value, dict):
            self._read(value, elapsed)

    def _body(self, value: Any, elapsed: float) -> None:
        if error := find_error(value):
            self._fail(error.code, error.message)
        elif isinstance(value, dict):
            self._read(value, elapsed)
            self._finished = self._finished or self._ttft is not None

    def _read(self, value: dict[str, Any], elapsed: float) -> None:
        finish = _finish(value)
        if finish in _FAILED:
            error = find_error(value.get("response"))
            self._fail(
                error.code if error else UNKNOWN,
                error.message if error else f'finished by "{finish}"',
            )
            return
        if self._ttft is None and (finish or _has_token(value)):
            self._ttft = elapsed
        # vLLM tells it in the last event alone.
        self._fingerprint = printable(value.get("system_fingerprint")) or self._fingerprint
        self._finished = self._finished or bool(finish)
        self._ended = self._ended or (bool(finish) and "choices" not in value)

    def _fail(self, code: int | None, detail: str) -> None:
        self._error, self._detail = code, detail


def _choices(value: dict[str, Any]) -> list[dict[str, Any]]:
    choices = value.get("choices")
    return [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []


def _has_token(value: dict[str, Any]) -> bool:
    """Whether there is generated text, or a vector, in an event or a body."""
    for choice in _choices(value):
        if isinstance(choice.get("text"), str):
            return True
        for part in (choice.get("delta"), choice.get("message")):
            if isinstance(part, dict) and (
                part.get("tool_calls")
                or any(part.get(key) and isinstance(part[key], str) for key in _TEXTS)
            ):
                return True
    kind = value.get("type")
    if isinstance(kind, str) and kind.startswith("response.") and kind.endswith(".delta"):
        return isinstance(value.get("delta"), str)
    return _has_vector(value.get("data"))


def _has_vector(data: object) -> bool:
    """Whether `data` holds an embedding or another pooler's output: numbers, or base64."""
    for item in data if isinstance(data, list) else ():
        found = (item.get("embedding") or item.get("data")) if isinstance(item, dict) else None
        while isinstance(found, list) and found and isinstance(found[0], list):
            found = found[0]
        if isinstance(found, str) and found:
            return True
        if isinstance(found, list) and found and type(found[0]) in (int, float):
            return bool(found[0] == found[0])  # NaN is a vector of nothing
    return False


def _finish(value: dict[str, Any]) -> str:
    """Why the answer is finished; empty where it is not, or does not say."""
    for choice in _choices(value):
        reason = choice.get("finish_reason")
        reason = reason.get("type") if isinstance(reason, dict) else reason
        if isinstance(reason, str) and reason:
            return reason
    kind, status = value.get("type"), value.get("status")
    if isinstance(kind, str) and kind.startswith("response."):
        ending = kind.removeprefix("response.")
        return ending if ending in ("completed", "incomplete", *_FAILED) else ""
    if value.get("object") == "response" and status in ("completed", "incomplete", *_FAILED):
        return str(status)
    return ""
