"""The address book against a real nameserver whose answers change, and then fail."""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from dnslib import QTYPE, RCODE, RR, A
from dnslib.dns import AAAA, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSServer
from structlog.testing import capture_logs

from resolverd.health.addresses import AddressBook
from resolverd.health.lookup import Found, LookupFailedError, RRType, SystemLookup

NAME = "use.example"


class Nameserver(BaseResolver):
    """Answers from `a` and `aaaa`, in reverse; `rcode` fails all, `fail_aaaa` the one type."""

    def __init__(self) -> None:
        self.a: list[str] = ["192.0.2.1"]
        self.aaaa: list[str] = []
        self.rcode = "NOERROR"
        self.fail_aaaa = False
        self.queries = 0
        self.port = 0

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        self.queries += 1
        reply: DNSRecord = request.reply()
        qtype = QTYPE[request.q.qtype]
        if self.rcode != "NOERROR" or (self.fail_aaaa and qtype == "AAAA"):
            reply.header.rcode = getattr(
                RCODE, self.rcode if self.rcode != "NOERROR" else "REFUSED"
            )
            return reply
        addresses, rdata = (self.a, A) if qtype == "A" else (self.aaaa, AAAA)
        for address in reversed(addresses):
            reply.add_answer(RR(request.q.qname, request.q.qtype, rdata=rdata(address), ttl=0))
        return reply


