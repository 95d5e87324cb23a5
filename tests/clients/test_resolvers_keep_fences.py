"""Real resolvers with ECS before a daemon: pins hold, and nobody loses a name by another's pin.

unbound and PowerDNS Recursor cache our answers by their scopes, and are asked for clients with and
without pins while regions fall and return. unbound is asked by prefixes of every length, and keeps
a scope that is longer than a prefix apart; PowerDNS Recursor keeps it as long as the prefix, and
answers a short prefix as its first address, so it is asked by the /24s that it sends by itself.

The oracle is a table: the fence of a place is what the pins below say of it, and that of a short
prefix what all places in it have in common.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import dns.edns
import dns.message
import dns.rcode
import pytest
from dns.rdatatype import AAAA, CNAME, A
from harness.config import address_of
from harness.daemon import TIMEOUT, Asked, Endpoints, endpoints, running, write_files
from harness.places import FRANKFURT, LONDON, NEW_YORK, SAN_FRANCISCO, write_city_database
from harness.programs import recursor, unbound
from harness.server import HEAD
from harness.trials import trials
from harness.waiting import until_holds

ZONE = f"{HEAD}chat 60 DYNA chat\nstrict 60 DYNA strict\nwww A 192.0.2.80\n"
NO_REGION = "_no-region.inference.example."
QUERIES = trials(2500, 10_000)
AT_ONCE = 40
SERVED = ("us-east", "us-west", "eu-west")
SERVICES = """\
[service.chat]
regions = ["us-east", "us-west", "eu-west"]
ttl = "60s"
failover_ttl = "1s"
[service.strict]
regions = ["us-east", "us-west", "eu-west"]
ttl = "60s"
failover_ttl = "1s"
all_down = "cname"
[pin.germany]
countries = ["DE"]
regions = ["eu-west"]
[pin.britain]
countries = ["GB"]
regions = ["us-east"]
[pin.nowhere]
subnets = ["10.9.0.0/16", "10.4.200.0/24"]
regions = ["ap-northeast"]
[pin.exception]
subnets = ["10.4.7.0/24"]
regions = ["us-west"]
"""
PLACES = {
    "10.1.0.0/16": NEW_YORK,
    "10.2.0.0/16": SAN_FRANCISCO,
    "10.4.0.0/16": LONDON,
    "10.5.0.0/16": FRANKFURT,
    "10.6.0.0/20": FRANKFURT,
    "10.6.16.0/20": LONDON,
    "10.9.0.0/16": NEW_YORK,
}
_FENCES = {
    "10.4.7.0/24": {"us-west"},
    "10.4.200.0/24": set(),
    "10.9.0.0/16": set(),
    "10.4.0.0/16": {"us-east"},
    "10.5.0.0/16": {"eu-west"},
    "10.6.0.0/20": {"eu-west"},
    "10.6.16.0/20": {"us-east"},
}
FENCES = {ipaddress.IPv4Network(text): fence for text, fence in _FENCES.items()}
RESOLVERS = {"unbound": unbound, "recursor": recursor}
LENGTHS = {"unbound": (24, 24, 24, 24, 24, 20, 16, 12, 8), "recursor": (24,)}


def fence_of(subnet: ipaddress.IPv4Network) -> set[str]:
    """What all clients of `subnet` may be given, most specific first."""
    within = [fence for network, fence in FENCES.items() if network.subnet_of(subnet)]
    around = next((fence for network, fence in FENCES.items() if subnet.subnet_of(network)), None)
    return set.intersection(set(SERVED) if around is None else around, *within)


class Answer(NamedTuple):
    """What a resolver gave: its RCODE, the addresses, and where aliases lead."""

    rcode: dns.rcode.Rcode
    addresses: frozenset[str]
    aliases: tuple[str, ...]


async def _answered(stub: Stub, client: ipaddress.IPv4Network) -> bool:
    """Whether this client is given an address."""
    return bool((await stub.ask("chat.inference.example.", client)).addresses)


class Stub(asyncio.DatagramProtocol):
    """A stub resolver that asks one resolver for clients of given subnets."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._transport: asyncio.DatagramTransport
        self._next = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        future = self._waiting.pop(int.from_bytes(data[:2], "big"), None)
        if future is not None and not future.done():
            future.set_result(data)

    async def ask(self, name: str, subnet: ipaddress.IPv4Network, qtype: str = "A") -> Answer:
        self._next = (self._next + 1) % 65536
        ecs = dns.edns.ECSOption(str(subnet.network_address), subnet.prefixlen)
        query = dns.message.make_query(name, qtype, use_edns=0, options=[ecs], id=self._next)
        future = self._waiting[query.id] = asyncio.get_running_loop().create_future()
        self._transport.sendto(query.to_wire())
        async with asyncio.timeout(TIMEOUT):
            message = dns.message.from_wire(await future)
        found = [rdata for rrset in message.answer for rdata in rrset]
        return Answer(
            message.rcode(),
            frozenset(rdata.address for rdata in found if rdata.rdtype in (A, AAAA)),
            tuple(str(rdata.target) for rdata in found if rdata.rdtype == CNAME),
        )


