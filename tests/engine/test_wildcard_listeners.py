"""A wildcard listener of either engine answers from the address that was asked.

The sockets are those of a network namespace of their own, whose addresses the test makes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from harness.config import config_text
from harness.engines import ENGINES, LIMITS, EngineName
from harness.messages import query
from harness.namespace import Place, needs_root
from harness.server import HEAD, snapshot_of

from resolverd.config.types import Listener
from resolverd.engine.choice import Choice
from resolverd.engine.inherited import adopt
from resolverd.engine.make import make_engine
from resolverd.engine.sockets import BoundSockets, bind
from resolverd.loop import run_loop

pytestmark = [needs_root, pytest.mark.parametrize("engine", ENGINES)]

SNAPSHOT = snapshot_of(f"$ORIGIN example.\n{HEAD}", config_text(services=""))
PACKET = query("example.", "SOA")
Sockets = Callable[[], tuple[list[Listener], Sequence[BoundSockets]]]


@asynccontextmanager
async def serving(
    place: Place, engine: EngineName, sockets: Sockets, workers: int = 1
) -> AsyncIterator[int]:
    """The engine on `sockets` made in `place`; gives the port."""
    bound, made = place.do(sockets)
    serves = make_engine(Choice(engine, workers, ""), bound, made, LIMITS, run_loop)
    await serves.start(SNAPSHOT)
    try:
        yield bound[0].port
    finally:
        await serves.stop()


@pytest.fixture
def place() -> Iterator[Place]:
    """A namespace with a few addresses."""
    made = Place()
    for each in ("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8::2/128"):
        made.address(each)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("wildcard", "asked", "later", "source"),
    [
        ("0.0.0.0", ["127.0.0.1", "192.0.2.1", "192.0.2.2"], "192.0.2.3", "127.0.0.1"),
        ("::", ["::1", "2001:db8::1", "2001:db8::2"], "2001:db8::3", "::1"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
async def test_the_address_asked_answers(
    place: Place,
    engine: EngineName,
    wildcard: str,
    asked: list[str],
    later: str,
    source: str,
    workers: int,
) -> None:
    """Also one that the host gets while the engine serves."""
    listeners = [Listener(wildcard, 0)]
    async with serving(place, engine, lambda: bind(listeners, workers), workers) as port:
        for address in asked:
            assert await asyncio.to_thread(place.asked, PACKET, address, port, source)
        place.address(f"{later}/{128 if ':' in later else 32}")
        assert await asyncio.to_thread(place.asked, PACKET, later, port, source)


@pytest.mark.parametrize(
    ("wildcard", "later", "source"),
    [("0.0.0.0", "192.0.2.3", "127.0.0.1"), ("::", "2001:db8::3", "::1")],
)
async def test_an_inherited_wildcard_answers_from_the_address_asked(
    place: Place, engine: EngineName, wildcard: str, later: str, source: str
) -> None:
    """As the shipped socket unit hands over."""

    def sockets() -> tuple[list[Listener], Sequence[BoundSockets]]:
        _, (bound,) = bind([Listener(wildcard, 0)])
        return adopt([*bound.udp, *bound.tcp])

    async with serving(place, engine, sockets) as port:
        place.address(f"{later}/{128 if ':' in later else 32}")
        assert await asyncio.to_thread(place.asked, PACKET, later, port, source)


async def test_one_socket_of_both_families_answers_each_from_the_address_asked(
    place: Place, engine: EngineName
) -> None:
    """As a socket unit with BindIPv6Only=both hands over; IPv4 comes mapped into IPv6."""

    def sockets() -> tuple[list[Listener], Sequence[BoundSockets]]:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::", 0))
        return adopt([made])

    async with serving(place, engine, sockets) as port:
        assert await asyncio.to_thread(place.asked, PACKET, "192.0.2.2", port, "127.0.0.1")
        assert await asyncio.to_thread(place.asked, PACKET, "2001:db8::2", port, "::1")


async def test_a_link_local_address_is_answered_from(place: Place, engine: EngineName) -> None:
    """Its answer needs the interface, which any other must not be bound to."""
    place.ip("link", "add", "one", "type", "veth", "peer", "name", "two")
    for name in ("one", "two"):
        place.ip("link", "set", name, "up")
    place.address("fe80::1/64", "one")
    async with serving(place, engine, lambda: bind([Listener("::", 0)])) as port:
        assert await asyncio.to_thread(place.asked, PACKET, "fe80::1%one", port)
