"""Who may speak to NATS: credentials, TLS and permissions, against real servers, right and wrong.

Each fault is said with what to mend, the daemon answers all the while, and what was put in a file's
place counts from the next connection on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import pytest
from harness.certificates import Authority
from harness.config import CHAT, address_of
from harness.daemon import endpoints, running, write_files
from harness.linked_edges import settings, until
from harness.nats import NatsServer, nats
from harness.nats_users import Identity, Operator, User
from harness.server import HEAD
from harness.waiting import until_holds
from structlog.testing import capture_logs

from resolverd.admin.liveness import degraded
from resolverd.admin.state import state_of
from resolverd.fleet.link import Link, LinkState

SECRET = "s3cret/42"
ESCAPED = "s3cret%2F42"


@asynccontextmanager
async def link_to(url: str, base: Path, **options: Any) -> AsyncIterator[Link]:
    """A link whose files are relative to `base`."""
    states: list[LinkState] = []
    link = Link(settings([url], **options), base, states.append)
    await link.start()
    try:
        yield link
    finally:
        await link.stop()
        shown = repr(states)
        assert "s3cret" not in shown


def put(folder: Path, user: User | str) -> Path:
    """A file of credentials."""
    path = folder / "fleet.creds"
    path.write_text(user if isinstance(user, str) else user.creds)
    return path


def operated(folder: Path, operator: Operator):  # type: ignore[no-untyped-def]
    """A server that takes users of that operator's account."""
    return nats(folder / "nats", more=operator.configuration(folder))


async def test_a_user_is_let_in_and_what_it_needs_works(tmp_path: Path) -> None:
    operator = Operator()
    put(tmp_path, operator.user())
    async with (
        operated(tmp_path, operator) as server,
        link_to(server.url, tmp_path, credentials="fleet.creds") as link,
    ):
        await until(lambda: link.state.quorum)
        revision = await link.store.put("words.a", b"1")
        await link.store.current(10)
        assert link.store.known("words.")["words.a"].revision == revision


OPERATOR = Operator()
WRONG = {
    "nothing": ("", "no user's JWT"),
    "an unknown account": (OPERATOR.user(of=Identity(0)).creds, "does not take the user of fleet"),
    "ended": (
        OPERATOR.user(seconds=-60).creds,
        "does not take the user.*fleet.credentials ended at 20",
    ),
}


@pytest.mark.parametrize("which", WRONG)
async def test_wrong_credentials_are_said_and_right_ones_in_their_place_are_taken(
    tmp_path: Path, which: str
) -> None:
    content, says = WRONG[which]
    put(tmp_path, content)
    async with operated(tmp_path, OPERATOR) as server:
        with capture_logs() as events:
            async with link_to(server.url, tmp_path, credentials="fleet.creds") as link:
                await until(lambda: matches(says, link.state.reason))
                assert not link.state.connected
                await until(lambda: any(e["event"] == "fleet.not_connected" for e in events))
                put(tmp_path, OPERATOR.user())
                await until(lambda: link.state.quorum)
    said = [e for e in events if e["event"] == "fleet.not_connected"]
    assert len(said) == 1  # though it was tried again and again
    assert matches(says, said[0]["reason"])


def matches(pattern: str, text: str) -> bool:
    """Whether it says so."""
    return re.search(pattern, text) is not None


async def test_a_file_that_is_not_there_is_said_without_its_name(tmp_path: Path) -> None:
    async with (
        nats(tmp_path) as server,
        link_to(server.url, tmp_path, credentials="s3cret.creds") as link,
    ):
        await until(lambda: "fleet.credentials: the file cannot be read" in link.state.reason)


async def test_credentials_that_systemd_gives_are_taken_before_a_file_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Operator()
    given = tmp_path / "given"
    given.mkdir()
    put(given, operator.user())
    put(tmp_path, "closed to this user")
    async with (
        operated(tmp_path, operator) as server,
        link_to(server.url, tmp_path, credentials="fleet.creds") as link,
    ):
        await until(lambda: "no user's JWT" in link.state.reason)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
        await until(lambda: link.state.quorum)


async def test_a_server_that_asks_who_this_is_is_said(tmp_path: Path) -> None:
    async with operated(tmp_path, OPERATOR) as server, link_to(server.url, tmp_path) as link:
        await until(lambda: "write fleet.credentials" in link.state.reason)


async def test_a_user_that_is_revoked_while_connected_is_told_and_its_successor_taken(
    tmp_path: Path,
) -> None:
    operator = Operator()
    user = operator.user()
    put(tmp_path, user)
    async with (
        operated(tmp_path, operator) as server,
        link_to(server.url, tmp_path, credentials="fleet.creds") as link,
    ):
        await until(lambda: link.state.quorum)
        with capture_logs() as events:
            await operator.revoke(user, server.url)
            await until(lambda: not link.state.connected and bool(link.state.reason))
            await until(lambda: matches("revoked", link.state.reason))
        (lost,) = [e for e in events if e["event"] == "fleet.lost"]
        assert matches("revoked", lost["reason"])
        put(tmp_path, operator.user())
        await until(lambda: link.state.quorum)