@asynccontextmanager
async def resolving(
    kind: str, folder: Path, services: str = SERVICES
) -> AsyncIterator[tuple[Stub, Endpoints]]:
    """A daemon, a resolver before it, and a stub before that."""
    write_city_database(folder / "city.mmdb", PLACES)
    async with endpoints() as served:
        server = 'geoip = ["city.mmdb"]\n'
        zones = {"inference.example.": ZONE}
        path = write_files(folder, zones, served, services=services, server=server)
        async with running(path) as daemon:
            address, port = daemon.bound[0]
            inner = RESOLVERS[kind](folder, Asked(address, port), "inference.example")
            async with inner as asked:
                loop = asyncio.get_running_loop()
                transport, stub = await loop.create_datagram_endpoint(
                    Stub, remote_addr=(asked.address, asked.port)
                )
                try:
                    yield stub, served
                finally:
                    transport.close()


def subnet_of(rng: random.Random, lengths: Sequence[int]) -> ipaddress.IPv4Network:
    """Any block, some of which span pins where they are shorter than /24."""
    text = f"10.{rng.choice((1, 2, 3, 4, 5, 6, 9))}.{rng.choice((0, 7, 8, 16, 200, 255))}.0"
    return ipaddress.IPv4Network((text, rng.choice(lengths)), strict=False)


