"""unbound as an ECS resolver: it must cache by our scopes, and by nothing wider or narrower.

`PLACES` puts 10.4.0.0/20 and the like somewhere; unbound sends /24. How often the daemon was
asked is read from its own counters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.client_world import ZONE, prepare
from harness.config import address_of
from harness.daemon import Asked, endpoints, running, write_files
from harness.programs import output, unbound

from resolverd.daemon import Daemon

CHAT, WWW = "chat.inference.example", "www.inference.example"
LONG = '[service.chat]\nregions = ["us-east", "us-west", "eu-west", "ap-northeast"]\nttl = 3600\n'


@dataclass
class Resolver:
    """unbound before a daemon."""

    daemon: Daemon
    asked: Asked

    async def ask(self, name: str, *arguments: str) -> str:
        """The answer that dig gets through unbound."""
        text = await output(
            "dig",
            *(f"@{self.asked.address}", "-p", str(self.asked.port), "+short", "+tries=1"),
            *(name, "A", *arguments),
        )
        return text.strip()

    async def reached(self) -> int:
        """Queries that have come to the daemon so far."""
        return (await self.daemon.counters()).received.total()


@asynccontextmanager
async def resolver(folder: Path, longest: int = 24) -> AsyncIterator[Resolver]:
    """A daemon, and unbound before it."""
    async with endpoints() as served:
        path = write_files(
            folder,
            {"inference.example.": ZONE},
            served,
            services=LONG,
            server=prepare(folder),
        )
        async with running(path) as daemon:
            address, port = daemon.bound[0]
            inner = unbound(folder, Asked(address, port), "inference.example", longest=longest)
            async with inner as asked:
                yield Resolver(daemon, asked)


async def test_clients_of_one_resolver_get_their_own_regions(tmp_path: Path) -> None:
    """The client subnet travels through unbound, and each answer is kept for its own scope."""
    expected = {
        "10.1.2.0/24": address_of("us-east"),
        "10.2.2.0/24": address_of("us-west"),
        "10.3.2.0/24": address_of("ap-northeast"),
        "10.4.2.0/24": address_of("eu-west"),
    }
    async with resolver(tmp_path) as through:
        for _ in range(2):
            for subnet, address in expected.items():
                assert await through.ask(CHAT, f"+subnet={subnet}") == address
        before = await through.reached()
        for subnet, address in expected.items():
            assert await through.ask(CHAT, f"+subnet={subnet}") == address
        assert await through.reached() == before, "every one of them is cached"


async def test_neighbours_inside_a_scope_share_an_entry(tmp_path: Path) -> None:
    """10.5.0.0/20 is one network: its /24s cost one query, an address beyond it another."""
    async with resolver(tmp_path) as through:
        await through.ask(CHAT, "+subnet=10.5.0.0/24")
        before = await through.reached()
        for block in range(1, 16):
            assert await through.ask(CHAT, f"+subnet=10.5.{block}.0/24") == address_of("us-east")
        assert await through.reached() == before
        await through.ask(CHAT, "+subnet=10.5.16.0/24")
        assert await through.reached() == before + 1


async def test_clients_are_told_apart_by_their_own_address(tmp_path: Path) -> None:
    """Without a subnet in the query unbound sends its client's own address."""
    async with resolver(tmp_path) as through:
        assert await through.ask(CHAT, "-b", "127.0.1.5") == address_of("us-east")
        before = await through.reached()
        assert await through.ask(CHAT, "-b", "127.0.1.77") == address_of("us-east")
        assert await through.reached() == before
        assert await through.ask(CHAT, "-b", "127.0.2.5") == address_of("ap-northeast")
        assert await through.reached() == before + 1


async def test_what_is_the_same_for_everybody_is_cached_once(tmp_path: Path) -> None:
    """Scope 0: one query serves every client."""
    async with resolver(tmp_path) as through:
        assert await through.ask(WWW, "+subnet=10.1.2.0/24") == "192.0.2.80"
        before = await through.reached()
        for subnet in ("10.2.2.0/24", "10.3.2.0/24", "10.200.1.0/24"):
            assert await through.ask(WWW, f"+subnet={subnet}") == "192.0.2.80"
        assert await through.reached() == before