class Quiet:
    """dnslib's server logs to standard output unless told otherwise."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


@pytest.fixture
def nameserver() -> Iterator[Nameserver]:
    resolver = Nameserver()
    server = DNSServer(resolver, port=0, address="127.0.0.1", logger=Quiet())
    resolver.port = server.server.server_address[1]
    thread = threading.Thread(target=server.server.serve_forever, args=(0.01,))
    thread.start()
    yield resolver
    server.server.shutdown()
    thread.join()
    server.server.server_close()


class Changes:
    """What `on_change` was told, and a way to wait for the next."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[tuple[str, tuple[str, ...], tuple[str, ...]]] = asyncio.Queue()

    def __call__(self, name: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        self.seen.put_nowait((name, before, after))

    async def next(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        async with asyncio.timeout(20):
            _, before, after = await self.seen.get()
        return before, after


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
async def book(nameserver: Nameserver, changes: Changes) -> AsyncIterator[AddressBook]:
    made = AddressBook([NAME], lookup=lookup(nameserver), on_change=changes, least=0.02)
    yield made
    await made.stop()


def lookup(nameserver: Nameserver, hosts: Path = Path("/nonexistent")) -> SystemLookup:
    return SystemLookup(["127.0.0.1"], nameserver.port, timeout=5, hosts=hosts)


async def eventually(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 (what is waited for is a plain counter)
            await asyncio.sleep(0.01)


async def test_addresses_follow_the_nameserver(
    nameserver: Nameserver, book: AddressBook, changes: Changes
) -> None:
    assert book.addresses(NAME) == ()
    await book.start()
    assert await book.first_round(within=20)
    assert book.addresses(NAME) == ("192.0.2.1",)
    assert await changes.next() == ((), ("192.0.2.1",))
    nameserver.aaaa = ["2001:db8::2", "2001:db8::10"]
    both = ("192.0.2.1", "2001:db8::2", "2001:db8::10")
    assert await changes.next() == (("192.0.2.1",), both)
    nameserver.a = []
    assert await changes.next() == (both, both[1:])


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NXDOMAIN"])
async def test_a_failed_refresh_keeps_the_last_addresses_and_says_so_once(
    nameserver: Nameserver, book: AddressBook, changes: Changes, rcode: str
) -> None:
    with capture_logs() as events:
        await book.start()
        await changes.next()
        nameserver.rcode = rcode
        await eventually(lambda: book.entries()[NAME].failures >= 3)
        assert book.addresses(NAME) == ("192.0.2.1",)
        assert book.entries()[NAME].failing
        nameserver.rcode, nameserver.a = "NOERROR", ["192.0.2.9"]
        assert await changes.next() == (("192.0.2.1",), ("192.0.2.9",))
        assert book.entries()[NAME].failing == ""
    assert [event["event"] for event in events] == [
        "addresses.changed",
        "addresses.failing",
        "addresses.recovered",
        "addresses.changed",
    ]
    assert events[1]["kept"] == ("192.0.2.1",)


async def test_a_name_that_loses_all_addresses_keeps_the_last(
    nameserver: Nameserver, book: AddressBook, changes: Changes
) -> None:
    await book.start()
    await changes.next()
    nameserver.a = []
    await eventually(lambda: book.entries()[NAME].failures >= 1)
    assert book.addresses(NAME) == ("192.0.2.1",)
    assert book.entries()[NAME].failing == "no addresses"


async def test_a_family_that_fails_does_not_hold_back_the_other(
    nameserver: Nameserver, book: AddressBook, changes: Changes
) -> None:
    nameserver.aaaa = ["2001:db8::1"]
    await book.start()
    await changes.next()
    nameserver.fail_aaaa, nameserver.a = True, ["192.0.2.2"]
    assert await changes.next() == (
        ("192.0.2.1", "2001:db8::1"),
        ("192.0.2.2", "2001:db8::1"),
    )


async def test_the_order_of_an_answer_is_no_change(
    nameserver: Nameserver, book: AddressBook, changes: Changes
) -> None:
    nameserver.a = ["192.0.2.1", "192.0.2.2"]
    await book.start()
    await changes.next()
    nameserver.a = ["192.0.2.2", "192.0.2.1"]
    asked = nameserver.queries
    await eventually(lambda: nameserver.queries >= asked + 6)
    assert changes.seen.empty()


async def test_a_reload_keeps_known_names_and_drops_others(
    nameserver: Nameserver, book: AddressBook
) -> None:
    await book.start()
    await book.first_round(within=20)
    kept = book.entries()[NAME]
    book.replace([NAME, "other.example"])
    assert book.entries()[NAME] is kept
    async with asyncio.timeout(20):
        assert await book.tried("other.example") == ("192.0.2.1",)
    book.replace(["other.example"])
    assert book.addresses(NAME) == ()


async def test_the_first_round_is_bounded_and_a_hanging_name_delays_no_other() -> None:
    async def half(hostname: str, rrtype: RRType) -> Found:
        if hostname == "hangs.example":
            await asyncio.Event().wait()
        return Found(("192.0.2.1",) if rrtype == "A" else (), 60)

    book = AddressBook(["hangs.example", NAME], lookup=half)
    await book.start()
    assert not await book.first_round(within=0.1)
    assert book.addresses(NAME) == ("192.0.2.1",)
    await book.stop()


@pytest.mark.parametrize(
    ("ttl", "waits"), [(0.0, 5.0), (4.0, 5.0), (60.0, 60.0), (90000.0, 3600.0)]
)
async def test_refreshes_follow_the_ttl_within_bounds(
    monkeypatch: pytest.MonkeyPatch, ttl: float, waits: float
) -> None:
    waited: list[float] = []

    async def record(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.Event().wait()

    async def found(hostname: str, rrtype: RRType) -> Found:
        return Found(("192.0.2.1",) if rrtype == "A" else (), ttl)

    monkeypatch.setattr("resolverd.health.addresses.asyncio.sleep", record)
    book = AddressBook([NAME], lookup=found)
    await book.start()
    await book.first_round(within=20)
    monkeypatch.undo()
    await eventually(lambda: bool(waited))
    assert waited == [waits]
    await book.stop()


async def test_a_defect_in_a_lookup_is_shown_and_blocks_nobody() -> None:
    async def defective(hostname: str, rrtype: RRType) -> Found:
        raise ZeroDivisionError

    book = AddressBook([NAME], lookup=defective)
    with capture_logs() as events:
        await book.start()
        assert await book.first_round(within=20)
    assert [event["event"] for event in events] == ["addresses.defect"]
    await book.stop()


async def test_the_hosts_file_comes_before_dns(nameserver: Nameserver, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("# a comment\n10.0.0.7 x USE.example # here\nfd00::7 use.example\nbad\n")
    look = lookup(nameserver, hosts)
    assert (await look(NAME, "A")).addresses == ("10.0.0.7",)
    assert (await look(f"{NAME}.", "AAAA")).addresses == ("fd00::7",)
    assert (await look("other.example", "A")).addresses == ("192.0.2.1",)


async def test_a_lookup_says_why_it_failed(nameserver: Nameserver) -> None:
    nameserver.rcode = "NXDOMAIN"
    with pytest.raises(LookupFailedError, match=r"^NXDOMAIN$"):
        await lookup(nameserver)(NAME, "A")
