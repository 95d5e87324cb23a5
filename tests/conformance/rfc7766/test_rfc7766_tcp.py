"""RFC 7766: DNS over TCP, with the limits that §6.1 and §6.2 leave to the server; both engines."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import dns.flags
import pytest
from harness import tcp_engine
from harness.engines import ENGINES, EngineName
from harness.messages import query, read, rows
from harness.tcp_engine import TIMEOUT, Tcp, close, ended, framed, receive
from harness.waiting import until_holds

SHORT = 0.2

_tried: EngineName


@pytest.fixture(autouse=True, params=ENGINES)
def tried(request: pytest.FixtureRequest) -> None:
    """Each test is tried over each engine."""
    global _tried
    _tried = request.param


def engine(**limits: float) -> AbstractAsyncContextManager[Tcp]:
    """The engine tried, with these TCP limits."""
    return tcp_engine.engine(_tried, **limits)  # type: ignore[arg-type]


async def test_several_queries_on_one_connection() -> None:
    """§6.2.1: a connection is reused, one query after the other."""
    async with engine() as tcp:
        reader, writer = await tcp.connect()
        for n in range(5):
            packet = query(f"n{n}.example.", qid=n)
            writer.write(framed(packet))
            response = read(packet, await receive(reader))
            assert rows(response.answer) == [f"n{n}.example. 3600 A 192.0.2.{n}"]
        await close(writer)


async def test_pipelined_queries_are_all_answered() -> None:
    """§6.2.1.1: queries may be sent without waiting, and each is answered by its ID."""
    async with engine() as tcp:
        reader, writer = await tcp.connect()
        packets = {n: query(f"n{n}.example.", qid=n) for n in range(100)}
        writer.write(b"".join(map(framed, packets.values())))
        for _ in range(100):
            wire = await receive(reader)
            qid = int.from_bytes(wire[:2], "big")
            response = read(packets.pop(qid), wire)
            assert rows(response.answer) == [f"n{qid}.example. 3600 A 192.0.2.{qid}"]
        assert not packets
        await close(writer)


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
async def test_a_message_may_come_in_pieces(piece: int) -> None:
    """§8: no segment boundary means anything, not even inside the length."""
    async with engine() as tcp:
        reader, writer = await tcp.connect()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        packet = query("www.example.", qid=9)
        stream = framed(packet)
        for at in range(0, len(stream), piece):
            writer.write(stream[at : at + piece])
            await writer.drain()
            await asyncio.sleep(0)
        assert rows(read(packet, await receive(reader)).answer)
        await close(writer)


async def test_what_udp_truncated_comes_whole() -> None:
    """§5: after TC=1 the client asks again over TCP."""
    async with engine() as tcp:
        packet = query("huge.example.", "TXT", edns=0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            udp.connect(("127.0.0.1", tcp.port))
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(udp, packet)
            over_udp = read(packet, await loop.sock_recv(udp, 65535), limit=1232)
        assert over_udp.flags & dns.flags.TC
        reader, writer = await tcp.connect()
        writer.write(framed(packet))
        whole = read(packet, await receive(reader))
        assert not whole.flags & dns.flags.TC
        assert len(rows(whole.answer)) == 230
        await close(writer)


async def test_a_half_closed_connection_still_gets_its_answers() -> None:
    """§6.2.3: a client may close its sending side once it has asked everything."""
    async with engine() as tcp:
        reader, writer = await tcp.connect()
        packets = [query("huge.example.", "TXT", qid=n) for n in range(40)]
        writer.write(b"".join(map(framed, packets)))
        writer.write_eof()
        for packet in packets:
            assert len(rows(read(packet, await receive(reader)).answer)) == 230
        assert await ended(reader) == b""
        await close(writer)


async def test_a_silent_connection_is_closed() -> None:
    """§6.2.3: servers may close idle connections; here after the idle limit."""
    async with engine(idle=SHORT) as tcp:
        reader, writer = await tcp.connect()
        assert await ended(reader) == b""
        assert (await tcp.counters()).tcp_refused == {"idle": 1}
        await close(writer)


async def test_half_a_message_is_idle_too() -> None:
    """§10: a client that trickles must not hold a connection."""
    async with engine(idle=SHORT) as tcp:
        reader, writer = await tcp.connect()
        writer.write(framed(query("www.example."))[:-1])
        assert await ended(reader) == b""
        assert (await tcp.counters()).tcp_refused == {"idle": 1}
        await close(writer)


async def test_octets_that_trickle_in_do_not_keep_it_open() -> None:
    """§10: one every now and then, each long before the idle time is over."""
    async with engine(idle=4 * SHORT) as tcp:
        reader, writer = await tcp.connect()
        end = asyncio.create_task(ended(reader))
        for octet in framed(bytes(60_000)):
            writer.write(bytes([octet]))
            if (await asyncio.wait([end], timeout=SHORT / 4))[0]:
                break
        assert await end == b""
        assert (await tcp.counters()).tcp_refused == {"idle": 1}
        await close(writer)


async def test_no_connection_outlives_its_lifetime() -> None:
    """§10: however busy it is."""
    async with engine(lifetime=2 * SHORT) as tcp:
        reader, writer = await tcp.connect()
        answered = 0
        # The end comes as EOF or, with a query on its way, as a reset.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                writer.write(framed(query("www.example.")))
                await receive(reader)
                answered += 1
        assert answered
        assert (await tcp.counters()).tcp_refused["lifetime"] == 1
        await close(writer)


def connections_of(port: int) -> int:
    """How many open connections the kernel has on the server's port."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1] == f"0100007F:{port:04X}" and row[3] == "01" for row in table)


@pytest.mark.parametrize("queries", [1, 400])
async def test_a_client_that_does_not_read_is_let_go(queries: int) -> None:
    """§10: answers that pile up unread must not hold memory or a descriptor for ever.

    One answer of 60 KB waits in the server's own buffer; many make the server itself wait.
    """
    async with engine(idle=SHORT, send_buffer=4096) as tcp:
        asked = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        asked.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(asked, ("127.0.0.1", tcp.port))
        packets = b"".join(framed(query("huge.example.", "TXT", qid=n)) for n in range(queries))
        await loop.sock_sendall(asked, packets)
        await until_holds(lambda: not connections_of(tcp.port), within=TIMEOUT)
        assert (await tcp.counters()).tcp_refused["slow_reader"] == 1
        asked.close()
        reader, writer = await tcp.connect()
        writer.write(framed(query("www.example.")))
        assert await receive(reader)
        await close(writer)


@pytest.mark.parametrize(
    ("packet", "answered"),
    [
        pytest.param(b"", False, id="empty"),
        pytest.param(b"short", False, id="short"),
        pytest.param(query("www.example.")[:2] + b"\x80" + query("a.")[3:], False, id="response"),
        pytest.param(query("www.example.")[:-1], True, id="malformed"),
    ],
)
async def test_bad_messages(packet: bytes, answered: bool) -> None:
    """Malformed: FORMERR. What may not be answered ends the connection."""
    async with engine() as tcp:
        reader, writer = await tcp.connect()
        writer.write(framed(packet))
        if answered:
            assert (await receive(reader))[3] & 0x0F == 1
        else:
            assert await ended(reader) == b""
        await close(writer)


async def test_a_client_that_leaves_inside_a_message_is_counted() -> None:
    """§6.2.4: connections end at any time; nothing else notices."""
    async with engine() as tcp:
        reader, writer = await tcp.connect()
        writer.write(b"\0")
        writer.write_eof()
        assert await ended(reader) == b""
        assert (await tcp.counters()).tcp_refused == {"peer_closed": 1}
        await close(writer)
