"""What curl takes, the http probe takes: odd responses, each given to both by the same server."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.outcome import Outcome
from resolverd.health.probes.framing import MAX_HEAD, end_of_head, framed
from resolverd.health.probes.protocol import FramedProtocol

Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Outcome]]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KIB = 1024
OK = b"HTTP/1.1 200 OK\r\n"
REST = b"Content-Length: 2\r\n\r\nok"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n2\r\nok\r\n0\r\n\r\n"

TAKEN: dict[str, bytes] = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + REST,
    "102": b"HTTP/1.1 102 Processing\r\n\r\n" + OK + REST,
    "103 with a header": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + REST,
    "five interim responses": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5 + OK + REST,
    "HTTP/1.0 with a length": b"HTTP/1.0 200 OK\r\n" + REST,
    "no reason phrase": b"HTTP/1.1 200 \r\n" + REST,
    "no reason phrase and no space": b"HTTP/1.1 200\r\n" + REST,
    "a reason phrase beyond ASCII": b"HTTP/1.1 200 \xc3\xa9t\xe9\r\n" + REST,
    "a status nobody registered": b"HTTP/1.1 299 Odd\r\n" + REST,
    "a folded header": OK + b"X-A: one\r\n two\r\n" + REST,
    "a header folded by a tab": OK + b"X-A: one\r\n\ttwo\r\n" + REST,
    "a length in a folded header": OK + b"X-A: one\r\n Content-Length: 9\r\n" + REST,
    "headers that come twice": OK + b"X-A: 1\r\nX-A: 2\r\n" + REST,
    "an empty value": OK + b"X-A:\r\n" + REST,
    "no space after the colon": OK + b"X-A:1\r\nContent-Length:2\r\n\r\nok",
    "spaces around a length": OK + b"Content-Length:   2  \r\n\r\nok",
    "a value beyond ASCII": OK + b"X-A: caf\xc3\xa9 caf\xe9\r\n" + REST,
    "LF alone ends lines": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "LF alone ends some lines": b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\r\nok",
    "chunks": CHUNKED + CHUNKS,
    "a chunk's extensions": CHUNKED + b'\r\n2;a=b;c="d e"\r\nok\r\n0;x\r\n\r\n',
    "zeros before a chunk's size": CHUNKED + b"\r\n0002\r\nok\r\n000\r\n\r\n",
    "a space after a chunk's size": CHUNKED + b"\r\n2 \r\nok\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"\r\n2\r\nok\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n",
    "Chunked": OK + b"Transfer-Encoding: Chunked\r\n" + CHUNKS,
    "a length, then chunks": OK + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n" + CHUNKS,
    "chunks, then a length": CHUNKED + b"Content-Length: 99\r\n" + CHUNKS,
    "the same length twice": OK + b"Content-Length: 2\r\n" + REST,
    "the same length in a list": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "octets after the length": OK + REST + b" and more",
    "another response after the first": OK + REST + OK + REST,
    "204 with a body": b"HTTP/1.1 204 No Content\r\n" + REST,
    "205": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "an offer to upgrade": OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + REST,
    "gzip that is none": OK + b"Content-Encoding: gzip\r\n" + REST,
    "a media type that is none": OK + b"Content-Type: ;;;=\xff\r\n" + REST,
    "a cookie that is none": OK + b"Set-Cookie: =;;[]{}=\r\n" + REST,
    "a link that is none": OK + b"Link: <<;;,>\r\n" + REST,
    "a redirect to nowhere": b"HTTP/1.1 302 Found\r\nLocation: http://[::bad\r\n" + REST,
    "a challenge that is none": b"HTTP/1.1 401 No\r\nWWW-Authenticate: ,,\r\n" + REST,
    "a header over 8,190 octets": OK + b"X-A: " + b"y" * 8200 + b"\r\n" + REST,
    "a header of 99 KiB": OK + b"X-A: " + b"y" * (99 * KIB) + b"\r\n" + REST,
    "a name of 64 KiB": OK + b"y" * (64 * KIB) + b": a\r\n" + REST,
    "a reason phrase of 64 KiB": b"HTTP/1.1 200 " + b"y" * (64 * KIB) + b"\r\n" + REST,
    "280 KiB of headers": OK + (b"X-A: " + b"y" * (40 * KIB) + b"\r\n") * 7 + REST,
    "4,990 headers": OK + b"".join(b"X-%d: y\r\n" % i for i in range(4990)) + REST,
}

# What ends with the connection: given with its end, and only to GET.
TAKEN_TO_THE_END: dict[str, bytes] = {
    "HTTP/1.0 without a length": b"HTTP/1.0 200 OK\r\n\r\nok",
    "HTTP/1.1 without a length": OK + b"\r\nok",
    "the wrong case of close": OK + b"Connection: Close\r\n\r\nok",
}

# Where the probe takes less than curl does, or both refuse; docs/health.md names each.
REFUSED: dict[str, tuple[bytes, str]] = {
    "more than 300 KiB of headers": (
        OK + (b"X-A: " + b"y" * (40 * KIB) + b"\r\n") * 8 + REST,
        "malformed HTTP response: headers of more than 300 KiB",
    ),
    "300 KiB of headers without an end": (
        OK + (b"X-A: " + b"y" * (40 * KIB) + b"\r\n") * 8,
        "malformed HTTP response: headers of more than 300 KiB",
    ),
    "a header of 101 KiB": (
        OK + b"X-A: " + b"y" * (101 * KIB) + b"\r\n" + REST,
        "malformed HTTP response: Got more than 102400 bytes",
    ),
    "6,000 headers": (
        OK + b"".join(b"X-%d: y\r\n" % i for i in range(6000)) + REST,
        "malformed HTTP response: Too many headers",
    ),
    "a space before a colon": (
        OK + b"X-A : 1\r\n" + REST,
        "malformed HTTP response: Invalid header token",
    ),
    "a name beyond ASCII": (
        OK + b"X-\xc3\xa9: 1\r\n" + REST,
        "malformed HTTP response: Invalid header token",
    ),
    "two lengths": (
        OK + b"Content-Length: 3\r\n" + REST,
        "malformed HTTP response: Duplicate Content-Length",
    ),
    "a length with a sign": (
        OK + b"Content-Length: +2\r\n\r\nok",
        "malformed HTTP response: Invalid character in Content-Length",
    ),
    "a length over 64 bits": (
        OK + b"Content-Length: 99999999999999999999\r\n\r\nok",
        "malformed HTTP response: Content-Length overflow",
    ),
    "identity beside a length": (
        OK + b"Transfer-Encoding: identity\r\n" + REST,
        "malformed HTTP response: Content-Length can't be present",
    ),
    "CR inside a value": (
        OK + b"X-A: a\rb\r\n" + REST,
        "malformed HTTP response: Missing expected LF",
    ),
    "chunk sizes that end in LF": (
        CHUNKED + b"\r\n2\nok\n0\n\n",
        "malformed HTTP response: Expected LF after chunk size",
    ),
    "octets after the last chunk": (
        CHUNKED + CHUNKS + b"and more",
        "malformed HTTP response: Bad status line",
    ),
    "HTTP/2 in text": (b"HTTP/2 200\r\n" + REST, "malformed HTTP response: Bad status line"),
    "two spaces": (b"HTTP/1.1  200 OK\r\n" + REST, "malformed HTTP response: Bad status line"),
    "HTTP/0.9": (b"all is well\n", "malformed HTTP response: Bad status line"),
}


def sending(*segments: bytes, end: bool = False) -> Handler:
    """Sends the segments one by one when asked, and `end`s or keeps the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for segment in segments:
            writer.write(segment)
            await writer.drain()
            await asyncio.sleep(0)
        if end and not writer.is_closing():
            writer.write_eof()
        await reader.read()

    return handle