async def test_a_user_that_ends_while_connected_is_told_and_its_successor_taken(
    tmp_path: Path,
) -> None:
    operator = Operator()
    put(tmp_path, operator.user(seconds=5))
    async with (
        operated(tmp_path, operator) as server,
        link_to(server.url, tmp_path, credentials="fleet.creds") as link,
    ):
        await until(lambda: link.state.quorum)
        await until(lambda: matches("expired|credentials ended at", link.state.reason))
        put(tmp_path, operator.user())
        await until(lambda: link.state.quorum)


@pytest.mark.parametrize(
    ("denied", "quorum"),
    [("$KV.resolverd-resolverd.>", False), ("resolverd.resolverd.>", True)],
)
async def test_what_a_user_may_not_do_is_said(tmp_path: Path, denied: str, quorum: bool) -> None:
    operator = Operator()
    put(tmp_path, operator.user(denied=denied))
    async with (
        operated(tmp_path, operator) as server,
        link_to(server.url, tmp_path, credentials="fleet.creds") as link,
    ):
        await until(lambda: link.state.connected)

        def told() -> bool:
            link.publish("resolverd.resolverd.observations.fra1", b"x")
            return f"it may not publish to {denied}" in link.state.forbidden

        await until(told)
        await until(lambda: link.state.quorum is quorum)


async def test_a_user_and_password_in_the_url_are_decoded_and_never_shown(tmp_path: Path) -> None:
    users = f'authorization {{ users: [{{ user: "edge", password: "{SECRET}" }}] }}\n'
    async with nats(tmp_path, more=users) as server:
        place = f"127.0.0.1:{server.port}"
        with capture_logs() as events:
            async with link_to(f"nats://edge:{ESCAPED}@{place}", tmp_path) as link:
                await until(lambda: link.state.quorum)
                assert link.state.server == f"nats://edge:***@{place}"
            async with link_to(f"nats://edge:{ESCAPED}x@{place}", tmp_path) as link:
                await until(lambda: "write those it has" in link.state.reason)
        assert "s3cret" not in repr(events)


async def test_a_token_in_the_url_is_taken(tmp_path: Path) -> None:
    async with nats(tmp_path, more=f'authorization {{ token: "{SECRET}" }}\n') as server:
        url = f"nats://{ESCAPED}@127.0.0.1:{server.port}"
        async with link_to(url, tmp_path) as link:
            await until(lambda: link.state.quorum)


def tls(certificate: Path, clients: Path | None = None) -> str:
    """What a server's file says of its certificate, and of those of its clients."""
    asks = f', ca_file: "{clients}", verify: true' if clients else ""
    return f'tls {{ cert_file: "{certificate}", key_file: "{certificate}"{asks} }}\n'


async def test_a_server_that_a_private_ca_vouches_for_is_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ca = authority.ca.name
    async with nats(tmp_path / "nats", more=tls(authority.sign("server.pem"))) as server:
        for scheme in ("tls", "nats"):  # the server insists whatever the URL says
            url = f"{scheme}://127.0.0.1:{server.port}"
            async with link_to(url, tmp_path, ca_file=ca) as link:
                await until(lambda link=link: link.state.quorum)


@pytest.mark.parametrize(
    ("host", "days", "ca", "says"),
    [
        (
            "127.0.0.1",
            365,
            "",
            "among this host's CAs: write the file of its CA into fleet.ca",
        ),
        ("127.0.0.1", 365, "other CA.pem", "is not in other CA.pem: write the file"),
        ("127.0.0.1", -1, "test CA.pem", "expired: have the server's certificate renewed"),
        ("localhost", 365, "test CA.pem", "or have one made for localhost"),
        ("127.0.0.1", 365, "none.pem", "fleet.ca_file: the file cannot be read: no such file"),
        ("127.0.0.1", 365, "empty.pem", "fleet.ca_file: it holds no CA certificate"),
    ],
)
async def test_a_server_that_nobody_vouches_for_is_left_and_said(
    tmp_path: Path, host: str, days: int, ca: str, says: str
) -> None:
    authority = Authority(tmp_path)
    Authority(tmp_path, "other CA")
    (tmp_path / "empty.pem").write_text("")
    async with (
        nats(tmp_path / "nats", more=tls(authority.sign("server.pem", days=days))) as server,
        link_to(f"tls://{host}:{server.port}", tmp_path, ca_file=ca) as link,
    ):
        await until(lambda: says in link.state.reason)
        assert not link.state.connected


