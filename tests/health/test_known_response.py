"""A response that is told to be the last one again says what that said."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolverd.health.probes.known_response import KnownResponse
from resolverd.health.probes.plain_response import PlainHead, read_body, read_head

LIMIT = 64 * 1024
HEAD = b"HTTP/1.1 200 OK\r\n%bServer: x\r\nContent-Length: 2\r\n\r\nok"
DATE = b"Date: Sun, 29 Nov 2026 19:31:49 GMT\r\n"
LATER = b"Date: Sun, 29 Nov 2026 19:31:50 GMT\r\n"
PIECES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 503 No", b"\r\n", b"\r", b"\n", b"Date:", b"date: ", b" ",
     b"Content-Length: 2", b"Transfer-Encoding: chunked", b"now", b"then", b"\x00", b"\xff", b"ok"]
)  # fmt: skip
RESPONSES = st.lists(PIECES, max_size=12).map(b"".join) | st.sampled_from(
    [HEAD % DATE, HEAD % LATER, HEAD % DATE.lower(), HEAD % b"", HEAD % b"Date:\r\n"]
)


def said(octets: bytes) -> object:
    """What a response says, but for where its head ends."""
    head = read_head(octets, headers_only=False)
    return (head.status, read_body(octets, head, LIMIT)) if isinstance(head, PlainHead) else head


@given(RESPONSES, RESPONSES, st.integers(0, 80), st.binary(max_size=3))
@example(HEAD % DATE, HEAD % LATER, 0, b"")
def test_what_is_told_to_be_the_same_says_the_same(
    known: bytes, received: bytes, at: int, other: bytes
) -> None:
    head = read_head(known, headers_only=False)
    if not isinstance(head, PlainHead):
        return
    before = KnownResponse(known, head.end)
    for octets in (received, known[:at] + other + known[at + len(other) :]):
        if before.again(octets):
            assert said(octets) == said(known)


@pytest.mark.parametrize(
    ("received", "again"),
    [
        (HEAD % DATE, True),
        (HEAD % LATER, True),
        (HEAD % DATE.lower(), False),
        (HEAD % DATE[:-3] + b"\r\n", False),
        (HEAD % DATE.replace(b"GMT", b"G\rT"), False),
        (HEAD % DATE.replace(b"GMT", b"G\xe4T"), False),
        ((HEAD % LATER).replace(b"200", b"503"), False),
        ((HEAD % LATER)[:-1], False),
        ((HEAD % LATER)[:-1] + b"!", False),
        (HEAD % LATER + b"more", False),
        (b"", False),
    ],
)
def test_only_the_date_may_differ(received: bytes, again: bool) -> None:
    known = HEAD % DATE
    assert KnownResponse(known, known.index(b"\r\n\r\n") + 4).again(received) is again


def test_a_date_in_the_body_is_the_bodys() -> None:
    known = (HEAD % b"").replace(b"2", b"3", 1) + b"\r\nDate: 1\r\n"
    made = KnownResponse(known, known.index(b"\r\n\r\n") + 4)
    assert made.again(known)
    assert not made.again(known.replace(b"Date: 1", b"Date: 2"))
