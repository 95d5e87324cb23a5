"""A request that is written here is, octet for octet, the one that aiohttp writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from yarl import URL

from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.kind import kind_named
from resolverd.health.probes import Tools, run
from resolverd.health.probes.plain_request import plain_request
from resolverd.health.probes.run import run_task

Serve = Callable[..., Awaitable[int]]

SETTINGS: list[dict[str, Any]] = [
    {},
    {"method": "HEAD"},
    {"path": "/a?b=%41 c#d"},
    {"path": "/ü"},
    {"path": ""},
    {"host": "ex.example"},
    {"headers": {"X-A": "b", "HOST": "ex.example", "Accept": "*/*", "Authorization": "Bearer x"}},
    {"headers": {"user-agent": "another", "X-Empty": ""}},
    {"headers": {"Accept-Encoding": "gzip"}},
    {"headers": {"Connection": "keep-alive"}},
    {"headers": {"Cookie": "a=b"}},
    {"headers": {"X-Space": " a "}},
    {"headers": {"X-Umlaut": "ü"}},
    {"body": "x"},
    {"method": "POST"},
    {"method": "POST", "body": "x"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
@pytest.mark.parametrize("user", ["", "u:p@"])
async def test_what_is_sent_is_what_the_library_sends(
    settings: dict[str, Any], user: str, serve: Serve, tools: Tools
) -> None:
    sent: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        sent.append(head + (b"" if b"Content-Length: 1" not in head else await reader.read(1)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    url = f"http://{user}127.0.0.1:{await serve(note)}"
    probe = complete_probe({"timeout": 5.0} | settings)
    ask = kind_named("http").prepare(url, probe, tools)
    directly, by_library = await run(ask, probe.timeout), await run_task(ask, probe.timeout)
    assert (directly.ok, directly.reason) == (by_library.ok, by_library.reason)
    assert len(sent) == (2 if directly.ok else 0)
    assert sent[:1] == sent[1:]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://192.0.2.1/", b"Host: 192.0.2.1\r\n"),
        ("http://192.0.2.1:80/", b"Host: 192.0.2.1\r\n"),
        ("http://192.0.2.1:8000/", b"Host: 192.0.2.1:8000\r\n"),
        ("http://[2001:db8::1]:8000/", b"Host: [2001:db8::1]:8000\r\n"),
        ("http://ex.example/", b"Host: ex.example\r\n"),
    ],
)
def test_the_host_is_named_as_the_url_has_it(url: str, host: bytes) -> None:
    request = plain_request("GET", URL(url), {})
    assert request is not None
    assert host in request.octets


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("GET", "https://192.0.2.1/", {}),
        ("POST", "http://192.0.2.1/", {}),
        ("GET", "http://user@192.0.2.1/", {}),
        ("GET", "http://[fe80::1%25eth0]/", {}),
        ("GET", "http://192.0.2.1/", {"X-A": "b\r\nX-C: d"}),
        ("GET", "http://192.0.2.1/", {"X A": "b"}),
        ("GET", "http://192.0.2.1/", {"Transfer-Encoding": "chunked"}),
        ("GET", "http://192.0.2.1/", {"X-A": "b" * 5000}),
    ],
)
def test_what_has_no_plain_form_is_left_to_the_library(
    method: str, url: str, headers: dict[str, str]
) -> None:
    assert plain_request(method, URL(url), headers) is None
