"""TCP connections that give their slot to a newcomer, over both engines and real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from harness.config import config_text
from harness.engines import ENGINES, EngineName
from harness.messages import query, read, rows
from harness.namespace import Place, needs_root
from harness.server import HEAD, snapshot_of
from harness.tcp_engine import TIMEOUT, Tcp, close, ended, engine, framed, receive
from harness.waiting import until_holds

from resolverd.config.types import Listener
from resolverd.engine.choice import Choice
from resolverd.engine.make import make_engine
from resolverd.engine.sockets import bind
from resolverd.engine.tcp import TcpLimits
from resolverd.loop import run_loop

pytestmark = pytest.mark.parametrize("name", ENGINES)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
WWW = query("www.example.")


async def asked(streams: Streams) -> None:
    """Ask, and be answered."""
    reader, writer = streams
    writer.write(framed(WWW))
    assert rows(read(WWW, await receive(reader)).answer) == ["www.example. 3600 A 192.0.2.80"]


async def accepted(tcp: Tcp, source: str = "127.0.0.1") -> Streams:
    """A connection that was asked over, and so has its slot."""
    streams = await tcp.connect(source)
    await asked(streams)
    return streams


async def closed(streams: Streams) -> bool:
    """Whether the server has closed it, waited for."""
    return await ended(streams[0]) == b""


async def test_good_clients_are_answered_beside_many_idle_ones(name: EngineName) -> None:
    """Thirty from thirty addresses hold ten slots; some have half a message sent."""
    async with engine(name, connections=10, per_client=2) as tcp:
        held = [await tcp.connect(f"127.0.1.{n}") for n in range(1, 31)]
        for n, (_, writer) in enumerate(held):
            writer.write(framed(WWW)[: n % 3 * 7])
        for n in range(1, 41):
            streams = await accepted(tcp, f"127.0.2.{n}")
            await close(streams[1])
        counted = (await tcp.counters()).tcp_refused
        assert counted["connections"] >= 20
        assert not counted["busy"]
        for _, writer in held:
            await close(writer)


async def test_the_one_longest_without_a_query_goes(name: EngineName) -> None:
    """RFC 7766 §6.2.3: whenever it connected, and whatever else it has sent meanwhile."""
    async with engine(name, connections=3) as tcp:
        first, second, third = [await accepted(tcp) for _ in range(3)]
        await asked(first)
        second[1].write(b"\0")  # the first octet of a length; a query it is not
        fourth = await accepted(tcp)
        assert await closed(second)
        for streams in (first, third, fourth):
            await asked(streams)
        assert (await tcp.counters()).tcp_refused == {"connections": 1}
        for streams in (first, second, third, fourth):
            await close(streams[1])


async def test_a_client_over_its_number_gives_up_its_own(name: EngineName) -> None:
    """Nobody else's: one that asks for more than its share takes it from itself."""
    async with engine(name, connections=10, per_client=2) as tcp:
        other = await accepted(tcp, "127.0.1.1")
        first, second = [await accepted(tcp) for _ in range(2)]
        third = await accepted(tcp)
        assert await closed(first)
        for streams in (other, second, third):
            await asked(streams)
        assert (await tcp.counters()).tcp_refused == {"per_client": 1}
        for streams in (other, first, second, third):
            await close(streams[1])


async def unread(tcp: Tcp, source: str) -> socket.socket:
    """A connection whose answers are not read, so that some are unsent."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    made.setblocking(False)
    made.bind((source, 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(made, ("127.0.0.1", tcp.port))
    before = (await tcp.counters()).received["tcp"]
    await loop.sock_sendall(made, framed(query("huge.example.", "TXT")) * 4)

    async def came() -> bool:
        return (await tcp.counters()).received["tcp"] != before

    await until_holds(came, within=TIMEOUT)
    return made


async def test_one_with_answers_unsent_stays_while_any_is_idle(name: EngineName) -> None:
    """And goes where all have: then it is the one whose query is the oldest."""
    async with engine(name, connections=2, send_buffer=4096) as tcp:
        oldest = await unread(tcp, "127.0.1.1")
        idle = await accepted(tcp)
        second = await unread(tcp, "127.0.1.2")
        assert await closed(idle)
        assert (await tcp.counters()).tcp_refused == {"connections": 1}
        streams = await accepted(tcp)
        assert (await tcp.counters()).tcp_refused == {"connections": 1, "busy": 1}
        await asked(streams)
        oldest.close()
        second.close()
        await close(idle[1])
        await close(streams[1])


async def test_a_client_whose_answers_are_unsent_gets_no_more(name: EngineName) -> None:
    """It could take others' slots by not reading."""
    async with engine(name, connections=10, per_client=1, send_buffer=4096) as tcp:
        held = await unread(tcp, "127.0.1.1")
        refused = await tcp.connect("127.0.1.1")
        assert await closed(refused)
        assert (await tcp.counters()).tcp_refused == {"busy": 1}
        held.close()
        await close(refused[1])


