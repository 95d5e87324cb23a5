"""Sockets that were handed over are served in place of server.listen, by all workers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest
from harness.config import address_of
from harness.daemon import endpoints, write_files
from harness.engines import ENGINES, EngineName
from harness.server import HEAD

from resolverd.admin.served import ReloadReport
from resolverd.cli import main
from resolverd.config.listen_checks import LISTEN_IGNORED
from resolverd.config.types import Listener
from resolverd.daemon import Daemon
from resolverd.engine.inherited import adopt
from resolverd.engine.sockets import bind
from resolverd.errors import EngineError
from resolverd.supervision import status_line
from resolverd.systemd import Supervisor


def _pair() -> list[socket.socket]:
    """Both on one port that is free for both."""
    _, (made,) = bind([Listener("127.0.0.1", 0)])
    return [*made.tcp, *made.udp]


@pytest.fixture
def handed_over() -> Iterator[list[socket.socket]]:
    """TCP and UDP on one port, as systemd hands them over."""
    made = _pair()
    yield made
    for sock in made:
        sock.close()


def test_they_are_sorted_and_shared(handed_over: list[socket.socket]) -> None:
    bound, shares = adopt(handed_over, workers=3)
    assert [(listener.address, listener.port) for listener in bound] == [
        handed_over[0].getsockname()
    ]
    assert len(shares) == 3
    for share in shares:
        assert [sock.type for sock in share.udp] == [socket.SOCK_DGRAM]
        assert [sock.type for sock in share.tcp] == [socket.SOCK_STREAM]
        share.close()


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_what_is_not_for_dns_is_refused(family: socket.AddressFamily) -> None:
    """A Unix socket, and a TCP socket that does not listen."""
    with (
        socket.socket(family, socket.SOCK_STREAM) as strange,
        pytest.raises(EngineError, match="neither a UDP nor a listening TCP socket"),
    ):
        adopt([strange])


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
async def test_they_are_served_and_listen_is_not_bound(
    handed_over: list[socket.socket], tmp_path: Path, engine: EngineName, workers: int
) -> None:
    zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
    port = handed_over[0].getsockname()[1]
    async with endpoints() as served:
        path = write_files(tmp_path, {"inference.example.": zone}, served)
        elsewhere = ("server.listen", ["192.0.2.1:53"])  # no address of this host
        overrides = [elsewhere, ("server.workers", workers), ("server.engine", engine)]
        daemon = Daemon(path, overrides, Supervisor(sockets=handed_over))
        await daemon.start()
        try:
            assert [listener.port for listener in daemon.bound] == [port]
            for _ in range(10):
                query = dns.message.make_query("chat.inference.example", "A")
                for send in (dns.asyncquery.udp, dns.asyncquery.tcp):
                    answer = await send(query, "127.0.0.1", timeout=10, port=port)
                    assert [rdata.address for rdata in answer.answer[0]] == [address_of("eu-west")]
        finally:
            await daemon.stop()


async def test_listen_that_is_ignored_is_warned_of_wherever_one_looks(
    handed_over: list[socket.socket], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At start, by `check` and `doctor`, until it says what the sockets are; and after a reload."""
    zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
    held = f"127.0.0.1:{handed_over[0].getsockname()[1]}"
    async with endpoints() as served:
        path = write_files(tmp_path, {"inference.example.": zone}, served)
        text = path.read_text()
        there = next(line for line in text.splitlines() if line.startswith("listen = "))
        path.write_text(text.replace(there, 'listen = ["192.0.2.1:53"]', 1))
        options = [("admin.socket", str(tmp_path / "admin.sock")), ("server.engine", "reference")]
        asked = ["--config", str(path), "--set", f"admin.socket={tmp_path / 'admin.sock'}"]
        daemon = Daemon(path, options, Supervisor(sockets=handed_over))
        await daemon.start()
        try:
            [warning] = [w for w in daemon.inputs.warnings if w.id == LISTEN_IGNORED]
            assert f"listen alone has 192.0.2.1:53, its socket unit alone has {held}" in str(
                warning
            )
            row = warning.source
            assert row[warning.column - 1 :] == '["192.0.2.1:53"]'
            for verb in ("check", "doctor"):
                await asyncio.to_thread(main, [verb, *asked])
                said = capsys.readouterr()
                assert "listen alone has 192.0.2.1:53" in said.out + said.err, verb
            # What the hint proposes is what there is.
            right = warning.hint.split("; ")[0].removeprefix("write ")
            assert right == f'listen = ["{held}"]'
            path.write_text(text.replace(there, right, 1))
            assert await daemon.reload()
            assert not [w for w in daemon.inputs.warnings if w.id == LISTEN_IGNORED]
            path.write_text(text.replace(there, f'listen = ["{held}", "192.0.2.1:53"]', 1))
            assert await daemon.reload()
            [warning] = [w for w in daemon.inputs.warnings if w.id == LISTEN_IGNORED]
            assert "alone has 192.0.2.1:53" in warning.message
            assert "its socket unit" not in warning.message
        finally:
            await daemon.stop()


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("started", "generation 3, 2 of 4 regions up, started at 2026-11-23 20:14:33 UTC"),
        ("adopted", "generation 3, 2 of 4 regions up, reload adopted at 2026-11-23 20:14:33 UTC"),
        (
            "refused: a.zone:6:10: zone-bad-rdata: no\n    source\n    ^",
            "generation 3, 2 of 4 regions up, reload refused at 2026-11-23 20:14:33 UTC: "
            "a.zone:6:10: zone-bad-rdata: no",
        ),
    ],
)
def test_the_status_is_one_line(last: str, expected: str) -> None:
    reloads = ReloadReport(last=last, at=1795464873.0)
    assert status_line(3, 2, 4, reloads) == expected
    isolated = status_line(3, 2, 4, reloads, isolated="no response any more from eu-west")
    assert isolated == f"NOT READY: no response any more from eu-west; {expected}"
    down = status_line(3, 2, 4, reloads, down="down: us-east, us-west")
    assert down == f"down: us-east, us-west; {expected}"
