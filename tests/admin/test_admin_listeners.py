"""The listeners: the socket's mode and life, and what HTTP admits with and without a token."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import pytest
from admin_client import ADMIN, AdminClient, addresses, list_directory, opened, replace
from harness.daemon import running
from structlog.testing import capture_logs

from resolverd.admin.api import Api
from resolverd.admin.guard import OPEN

TOKEN = {"Authorization": "Bearer open-sesame"}
ORDER = {"target": "us-east", "kind": "down", "why": "a test"}


async def test_the_socket_is_for_owner_and_group_and_goes_with_the_daemon(config: Path) -> None:
    path = config.with_name("admin.sock")
    async with running(config):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


async def test_the_socket_of_a_dead_daemon_is_taken_over(config: Path) -> None:
    path = config.with_name("admin.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with running(config) as daemon, opened(daemon, config) as admin:
        assert (await admin.ask("GET", "/readyz")).status == 200


async def test_the_socket_of_a_living_daemon_is_left_to_it(admin: AdminClient) -> None:
    with capture_logs() as events:
        async with running(admin.config) as second:
            assert second.admin.socket is None
            assert second.ready
    (closed,) = [event for event in events if event["event"] == "admin.unavailable"]
    assert "another daemon" in closed["reason"]
    assert "admin.socket" in closed["hint"]
    assert (await admin.ask("GET", "/readyz")).status == 200


async def test_a_file_that_is_no_socket_is_left_alone(config: Path) -> None:
    path = config.with_name("admin.sock")
    path.write_text("precious")
    async with running(config) as daemon:
        assert daemon.admin.socket is None
    assert path.read_text() == "precious"


async def test_a_port_in_use_is_an_event_and_the_daemon_serves(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        replace(config, '"127.0.0.1:0"\ntoken', f'"127.0.0.1:{port}"\ntoken')
        with capture_logs() as events:
            async with running(config) as daemon, opened(daemon, config) as admin:
                assert addresses(await admin.dig("www.inference.example")) == {"192.0.2.80"}
    (closed,) = [event for event in events if event["event"] == "admin.unavailable"]
    assert closed["listener"] == f"127.0.0.1:{port}"


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_reading_over_http_needs_no_token(admin: AdminClient, path: str) -> None:
    assert (await admin.ask_http("GET", path)).status == 200


def _guarded() -> list[tuple[str, str]]:
    """Every route that exists, but for those that only tell what is open to everybody."""
    routes = Api(None).application().router.routes()  # type: ignore[arg-type]
    found = {
        (route.method, str(route.resource.canonical).replace("{target}", "us-east"))
        for route in routes
        if route.resource is not None
    }
    return sorted(pair for pair in found if not (pair[0] in {"GET", "HEAD"} and pair[1] in OPEN))


@pytest.mark.parametrize(("method", "path"), _guarded())
async def test_nothing_else_is_reachable_over_http_without_the_token(
    admin: AdminClient, method: str, path: str
) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic open-sesame"}):
        reply = await admin.ask_http(method, path, json=ORDER, headers=headers)
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert admin.daemon.reloads.adopted == 0
    assert (await admin.ask("GET", "/state")).json["overrides"] == []


async def test_the_token_opens_the_rest(admin: AdminClient) -> None:
    reply = await admin.ask_http("POST", "/override", json=ORDER, headers=TOKEN)
    assert reply.json["set"][0]["who"] == "the token's holder"
    assert (await admin.ask_http("DELETE", "/override/us-east", headers=TOKEN)).status == 200


async def test_a_new_token_counts_at_once_and_an_empty_one_opens_nothing(
    admin: AdminClient,
) -> None:
    token = admin.config.with_name("token")
    token.write_text("another")
    assert (await admin.ask_http("POST", "/reload", headers=TOKEN)).status == 401
    token.write_text("\n")
    empty = {"Authorization": "Bearer "}
    assert (await admin.ask_http("POST", "/reload", headers=empty)).status in {401, 403}
    assert (await admin.ask_http("POST", "/reload", headers=TOKEN)).status == 403
    token.unlink()
    reply = await admin.ask_http("POST", "/reload", headers=TOKEN)
    assert reply.status == 403
    assert str(token) in reply.json["hint"]


async def test_a_token_that_systemd_gives_opens_the_rest(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "token").write_text("given\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    async with running(config) as daemon, opened(daemon, config) as admin:
        headers = {"Authorization": "Bearer given"}
        assert (await admin.ask_http("POST", "/reload", headers=headers)).status == 200
        assert (await admin.ask_http("POST", "/reload", headers=TOKEN)).status == 401


async def test_a_token_that_is_closed_to_the_daemon_is_said_with_what_systemd_has_to_give(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("resolverd.admin.guard.read_file", closed)
    reply = await admin.ask_http("POST", "/reload", headers=TOKEN)
    assert reply.status == 403
    given = f"LoadCredential=token:{admin.config.with_name('token')}"
    assert f'{given}, and write admin.token_file = "token"' in reply.json["hint"]


async def test_without_a_token_file_http_only_tells(config: Path) -> None:
    replace(config, 'token_file = "token"\n', "")
    async with running(config) as daemon, opened(daemon, config) as admin:
        reply = await admin.ask_http("POST", "/reload", headers=TOKEN)
        assert reply.status == 403
        assert "admin.token_file" in reply.json["hint"]
        assert (await admin.ask("POST", "/reload")).status == 200


async def test_no_listener_at_all_is_legal(config: Path) -> None:
    replace(config, ADMIN, 'socket = ""\nlisten = ""\n')
    async with running(config) as daemon:
        assert daemon.admin.socket is None
        assert daemon.admin.listener is None
    assert "admin.sock" not in {path.name for path in list_directory(config)}