def status_of(answer: bytes) -> int:
    """The status of the last head that `answer` begins with."""
    while answer.startswith(b"HTTP/1.1 1"):
        answer = answer[answer.index(b"\r\n\r\n") + 4 :]
    return int(answer.split(maxsplit=2)[1])


async def verdict(ask: Ask, port: int, answer: bytes, method: str = "GET") -> Outcome:
    """The probe's, where the status that the answer has is what is wanted."""
    status = status_of(answer)
    return await ask(f"http://127.0.0.1:{port}", method=method, expect_status=(status,))


async def curl(port: int, method: str = "GET") -> tuple[int, str]:
    """curl's exit status and the HTTP status that it saw."""
    head = ["-I"] if method == "HEAD" else []
    process = await asyncio.create_subprocess_exec(
        *("curl", "-q", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", *head),
        f"http://127.0.0.1:{port}/health",
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", TAKEN)
async def test_an_odd_response_is_taken(serve: Serve, ask: Ask, name: str, method: str) -> None:
    answer = TAKEN[name]
    outcome = await verdict(ask, await serve(sending(answer)), answer, method)
    assert (outcome.ok, outcome.reason) == (True, f"HTTP {status_of(answer)}")


@pytest.mark.parametrize("name", TAKEN_TO_THE_END)
async def test_a_body_may_end_with_its_connection(serve: Serve, ask: Ask, name: str) -> None:
    answer = TAKEN_TO_THE_END[name]
    outcome = await verdict(ask, await serve(sending(answer, end=True)), answer)
    assert (outcome.ok, outcome.reason) == (True, "HTTP 200")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", TAKEN)
async def test_curl_takes_it_too(serve: Serve, name: str, method: str) -> None:
    port = await serve(sending(TAKEN[name]))
    assert await curl(port, method) == (0, str(status_of(TAKEN[name])))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
@pytest.mark.parametrize("name", TAKEN_TO_THE_END)
async def test_curl_reads_to_the_end_too(serve: Serve, name: str) -> None:
    port = await serve(sending(TAKEN_TO_THE_END[name], end=True))
    assert await curl(port) == (0, "200")


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused_says_why(serve: Serve, ask: Ask, name: str) -> None:
    answer, reason = REFUSED[name]
    outcome = await ask(f"http://127.0.0.1:{await serve(sending(answer))}")
    assert not outcome.ok
    assert outcome.responded
    assert outcome.reason.startswith(reason)


async def test_a_burst_of_interim_responses_costs_by_its_length() -> None:
    """No more per octet for ten times as many, whatever else the machine does meanwhile."""

    def cost(times: int) -> float:
        protocol = FramedProtocol(loop=asyncio.get_running_loop())
        burst = b"HTTP/1.1 100 C\r\n\r\n" * times
        began = time.process_time()
        protocol._within_response(burst)
        return (time.process_time() - began) / times

    few = min(cost(1_400) for _ in range(5))
    many = min(cost(14_000) for _ in range(5))
    assert many < 4 * few


async def test_headers_cut_short_are_no_answer(serve: Serve, ask: Ask) -> None:
    port = await serve(sending(OK + b"X-A: 1\r\n", end=True))
    outcome = await ask(f"http://127.0.0.1:{port}")
    assert (outcome.ok, outcome.reason) == (False, "connection closed without an answer")


@pytest.mark.parametrize(
    "name",
    ["103 with a header", "octets after the length", "204 with a body", "LF alone ends lines",
     "a length, then chunks", "the same length twice", "trailers"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_no_verdict_hangs_on_where_segments_end(
    serve: Serve, ask: Ask, name: str, method: str
) -> None:
    answer = TAKEN[name]
    octets = [bytes([each]) for each in answer]
    outcome = await verdict(ask, await serve(sending(*octets)), answer, method)
    assert (outcome.ok, outcome.reason) == (True, f"HTTP {status_of(answer)}")


@pytest.mark.parametrize(("wanted", "ok"), [("ok", True), ("more", False)])
async def test_text_after_the_end_of_a_response_is_not_its_body(
    serve: Serve, ask: Ask, wanted: str, ok: bool
) -> None:
    port = await serve(sending(TAKEN["octets after the length"]))
    assert (await ask(f"http://127.0.0.1:{port}", expect_body=wanted)).ok is ok


async def test_a_signed_path_goes_out_as_it_is_written(serve: Serve, ask: Ask) -> None:
    path = "/a%2Fb%20c/%7E/+%2B?sig=x%2Fy%2B+z%3D&e=%c3%A9&again=%2525"
    asked = asyncio.get_running_loop().create_future()

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
        writer.write(OK + REST)
        await reader.read()

    assert (await ask(f"http://127.0.0.1:{await serve(record)}", path=path)).ok
    assert await asked == f"GET {path} HTTP/1.1"


# Headers as lines, for what a head says of its body.
LINES = st.lists(
    st.sampled_from(
        [b"Content-Length: 2", b"content-length:2 ", b"Content-Length: 2, 2", b"Content-Length: 3",
         b"Content-Length: two", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, Chunked",
         b"X-Content-Length: 7", b"X: chunked", b"X: a\r\n Content-Length: 5"]
    ),
    max_size=4,
)  # fmt: skip


@given(LINES, st.sampled_from([b"200 OK", b"204 No Content", b"304 Not Modified"]), st.booleans())
def test_a_head_is_framed_as_rfc_9112_says(
    lines: list[bytes], status: bytes, headers_only: bool
) -> None:
    head = b"HTTP/1.1 " + status + b"\r\n" + b"".join(each + b"\r\n" for each in lines) + b"\r\n"
    made, length = framed(head, headers_only=headers_only)

    fields = [line.split(b":", 1) for line in lines]
    said = [
        each.strip()
        for name, value in fields
        if name.lower() == b"content-length"
        for each in value.split(b",")
    ]
    chunked = any(n == b"Transfer-Encoding" and v.lower().endswith(b"chunked") for n, v in fields)
    agreed = not chunked and len(set(said)) == 1 and said[0].isdigit()
    if headers_only or status[:3] in (b"204", b"304"):
        assert length == 0
    else:
        assert length == (int(said[0]) if agreed else None)
    lengths = [line for line in made.split(b"\r\n") if line.lower().startswith(b"content-length")]
    if chunked:
        assert lengths == []
    elif agreed:
        assert [line.split(b":")[1].strip() for line in lengths] == [said[0]]
    else:
        assert made == head
    others = [line for line in lines if not line.lower().startswith(b"content-length")]
    assert [line for line in made.split(b"\r\n")[1:-2] if line not in lengths] == [
        part for line in others for part in line.split(b"\r\n")
    ]
    assert end_of_head(made) == len(made) <= MAX_HEAD
