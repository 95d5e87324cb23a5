"""Certificates on both sides: whom a probe trusts, what it shows, and when a server's ends."""

from __future__ import annotations

import asyncio
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.certificates import Authority, server_context
from structlog.testing import capture_logs

from resolverd.certificates import trusting_this_host
from resolverd.health.connection import Connection
from resolverd.health.events import EndpointEvents
from resolverd.health.kinds.http import HttpProbe
from resolverd.health.kinds.kind import kind_named
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes import Tools, run
from resolverd.health.target import Target

Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Outcome]]
Demanding = Callable[[ssl.SSLContext], int]
DAY = 86_400.0


async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def demanding() -> Iterator[Callable[[ssl.SSLContext], int]]:
    """Serve with a context and return the port; OpenSSL itself sends the alerts.

    asyncio's own servers close the connection with the alert still unsent; and a server that closes
    with a request unread resets the connection, which may overtake the alert.
    """
    servers: list[http.server.ThreadingHTTPServer] = []

    class Healthy(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            try:
                self.request.do_handshake()
            except ssl.SSLError:
                while socket.socket.recv(self.request, 4096):
                    pass
                raise
            super().setup()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A handshake that fails is what is tested."""

    def serve(context: ssl.SSLContext) -> int:
        server = Server(("127.0.0.1", 0), Healthy)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_a_certificate_has_spoken_in_the_words_of_tls(
    demanding: Demanding, ask: Ask, authority: Authority, version: ssl.TLSVersion
) -> None:
    """In TLS 1.3 the alert comes after the handshake, to whoever reads (RFC 8446 §4.4.2.4)."""
    context = server_context(authority.sign("server.pem"), clients=authority.ca)
    context.minimum_version = context.maximum_version = version
    outcome = await ask(f"https://127.0.0.1:{demanding(context)}", ca=str(authority.ca))
    assert (outcome.ok, outcome.responded) == (False, True)
    of_1_3 = version is ssl.TLSVersion.TLSv1_3
    assert outcome.reason == f"TLS: {'certificate required' if of_1_3 else 'handshake failure'}"


async def test_a_client_certificate_is_shown_and_read_again_when_it_changes(
    demanding: Demanding, tools: Tools, authority: Authority, tmp_path: Path
) -> None:
    context = server_context(authority.sign("server.pem"), clients=authority.ca)
    url = f"https://127.0.0.1:{demanding(context)}"
    mine = tmp_path / "mine.pem"
    settings = HttpProbe(ca=str(authority.ca), client_certificate=str(mine))
    ask = kind_named("http").prepare(url, settings, tools)

    missing = await run(ask, 5)
    assert (missing.condition, missing.responded) == (Condition.MISCONFIGURED, True)
    assert "no such file" in missing.reason
    mine.write_bytes(Authority(tmp_path, "another CA").sign("other.pem").read_bytes())
    assert (await run(ask, 5)).reason == "TLS: unknown ca"
    mine.write_bytes(authority.sign("client.pem").read_bytes())
    assert (await run(ask, 5)).ok
    mine.write_text("no certificate")
    broken = await run(ask, 5)
    assert broken.condition is Condition.MISCONFIGURED
    assert "does not hold a certificate" in broken.reason


async def test_without_its_ca_a_server_is_not_believed(
    serve: Serve, ask: Ask, authority: Authority
) -> None:
    url = f"https://127.0.0.1:{await serve(healthy, server_context(authority.sign('s.pem')))}"
    assert (await ask(url)).reason.startswith("certificate: unable to get local issuer")
    assert (await ask(url, ca=str(authority.ca))).ok


@pytest.fixture
def strict(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host that trusts this CA alone, with contexts as Python 3.13 makes them."""
    made = ssl.create_default_context

    def strictly(**options: Any) -> ssl.SSLContext:
        context = made(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr("ssl.create_default_context", strictly)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    trusting_this_host.cache_clear()
    yield
    trusting_this_host.cache_clear()


@pytest.mark.usefixtures("strict")
async def test_what_python_3_13_alone_refuses_is_no_failure_under_a_ca_that_this_host_trusts(
    serve: Serve, ask: Ask, authority: Authority
) -> None:
    """These certificates have no Authority Key Identifier (RFC 5280 §4.2.1.1)."""
    url = f"https://127.0.0.1:{await serve(healthy, server_context(authority.sign('s.pem')))}"
    assert [(await ask(url)).reason, (await ask(url, ca=str(authority.ca))).reason] == [
        "HTTP 200",
        "HTTP 200",
    ]


@pytest.mark.parametrize("verify", [True, False])
async def test_a_probe_sees_when_the_certificate_ends(
    serve: Serve, ask: Ask, authority: Authority, verify: bool
) -> None:
    context = server_context(authority.sign("s.pem", days=5))
    url = f"https://127.0.0.1:{await serve(healthy, context)}"
    outcome = await ask(url, ca=str(authority.ca), verify_tls=verify)
    days = Connection().after(outcome, 0.0).days_left(time.time())
    assert days == pytest.approx(5, abs=0.1)


async def test_a_certificate_that_has_ended_takes_the_endpoint_down_by_name(
    serve: Serve, ask: Ask, authority: Authority
) -> None:
    context = server_context(authority.sign("s.pem", days=-1))
    outcome = await ask(f"https://127.0.0.1:{await serve(healthy, context)}", ca=str(authority.ca))
    assert (outcome.ok, outcome.reason) == (False, "certificate: certificate has expired")


async def test_a_handshake_that_hangs_is_told_as_one(serve: Serve, ask: Ask) -> None:
    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    outcome = await ask(f"https://127.0.0.1:{await serve(hang)}", timeout=0.3)
    assert (outcome.reason, outcome.responded) == ("TLS: handshake timed out after 0.3 s", True)


def test_a_certificate_that_ends_soon_is_told_of_once_and_so_is_its_renewal() -> None:
    wall = 1.8e9
    events = EndpointEvents(clock=lambda: 0.0, wall=lambda: wall)
    target = Target("a", "a", "a", "https://a.example", HttpProbe(certificate_days=14))
    with capture_logs() as logs:
        for days in (20.0, 13.9, 13.0, -1.0, 90.0, 89.0):
            events.certificate(target, Connection(certificate_expires=wall + days * DAY))
        events.certificate(target, Connection())
    assert [(each["event"], each.get("days_left")) for each in logs] == [
        ("endpoint.certificate", 13.9),
        ("endpoint.certificate_renewed", None),
    ]
