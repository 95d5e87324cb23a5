"""What a daemon leaves out when it imports libraries."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from harness.certificates import NAME, Authority, server_context

from resolverd.certificates import certificates_when_needed
from resolverd.imports import absent, hollow, uncollected

NOT_LOADED = (
    "anyio",
    "dnslib",
    "prometheus_client",
    "rich",
    "resolverd.cli.console",
    "resolverd.admin.documents.base",
    "dns.asyncresolver",
    "nats",
    "resolverd.fleet",
    "resolverd.publishing",
    "resolverd.anycast",
    "resolverd.admin.metrics",
    "resolverd.engine.answer",
    "resolverd.engine.pool",
)
NOT_BEFORE_DATABASES = (
    "asyncio",
    "logging",
    "maxminddb",
    "pydantic",
    "ssl",
    "structlog",
)


def test_a_daemon_loads_nothing_that_it_does_not_serve_with() -> None:
    program = (
        "import sys\n"
        "from resolverd.imports import sparing\n"
        "with sparing():\n"
        "    import resolverd.daemon\n"
        f"print([name for name in {NOT_LOADED!r} if name in sys.modules])\n"
    )
    assert said_by(program) == "[]\n"


def test_a_daemon_begins_with_its_databases_before_it_has_imported_much() -> None:
    program = (
        "import sys\n"
        "from resolverd.cli import parser\n"
        "parser(['serve'])\n"
        "import resolverd.geo.preload\n"
        f"print([name for name in {NOT_BEFORE_DATABASES!r} if name in sys.modules])\n"
    )
    assert said_by(program) == "[]\n"


def said_by(program: str) -> str:
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not said.stderr
    return said.stdout


def test_what_is_hollow_is_there_again_afterwards() -> None:
    sys.modules.pop("this", None)
    with hollow("this"):
        assert not hasattr(__import__("this"), "s")
    assert "this" not in sys.modules


def test_what_is_absent_is_there_again_afterwards() -> None:
    sys.modules.pop("this", None)
    with absent("this"), pytest.raises(ImportError):
        __import__("this")
    assert "this" not in sys.modules


def test_what_has_been_imported_is_not_taken_away() -> None:
    for left_out in (absent, hollow):
        with left_out("ssl"):
            assert sys.modules["ssl"] is ssl


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_collected_afterwards_where_it_was_before(before: bool) -> None:
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled() is before
    finally:
        (gc.enable if was else gc.disable)()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The only CA that this host trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return authority


def connected(context: ssl.SSLContext, certificate: Path) -> None:
    """A handshake on a socket pair with a server that shows `certificate`."""
    ours, theirs = socket.socketpair()
    served = server_context(certificate)

    def serve() -> None:
        with theirs, contextlib.suppress(OSError):
            served.wrap_socket(theirs, server_side=True).close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with ours, context.wrap_socket(ours, server_hostname=NAME):
            pass
    finally:
        server.join()


def test_certificates_are_read_at_the_first_connection(trusted: Authority, tmp_path: Path) -> None:
    with certificates_when_needed():
        context = ssl.create_default_context()
    assert context.cert_store_stats()["x509_ca"] == 0
    connected(context, trusted.sign("good.pem"))
    assert context.cert_store_stats()["x509_ca"] == 1
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(context, Authority(stranger, "stranger").sign("bad.pem"))


def test_a_stranger_is_refused_at_the_first_connection(trusted: Authority, tmp_path: Path) -> None:
    with certificates_when_needed():
        context = ssl.create_default_context()
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(context, Authority(stranger, "stranger").sign("bad.pem"))


def test_event_loops_read_them_too(trusted: Authority) -> None:
    """They begin a connection by `wrap_bio`."""
    with certificates_when_needed():
        context = ssl.create_default_context()
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=NAME)
    assert context.cert_store_stats()["x509_ca"] == 1


def test_contexts_that_are_made_otherwise_read_them_at_once(trusted: Authority) -> None:
    with certificates_when_needed():
        pass
    assert ssl.create_default_context().cert_store_stats()["x509_ca"] == 1