@pytest.mark.parametrize("kind", RESOLVERS)
async def test_no_answer_leaves_a_fence_and_no_name_is_lost_through_a_resolver(
    kind: str, tmp_path: Path
) -> None:
    """Thousands of queries under churn; eu-west alone never falls."""
    rng = random.Random(kind)
    wrong: list[str] = []
    unserved = 0
    async with resolving(kind, tmp_path) as (stub, served):

        async def one() -> None:
            nonlocal unserved
            subnet = subnet_of(rng, LENGTHS[kind])
            name = rng.choice(("chat", "chat", "strict"))
            answer = await stub.ask(f"{name}.inference.example.", subnet)
            fence = fence_of(subnet)
            allowed = {address_of(region) for region in fence}
            case = f"{name} for {subnet} (fence {fence or 'empty'}): {answer}"
            if answer.rcode != dns.rcode.NOERROR or not answer.addresses <= allowed:
                wrong.append(case)
            elif not answer.addresses:
                unserved += 1
                served_always = name == "chat" or "eu-west" in fence
                if (fence and served_always) or answer.aliases != (
                    "_no-region.inference.example.",
                ):
                    wrong.append(case)

        for _ in range(QUERIES // AT_ONCE):
            region = rng.choice(("us-east", "us-west"))
            served.status[region] = rng.choice((200, 500))
            await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    assert wrong == []
    assert unserved > QUERIES / 20, "some clients have no region"


@pytest.mark.parametrize("kind", RESOLVERS)
async def test_a_wide_answer_hides_no_narrower_exception(kind: str, tmp_path: Path) -> None:
    """RFC 7871 §7.2.1: no scope covers a more specific answer, whichever was asked for first."""
    exception = ipaddress.IPv4Network("10.4.7.0/24")
    around = [
        ipaddress.IPv4Network(text)
        for text in ("10.4.6.0/24", "10.4.8.0/24", "10.4.0.0/24", "10.4.128.0/24", "10.4.0.0/16")
        if int(text[-2:]) in LENGTHS[kind]
    ]
    async with resolving(kind, tmp_path) as (stub, _):
        for _ in range(2):
            for subnet in (exception, *around, exception):
                answer = await stub.ask("chat.inference.example.", subnet)
                allowed = {address_of(region) for region in fence_of(subnet)}
                assert answer.addresses <= allowed
                assert bool(answer.addresses) == bool(allowed), subnet


async def test_a_prefix_that_spans_pins_takes_no_name_away_from_its_clients(tmp_path: Path) -> None:
    """PowerDNS Recursor keeps an answer for the prefix asked, whatever the scope: so it has TTL 0.

    It keeps even that for a second (`minimum-ttl-override`).
    """
    wide, client = ipaddress.IPv4Network("10.0.0.0/8"), ipaddress.IPv4Network("10.1.1.0/24")
    async with resolving("recursor", tmp_path) as (stub, _):
        assert (await stub.ask("chat.inference.example.", wide)).aliases == (NO_REGION,)
        await until_holds(partial(_answered, stub, client), within=5)


@pytest.mark.parametrize(
    ("kind", "said", "kept_apart"),
    [
        ("unbound", "cname", True),
        ("unbound", "nodata", True),
        ("unbound", "servfail", True),
        ("recursor", "cname", True),
        ("recursor", "nodata", False),
        ("recursor", "servfail", False),
        ("recursor", "refused", False),
    ],
)
async def test_what_each_way_to_say_no_region_does_in_each_resolver(
    kind: str, said: str, kept_apart: bool, tmp_path: Path
) -> None:
    """As docs/threat-model.md has it: whether others keep the name after one had no region."""
    services = SERVICES.replace("[service.chat]", f'[service.chat]\nno_region = "{said}"', 1)
    none, other = ipaddress.IPv4Network("10.9.0.0/24"), ipaddress.IPv4Network("10.2.1.0/24")
    async with resolving(kind, tmp_path, services) as (stub, _):
        assert not (await stub.ask("chat.inference.example.", none)).addresses
        if (kind, said) == ("unbound", "servfail"):
            # A younger one (1.26) keeps a name's first failure for 5 s, whoever asks (RFC 9520).
            await until_holds(partial(_answered, stub, other), within=20)
        assert bool((await stub.ask("chat.inference.example.", other)).addresses) == kept_apart


async def test_refused_lets_a_client_of_unbound_out_of_its_fence(tmp_path: Path) -> None:
    """It asks again without the subnet; docs/threat-model.md says so."""
    services = SERVICES.replace("[service.chat]", '[service.chat]\nno_region = "refused"', 1)
    none = ipaddress.IPv4Network("10.9.0.0/24")
    async with resolving("unbound", tmp_path, services) as (stub, _):
        assert (await stub.ask("chat.inference.example.", none)).addresses


@pytest.mark.parametrize(("kind", "kept_apart"), [("unbound", True), ("recursor", False)])
async def test_a_family_that_one_region_lacks(kind: str, kept_apart: bool, tmp_path: Path) -> None:
    """us-west alone has no IPv6; `check` warns of it for the sake of what a Recursor does."""
    lacks, other = ipaddress.IPv4Network("10.2.1.0/24"), ipaddress.IPv4Network("10.1.1.0/24")
    async with resolving(kind, tmp_path) as (stub, _):
        assert not (await stub.ask("chat.inference.example.", lacks, "AAAA")).addresses
        answer = await stub.ask("chat.inference.example.", other, "AAAA")
        assert bool(answer.addresses) == kept_apart
