"""The walk in its own process: it passes, refuses, reports, ends in time, and is remembered."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from harness.waiting import wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, encode, mmdb_bytes, write_mmdb

from resolverd.errors import GeoError
from resolverd.geo import embedded, stamp
from resolverd.geo.embedded.edition import SHA256
from resolverd.geo.inspection import inspect, inspect_content
from resolverd.geo.walk import walk, walk_sync

SG: Record = {"country_code": "SG"}
WRONG: Record = {"country_code": "DE", "latitude": 500.0, "longitude": 1.0}


def silent(fraction: float) -> None:
    assert 0 <= fraction <= 1


def slash16s(count: int) -> Iterator[str]:
    return (f"10.{i}.0.0/16" for i in range(count))


async def test_a_sound_file_passes_with_rising_progress(corpus: Path) -> None:
    seen: list[float] = []
    report = await walk(corpus / "GeoLite2-City-Test.mmdb", progress=seen.append)
    assert (report.networks, report.database_type) == (242, "GeoLite2-City")
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_same_without_an_event_loop(corpus: Path) -> None:
    assert walk_sync(corpus / "GeoLite2-Country-Test.mmdb").networks == 244


async def test_a_refusal_crosses_the_process_with_its_reason(corpus: Path) -> None:
    with pytest.raises(GeoError, match="its data section is damaged at byte 11381"):
        await walk(corpus / "GeoIP2-City-Test-Broken-Double-Format.mmdb")


async def test_a_missing_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match=r"absent\.mmdb: No such file"):
        await walk(tmp_path / "absent.mmdb")


@pytest.fixture
def hanging_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A walk's process that never ends; the file that it writes its process ID into."""
    started, python = tmp_path / "started", tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\necho $$ > {started}.new; mv {started}.new {started}\nexec sleep 60\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    return started


def _wait_for(started: Path) -> None:
    wait_until(started.exists, "the walk begins", within=30)


def _is_gone(started: Path) -> bool:
    return not Path("/proc", started.read_text().strip()).exists()


async def test_a_walk_that_hangs_is_ended_and_leaves_no_process(
    corpus: Path, hanging_child: Path
) -> None:
    with pytest.raises(GeoError, match=r"not walked within 2 s"):
        await walk(corpus / "GeoLite2-City-Test.mmdb", timeout=2)
    assert _is_gone(hanging_child)


async def test_a_cancelled_walk_leaves_no_process(corpus: Path, hanging_child: Path) -> None:
    task = asyncio.create_task(walk(corpus / "GeoLite2-City-Test.mmdb"))
    await asyncio.to_thread(_wait_for, hanging_child)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _is_gone(hanging_child)


async def test_a_walk_of_a_pipe_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "city.mmdb"
    os.mkfifo(pipe)
    with pytest.raises(GeoError, match="it is a FIFO, not a regular file"):
        await walk(pipe)


async def test_a_walk_whose_process_dies_is_refused_with_its_last_words(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\necho out of luck >&2\nkill -SEGV $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dying))
    with pytest.raises(GeoError, match=r"died with status -11 \(out of luck\)"):
        await walk(corpus / "GeoLite2-City-Test.mmdb")


def test_one_wrong_record_in_a_hundred_is_only_counted() -> None:
    networks: dict[str, Record] = {
        network: {"country_code": "SG", "city": str(i)} for i, network in enumerate(slash16s(120))
    }
    report = inspect_content(mmdb_bytes(networks | {"11.0.0.0/8": WRONG}), "city.mmdb", silent)
    assert (report.records, report.unreadable) == (121, 1)


def test_two_wrong_records_in_a_hundred_are_refused() -> None:
    networks: dict[str, Record] = {
        network: {"country_code": "SG", "city": str(i)} for i, network in enumerate(slash16s(90))
    }
    bad: dict[str, Record] = {f"{i}.0.0.0/8": {**WRONG, "city": str(i)} for i in (11, 12)}
    with pytest.raises(GeoError, match=r"2 of its 92 records cannot be read \(a coordinate"):
        inspect_content(mmdb_bytes(networks | bad), "city.mmdb", silent)


def test_a_database_without_any_place_is_refused() -> None:
    with pytest.raises(GeoError, match="none of its 1 records gives a place"):
        inspect_content(mmdb_bytes({"10.0.0.0/8": {"city": "?"}}), "city.mmdb", silent)


def test_the_embedded_database_is_sound() -> None:
    report = inspect_content(embedded.content(), embedded.NAME, silent)
    assert report.sha256 == SHA256
    assert report.networks > 500_000
    assert report.unreadable == 0


SOUND = mmdb_bytes({"10.0.0.0/8": SG, "11.1.0.0/16": {"country_code": "DE"}}, record_size=28)


def mutated(record: bytes) -> bytes:
    """A database whose one record is `record`, written over one that is as long."""
    filler = "x" * (len(record) - len(encode({"country_code": ""})))
    sound = encode({"country_code": filler})
    assert len(sound) == len(record)
    return mmdb_bytes({"10.0.0.0/8": {"country_code": filler}}).replace(sound, record)


