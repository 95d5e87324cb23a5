"""The address book against a real nameserver whose answers change, and then fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nameserver import NAME, Changes, Nameserver, eventually, lookup
from structlog.testing import capture_logs

from resolverd.health.addresses import AddressBook
from resolverd.health.lookup import Found, RRType


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
async def book(nameserver: Nameserver, changes: Changes) -> AsyncIterator[AddressBook]:
    made = AddressBook(
        [NAME], lookup=lookup(nameserver), on_change=changes, minimum=0.02, retry=0.02, grace=0.1
    )
    yield made
    await made.stop()


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


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
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
    assert events[1]["addresses"] == ["192.0.2.1"]


@pytest.mark.parametrize("absence", ["NXDOMAIN", "NODATA"])
async def test_a_name_that_is_said_to_be_gone_loses_its_addresses_after_the_grace_time(
    nameserver: Nameserver, book: AddressBook, changes: Changes, absence: str
) -> None:
    await book.start()
    await changes.next()
    assert book.resolved(NAME).reason == ""
    nameserver.a = []
    nameserver.rcode = absence.replace("NODATA", "NOERROR")
    await eventually(lambda: book.entries()[NAME].failures >= 1)
    assert await changes.next() == (("192.0.2.1",), ())
    assert book.entries()[NAME].failures >= 3
    gone = book.resolved(NAME)
    assert (gone.addresses, gone.known, gone.reason) == ((), True, f"{NAME}: {absence}")
    assert gone.changed is not None
    nameserver.a, nameserver.rcode = ["192.0.2.1"], "NOERROR"
    assert await changes.next() == ((), ("192.0.2.1",))
    back = book.resolved(NAME).changed
    assert back is not None
    assert back > gone.changed


async def test_addresses_that_lead_a_client_to_itself_or_nowhere_are_never_taken(
    nameserver: Nameserver, book: AddressBook, changes: Changes
) -> None:
    nameserver.a = ["0.0.0.0", "127.0.0.1", "192.0.2.1", "169.254.169.254", "224.0.0.1"]
    nameserver.aaaa = ["::", "::1", "fe80::1", "ff02::1", "::ffff:7f00:1"]
    with capture_logs() as events:
        await book.start()
        assert await changes.next() == ((), ("192.0.2.1",))
        await eventually(lambda: book.entries()[NAME].refused >= 20)
    refused = [event for event in events if event["event"] == "addresses.refused"]
    assert len(refused) == 1
    assert len(refused[0]["addresses"]) == 9


async def test_loopback_is_probed_and_never_answered(
    nameserver: Nameserver, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.1.1 here.example\n")
    names = ["localhost", "here.example", NAME]
    nameserver.a = ["127.0.0.2"]
    for local, wanted in (
        (True, [("127.0.0.1", "::1"), ("127.0.1.1",), ("127.0.0.2",)]),
        (False, [()] * 3),
    ):
        book = AddressBook(names, lookup=lookup(nameserver, hosts), local=local)
        await book.start()
        assert await book.first_round(within=20)
        assert [book.addresses(name) for name in names] == wanted
        await book.stop()


async def test_the_spellings_of_a_name_are_one_name(nameserver: Nameserver) -> None:
    book = AddressBook(["bücher.example"], lookup=lookup(nameserver))
    await book.start()
    for spelling in ("bücher.example", "xn--bcher-kva.example", "XN--BCHER-KVA.Example"):
        assert await book.tried(spelling) == ("192.0.2.1",)
    assert list(book.entries()) == ["xn--bcher-kva.example"]
    await book.stop()


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


@pytest.mark.parametrize(
    ("late", "address", "both"),
    [
        ("AAAA", "192.0.2.1", ("192.0.2.1", "2001:db8::1")),
        ("A", "2001:db8::1", ("192.0.2.1", "2001:db8::1")),
    ],
)
async def test_a_family_that_is_answered_late_or_never_holds_up_the_first_round_alone(
    late: RRType, address: str, both: tuple[str, ...], changes: Changes
) -> None:
    answers = asyncio.Event()

    async def lookup(hostname: str, rrtype: RRType) -> Found:
        if rrtype == late:
            await answers.wait()
        return Found(("192.0.2.1",) if rrtype == "A" else ("2001:db8::1",), 60)

    book = AddressBook([NAME], lookup=lookup, on_change=changes)
    await book.start()
    async with asyncio.timeout(20):
        assert await book.tried(NAME) == (address,)
        assert await changes.next() == ((), (address,))
        assert not await book.first_round(within=0.1)
        answers.set()
        assert await changes.next() == ((address,), both)
        assert await book.first_round()
    await book.stop()


async def test_both_families_are_one_change_where_they_are_answered_one_after_the_other(
    changes: Changes,
) -> None:
    async def lookup(hostname: str, rrtype: RRType) -> Found:
        if rrtype == "AAAA":
            for _ in range(5):
                await asyncio.sleep(0)
        return Found(("192.0.2.1",) if rrtype == "A" else ("2001:db8::1",), 60)

    book = AddressBook([NAME], lookup=lookup, on_change=changes)
    await book.start()
    async with asyncio.timeout(20):
        assert await changes.next() == ((), ("192.0.2.1", "2001:db8::1"))
    await book.stop()


async def test_both_families_are_one_change_where_this_host_is_late(changes: Changes) -> None:
    asked = asyncio.Event()

    async def lookup(hostname: str, rrtype: RRType) -> Found:
        if rrtype == "AAAA":
            await asked.wait()
            for _ in range(5):
                await asyncio.sleep(0)
        return Found(("192.0.2.1",) if rrtype == "A" else ("2001:db8::1",), 60)

    book = AddressBook([NAME], lookup=lookup, on_change=changes)
    await book.start()
    for _ in range(5):
        await asyncio.sleep(0)
    asked.set()
    time.sleep(0.4)  # noqa: ASYNC251 - what holds the loop, of which the delay is to hear
    async with asyncio.timeout(20):
        assert await changes.next() == ((), ("192.0.2.1", "2001:db8::1"))
    await book.stop()


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
    ("ttl", "waits"), [(0.0, 1.0), (2.0, 2.0), (5.0, 2.5), (60.0, 30.0), (90000.0, 3600.0)]
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


async def test_a_defect_in_a_lookup_costs_that_one_alone() -> None:
    """It is asked again, and the same defect is one event however often it comes."""
    asked, found = 0, asyncio.Event()

    async def defective(hostname: str, rrtype: RRType) -> Found:
        nonlocal asked
        asked += 1
        if asked <= 6:
            raise ZeroDivisionError
        return Found(("192.0.2.1",) if rrtype == "A" else (), 60.0)

    book = AddressBook([NAME], lookup=defective, retry=0.01, on_change=lambda *_: found.set())
    with capture_logs() as events:
        await book.start()
        async with asyncio.timeout(20):
            await found.wait()
    assert book.addresses(NAME) == ("192.0.2.1",)
    assert [event["event"] for event in events].count("addresses.defect") == 1
    await book.stop()