async def test_queries_that_wait_unread_are_answered_first(name: EngineName) -> None:
    """What came before the newcomer is not lost with the slot that it takes."""
    async with engine(name, connections=3) as tcp:
        for _ in range(20):
            held = [await accepted(tcp) for _ in range(3)]
            for _, writer in held:
                writer.write(framed(WWW))
            held.append(await accepted(tcp, "127.0.1.1"))
            for reader, _ in held[:3]:
                assert read(WWW, await receive(reader))
            for _, writer in held:
                await close(writer)


async def test_idle_time_is_shortened_as_slots_fill(name: EngineName) -> None:
    """Both slots taken leave a tenth of the idle time; and that is counted apart."""
    async with engine(name, idle=8, connections=2) as tcp:
        held = [await accepted(tcp) for _ in range(2)]
        async with asyncio.timeout(7):
            assert await closed(held[0])
        assert (await tcp.counters()).tcp_refused["idle_shortened"] >= 1
        for streams in held:
            await close(streams[1])


@contextlib.contextmanager
def descriptors_left(count: int) -> Iterator[list[int]]:
    """A limit that lets this process open `count` more; gives descriptors that may be closed."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    held = [os.open("/dev/null", os.O_RDONLY)]
    while held[-1] < highest + count:
        held.append(os.open("/dev/null", os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[-1] + 1, before[1]))
    for descriptor in [held.pop() for _ in range(count)]:
        os.close(descriptor)
    try:
        yield held
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def unconnected(count: int) -> list[socket.socket]:
    """Clients' sockets, which take no more descriptors once they connect."""
    made = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    for each in made:
        each.setblocking(False)
    return made


async def exchanged(client: socket.socket) -> bytes:
    """What a query on this socket gets; nothing from a server that closes."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, framed(WWW))
    return await loop.sock_recv(client, 4096)


async def test_without_a_descriptor_the_one_longest_idle_goes(name: EngineName) -> None:
    """accept(2) fails with EMFILE, and a client's query is answered all the same."""
    async with engine(name) as tcp:
        loop, clients = asyncio.get_running_loop(), unconnected(5)
        with descriptors_left(2):
            for client in clients:
                await loop.sock_connect(client, ("127.0.0.1", tcp.port))
                assert read(WWW, (await exchanged(client))[2:])
            assert (await tcp.counters()).tcp_refused == {"descriptors": 3}
            assert await loop.sock_recv(clients[0], 1) == b""
            assert read(WWW, (await exchanged(clients[4]))[2:])
        for client in clients:
            client.close()


async def test_without_any_descriptor_it_waits_for_one(name: EngineName) -> None:
    """Nothing to close of its own: it looks now and then, serves UDP, and does not end."""
    async with engine(name) as tcp:
        loop, (client,) = asyncio.get_running_loop(), unconnected(1)

        async def refused() -> bool:
            return bool((await tcp.counters()).tcp_refused["descriptors"])

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            udp.connect(("127.0.0.1", tcp.port))
            with descriptors_left(0) as held:
                await loop.sock_connect(client, ("127.0.0.1", tcp.port))
                await until_holds(refused, within=TIMEOUT)
                await loop.sock_sendall(udp, WWW)
                assert read(WWW, await loop.sock_recv(udp, 4096), limit=1232)
                assert not tcp.engine.died.done()
                spent = os.times()
                await asyncio.sleep(1)
                used = sum(os.times()[:2]) - sum(spent[:2])
                looks = (await tcp.counters()).tcp_refused["descriptors"]
                assert looks < 100, "it looks ten times a second, and does not spin"
                assert used < 0.9
                os.close(held.pop())
                assert read(WWW, (await exchanged(client))[2:])
        client.close()


@needs_root
async def test_one_ipv6_network_has_the_slots_of_one_client(name: EngineName) -> None:
    """However many addresses of its /64 it comes from (RFC 7766 §6.2.2)."""
    place = Place()
    for address in (*(f"2001:db8::{n}/64" for n in range(1, 8)), "2001:db8:0:1::1/64"):
        place.address(address)
    limits = TcpLimits(idle=60, lifetime=60, connections=4, per_client=3)
    bound, sockets = place.do(lambda: bind([Listener("::", 0)]))
    snapshot = snapshot_of({"example.": HEAD + "www A 192.0.2.80\n"}, config_text(services=""))
    made = make_engine(Choice(name, 1, ""), bound, sockets, limits, run_loop)
    await made.start(snapshot)

    def connect(source: str) -> socket.socket:
        return socket.create_connection(("2001:db8::1", bound[0].port), 20, (source, 0))

    try:
        good = place.do(lambda: connect("2001:db8:0:1::1"))
        good.setblocking(False)
        assert read(WWW, (await exchanged(good))[2:])
        held = [place.do(partial(connect, f"2001:db8::{n}")) for n in range(2, 8)]
        for client in held[-3:]:
            client.setblocking(False)
            assert read(WWW, (await exchanged(client))[2:])
        assert (await made.counters()).tcp_refused == {"per_client": 3}
        assert read(WWW, (await exchanged(good))[2:])
        for client in (good, *held):
            client.close()
    finally:
        await made.stop()
        place.close()
