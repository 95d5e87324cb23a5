"""The addresses that an address book keeps in a file over a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nameserver import NAME, Nameserver, lookup
from structlog.testing import capture_logs

from resolverd.health.addresses import AddressBook
from resolverd.health.kept import KeptAddresses


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