TEXT_KEY = encode("country_code")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param(
            b"\xe2" + TEXT_KEY + encode("SG") + encode(7) + encode("xxxxxx"),
            "a map key that is not text",
            id="a number as key",
        ),
        pytest.param(
            b"\xe2" + TEXT_KEY + encode("SG") + encode({"a": "b"}) + encode("xxxx"),
            "a map key that is not text",
            id="a map as key",
        ),
        pytest.param(
            b"\xe2" + TEXT_KEY + encode("SG") + b"\x20\x00" + encode("xxxxxx"),
            "a map key that is not text",
            id="a pointer to no text as key",
        ),
        pytest.param(
            b"\xe1" + TEXT_KEY + b"\x27\xff" + encode("xxxxxx"),
            "a pointer out of it",
            id="a pointer past the end",
        ),
        pytest.param(
            b"\xe1" + TEXT_KEY + b"\x5c" + b"xxxxx", "in the middle of a value", id="text too long"
        ),
        pytest.param(
            b"\xe9" + TEXT_KEY + encode("SG"), "in the middle of a value", id="more pairs than are"
        ),
        pytest.param(
            b"\xe1" + TEXT_KEY + b"\x64" + b"xxxx", "damaged at byte", id="a double of 4 bytes"
        ),
        pytest.param(
            b"\xe1" + TEXT_KEY + b"\x00\x09" + b"xxxx", "damaged at byte", id="an unknown type"
        ),
        pytest.param(
            b"\xe1" + TEXT_KEY + encode("\udcff\udcfe"), "cannot be read", id="text not in UTF-8"
        ),
        pytest.param(
            b"\xe1" + TEXT_KEY + b"\x20\x00" + b"xxxx",
            "cannot be read|none of its",
            id="a map that contains itself",
        ),
    ],
)
def test_a_damaged_value_is_refused_with_its_kind(record: bytes, reason: str) -> None:
    """The C reader takes some of these for sound, and reads wild memory over them."""
    with pytest.raises(GeoError, match=reason):
        inspect_content(mutated(record), "city.mmdb", silent)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_mutilated_database_is_read_or_refused_but_never_raises(data: st.DataObject) -> None:
    content = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content))))
    with contextlib.suppress(GeoError):
        report = inspect_content(bytes(content[:cut]), "city.mmdb", silent)
        assert report.records > report.unreadable


async def test_a_passed_walk_is_remembered_by_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stamps = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": SG}), tmp_path / "state"
    first = await walk(path, stamps=stamps)
    # From here on a walk cannot even start.
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    os.utime(path, (1, 1))
    assert await walk(path, stamps=stamps) == first
    write_mmdb(path, {"10.0.0.0/8": {"country_code": "DE"}})
    with pytest.raises(FileNotFoundError):
        await walk(path, stamps=stamps)


async def test_a_refused_walk_is_not_remembered(corpus: Path, tmp_path: Path) -> None:
    broken = corpus / "GeoIP2-City-Test-Broken-Double-Format.mmdb"
    with pytest.raises(GeoError):
        await walk(broken, stamps=tmp_path / "state")
    assert stamp.recall(tmp_path / "state", broken) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rules": 1}', '{"rules": 1, "report": {}}'])
async def test_a_damaged_stamp_costs_a_walk_and_no_more(tmp_path: Path, text: str) -> None:
    path, stamps = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": SG}), tmp_path / "state"
    report = await walk(path, stamps=stamps)
    (written,) = stamps.iterdir()
    written.write_text(text)
    assert stamp.recall(stamps, path) is None
    assert await walk(path, stamps=stamps) == report
    assert stamp.recall(stamps, path) == report


async def test_a_stamp_of_older_rules_is_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stamps = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": SG}), tmp_path / "state"
    await walk(path, stamps=stamps)
    monkeypatch.setattr(stamp, "RULES", stamp.RULES + 1)
    assert stamp.recall(stamps, path) is None


async def test_a_state_directory_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": SG})
    (tmp_path / "state").write_text("a file where a directory should be")
    assert (await walk(path, stamps=tmp_path / "state")).networks == 1


def test_a_stamp_that_cannot_be_written_leaves_the_older_one_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stamps = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": SG}), tmp_path / "state"
    report = inspect(path, silent)
    previous = os.umask(0)
    try:
        stamp.remember(stamps, path, report)
    finally:
        os.umask(previous)
    (written,) = stamps.iterdir()
    assert [status.st_mode & 0o777 for status in (stamps.stat(), written.stat())] == [0o700, 0o600]

    def full(descriptor: int, mode: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fchmod", full)
    stamp.remember(stamps, path, replace(report, networks=report.networks + 1))
    assert list(stamps.iterdir()) == [written]
    assert stamp.recall(stamps, path) == report