async def test_a_renewed_certificate_of_the_server_is_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.sign("server.pem", days=-1)
    server = NatsServer(
        tmp_path / "nats",
        more=f'jetstream {{ store_dir: "{tmp_path}/store" }}\n' + tls(tmp_path / "server.pem"),
    )
    await server.start()
    try:
        url = f"tls://127.0.0.1:{server.port}"
        async with link_to(url, tmp_path, ca_file=authority.ca.name) as link:
            await until(lambda: "renewed" in link.state.reason)
            authority.sign("server.pem")
            await server.kill()
            await server.start()
            await until(lambda: link.state.quorum)
    finally:
        await server.kill()


async def test_a_client_certificate_is_shown_where_the_server_asks_for_one(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other CA")
    authority.sign("client.pem")
    other.sign("stranger.pem")
    authority.sign("old.pem", days=-1)
    (tmp_path / "none.pem").write_text("")
    more = tls(authority.sign("server.pem"), authority.ca)
    async with nats(tmp_path / "nats", more=more) as server:
        said = {}
        for name in ("", "stranger.pem", "old.pem", "none.pem", "client.pem"):
            async with link_to(
                f"tls://127.0.0.1:{server.port}",
                tmp_path,
                ca_file=authority.ca.name,
                client_certificate=name,
            ) as link:
                await until(
                    lambda link=link: (
                        link.state.quorum or link.state.reason not in ("", "not connected yet")
                    )
                )
                said[name] = "" if link.state.quorum else link.state.reason
    assert said["client.pem"] == ""
    assert "write fleet.client_certificate and fleet.client_key" in said[""]
    assert "refuses fleet.client_certificate" in said["stranger.pem"]
    assert "by this host's clock fleet.client_certificate ended at" in said["old.pem"]
    assert "fleet.client_certificate: it does not hold" in said["none.pem"]


async def test_what_is_secret_goes_to_no_server_without_tls_where_the_url_wants_it(
    tmp_path: Path,
) -> None:
    """nats-py would go on in the clear with a server, or whoever is in between, without TLS."""
    heard = bytearray()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b'INFO {"server_id":"x","version":"2.15.0","auth_required":true,"nonce":"abc",'
            b'"headers":true,"max_payload":1048576,"proto":1}\r\n'
        )
        while octets := await reader.read(1000):
            heard.extend(octets)
            writer.write(b"PONG\r\n" * octets.count(b"PING\r\n"))
        writer.close()

    put(tmp_path, user := Operator().user())
    server = await asyncio.start_server(play, "127.0.0.1", 0)
    async with server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for url, credentials in (
            (f"tls://{place}", "fleet.creds"),
            (f"tls://edge:{ESCAPED}@{place}", ""),
            (f"tls://{ESCAPED}@{place}", ""),
            (f"tls://{place}", ""),
        ):
            async with link_to(url, tmp_path, credentials=credentials) as link:
                await until(lambda link=link: "goes on without TLS" in link.state.reason)
                assert not link.state.connected
    assert b"s3cret" not in heard
    assert b'"sig"' not in heard
    assert user.jwt.encode() not in heard


async def test_a_real_server_without_tls_is_left_where_the_url_wants_it(tmp_path: Path) -> None:
    async with (
        nats(tmp_path) as server,
        link_to(f"tls://127.0.0.1:{server.port}", tmp_path) as link,
    ):
        await until(lambda: "goes on without TLS: add tls" in link.state.reason)


async def test_a_daemon_whose_credentials_are_wrong_answers_and_says_so(tmp_path: Path) -> None:
    operator = Operator()
    folder = tmp_path / "edge"
    folder.mkdir()
    put(folder, Operator().user())
    async with operated(tmp_path, operator) as server, endpoints() as served:
        fleet = f'[fleet]\nurls = ["{server.url}"]\nedge = "fra1"\ncredentials = "fleet.creds"\n'
        zone = {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"}
        path = write_files(folder, zone, served, services=fleet + CHAT)
        with capture_logs() as events:
            async with running(path) as daemon:
                listener = daemon.bound[0]

                async def answered() -> bool:
                    asked = dns.message.make_query("chat.inference.example", "A")
                    reply = await dns.asyncquery.udp(
                        asked, listener.address, port=listener.port, timeout=5
                    )
                    return str(reply.answer[0][0]) == address_of("eu-west")

                assert await answered()
                (trouble,) = degraded(daemon)
                assert "does not take the user of fleet.credentials" in trouble
                assert state_of(daemon)["fleet"]["reason"] in trouble
                put(folder, operator.user())
                await until_holds(lambda: state_of(daemon)["fleet"]["quorum"], within=60)
                assert not degraded(daemon)
                assert await answered()
        (alone,) = [e for e in events if e["event"] == "fleet.start_alone"]
        assert "does not take the user of fleet.credentials" in alone["reason"]
