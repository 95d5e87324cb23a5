"""The addresses that an address book keeps in a file over a restart."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.waiting import until_holds
from nameserver import NAME, Nameserver, lookup
from structlog.testing import capture_logs

from resolverd import stop_limits
from resolverd.files.threads import FileThreads, Step
from resolverd.files.writing import replacing
from resolverd.health import kept
from resolverd.health.addresses import AddressBook
from resolverd.health.kept import KeptAddresses

TIMEOUT = 20.0
"""Seconds; what does not hang takes less, on a busy machine too."""


async def test_addresses_outlive_a_restart_while_no_nameserver_answers(
    nameserver: Nameserver, tmp_path: Path
) -> None:
    file = tmp_path / "state" / "names.json"
    book = AddressBook([NAME], lookup=lookup(nameserver), kept=KeptAddresses(file))
    await book.start()
    await book.first_round(within=20)
    await book.stop()
    nameserver.rcode = "SERVFAIL"
    with capture_logs() as events:
        kept = KeptAddresses(file)
        after = AddressBook([NAME], lookup=lookup(nameserver), kept=kept)
        assert after.addresses(NAME) == ("192.0.2.1",)
        await after.start()
        await after.first_round(within=20)
        assert after.addresses(NAME) == ("192.0.2.1",)
        assert after.entries()[NAME].failing
        await after.stop()
    assert events[0]["event"] == "names.kept"
    assert (events[0]["name_count"], events[0]["oldest_seconds"] < 60) == (1, True)


RIGHT = {"version": 1, "names": {NAME: {"A": ["192.0.2.1"], "AAAA": [], "seen": 1}}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"version": 2, "names": {}}',
        '{"version": 1, "names": []}',
        json.dumps(RIGHT).replace("192.0.2.1", "2001:db8::1"),
        json.dumps(RIGHT).replace("192.0.2.1", "example"),
        json.dumps(RIGHT).replace('"seen": 1', '"seen": "now"'),
        json.dumps(RIGHT)[:-5],
    ],
)
def test_a_damaged_file_of_addresses_is_an_event(tmp_path: Path, text: str) -> None:
    file = tmp_path / "names.json"
    file.write_text(text)
    with capture_logs() as events:
        assert KeptAddresses(file).get(NAME, "A") == ()
    assert [event["event"] for event in events] == ["names.unreadable"]
    file.write_text(json.dumps(RIGHT))
    assert KeptAddresses(file).get(NAME, "A") == ("192.0.2.1",)


async def test_what_cannot_be_written_is_an_event_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptAddresses(tmp_path / "file" / "names.json")
    with capture_logs() as events:
        kept.put(NAME, "A", ("192.0.2.1",))
        await kept.close()
    assert [event["event"] for event in events][-1] == "names.not_kept"


@pytest.mark.parametrize("at_the_end", [True, False])
async def test_what_could_not_be_written_is_written_later_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_the_end: bool
) -> None:
    monkeypatch.setattr(kept, "_SOON", 0.0)
    if not at_the_end:
        monkeypatch.setattr(kept, "_SELDOM", 0.01)
    blocked, file = tmp_path / "file", tmp_path / "file" / "names.json"
    blocked.write_text("")
    addresses = KeptAddresses(file)
    with capture_logs() as events:
        addresses.put(NAME, "A", ("192.0.2.1",))
        await until_holds(lambda: bool(events), within=TIMEOUT)
        blocked.unlink()
        if not at_the_end:
            await until_holds(file.exists, within=TIMEOUT)
        await addresses.close()
    assert [event["event"] for event in events] == ["names.not_kept"]
    assert json.loads(file.read_text())["names"][NAME]["A"] == ["192.0.2.1"]


class Disk:
    """Where what is written first waits until `answers` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, limit: float) -> None:
        self.answers, self.begun = threading.Event(), 0
        monkeypatch.setattr(kept, "replacing", self._replacing)
        monkeypatch.setattr(kept, "WRITES", FileThreads(limit))
        monkeypatch.setattr(kept, "_SOON", 0.0)

    def _replacing(self, path: Path, content: bytes) -> Callable[[Step], None]:
        write = replacing(path, content)

        def late(step: Step) -> None:
            step(str(path))
            self.begun += 1
            if self.begun == 1:
                self.answers.wait()
            write(step)

        return late


@pytest.mark.parametrize("before_the_end", [True, False])
async def test_what_was_put_last_stays_where_a_write_was_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_the_end: bool
) -> None:
    disk = Disk(monkeypatch, limit=TIMEOUT)
    monkeypatch.setattr(stop_limits, "NAMES", TIMEOUT)
    file = tmp_path / "names.json"
    addresses = KeptAddresses(file)
    addresses.put(NAME, "A", ("192.0.2.1",))
    await until_holds(lambda: disk.begun == 1, within=TIMEOUT)
    if not before_the_end:  # it is due at the end
        monkeypatch.setattr(kept, "_SOON", 3600.0)
    addresses.put(NAME, "A", ("192.0.2.2",))
    for _ in range(3):
        await asyncio.sleep(0)
    closing = asyncio.create_task(addresses.close())
    await asyncio.sleep(0)
    assert disk.begun == 1
    disk.answers.set()
    with capture_logs() as events:
        await closing
    assert (events, disk.begun) == ([], 2)
    assert json.loads(file.read_text())["names"][NAME]["A"] == ["192.0.2.2"]


async def test_a_disk_that_hangs_has_one_thread_is_one_event_and_holds_up_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, limit=0.02)
    addresses = KeptAddresses(tmp_path / "names.json")
    try:
        with capture_logs() as events:
            for number in range(1, 9):
                addresses.put(NAME, "A", (f"192.0.2.{number}",))
                await until_holds(lambda: bool(events), within=TIMEOUT)
                await asyncio.sleep(0.01)
            async with asyncio.timeout(TIMEOUT):
                await addresses.close()
        assert (disk.begun, [event["event"] for event in events]) == (1, ["names.not_kept"])
    finally:
        disk.answers.set()


async def test_the_end_waits_no_longer_for_a_disk_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, limit=TIMEOUT)
    monkeypatch.setattr(stop_limits, "NAMES", 0.02)
    addresses = KeptAddresses(tmp_path / "names.json")
    addresses.put(NAME, "A", ("192.0.2.1",))
    try:
        with capture_logs() as events:
            async with asyncio.timeout(TIMEOUT):
                await addresses.close()
        assert [event["event"] for event in events] == ["names.not_kept"]
    finally:
        disk.answers.set()
