"""TLS in the http probe: verified unless told otherwise, under the right name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from resolverd.health.outcome import Outcome

CERTIFICATE = Path(__file__).with_name("self-signed.pem")
NAME = "probe.example.test"
Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Outcome]]


async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def server_names() -> list[str | None]:
    return []


@pytest.fixture
async def tls_port(serve: Serve, server_names: list[str | None]) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    def note(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        server_names.append(name)

    context.sni_callback = note
    return await serve(healthy, ssl=context)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's certificate stands among those this host trusts."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    monkeypatch.setattr("resolverd.health.probes.connection.trusting_this_host", lambda: context)


async def test_a_self_signed_certificate_fails(ask: Ask, tls_port: int) -> None:
    outcome = await ask(f"https://127.0.0.1:{tls_port}")
    assert not outcome.ok
    assert outcome.reason == "certificate: self-signed certificate"


async def test_a_self_signed_certificate_passes_where_the_operator_says_so(
    ask: Ask, tls_port: int
) -> None:
    assert (await ask(f"https://127.0.0.1:{tls_port}", verify_tls=False)).ok


async def test_sni_is_sent_even_where_nothing_is_verified(
    ask: Ask, tls_port: int, server_names: list[str | None]
) -> None:
    await ask(f"https://127.0.0.1:{tls_port}", verify_tls=False, sni=NAME)
    assert server_names == [NAME]


@pytest.mark.usefixtures("trusting")
async def test_the_name_verified_is_the_one_sent(ask: Ask, tls_port: int) -> None:
    right = await ask(f"https://127.0.0.1:{tls_port}", sni=NAME)
    assert (right.ok, right.reason) == (True, "HTTP 200")
    wrong = await ask(f"https://127.0.0.1:{tls_port}", sni="other.example.test")
    assert not wrong.ok
    assert wrong.reason.startswith("certificate: Hostname mismatch")


async def test_plain_http_where_tls_is_expected_has_a_reason(serve: Serve, ask: Ask) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()

    port = await serve(plain)
    outcome = await ask(f"https://127.0.0.1:{port}")
    assert not outcome.ok
    assert outcome.reason.startswith("TLS: ")
