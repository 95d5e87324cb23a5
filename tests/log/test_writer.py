"""The queue and the thread behind the log: bounded, counted, in order, and a line is never cut."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.log.channel import ChannelQueue, channel, forward
from resolverd.log.queue import DroppedEvents, EventQueue
from resolverd.log.writer import LineWriter

TIMEOUT = 20.0


def report(dropped: DroppedEvents) -> bytes:
    """The line on dropped events."""
    return b"dropped %d\n" % dropped.events


def taken(queue: EventQueue) -> list[bytes]:
    """All that is queued."""
    lines = []
    while line := queue.take(0):
        lines.append(line)
    return lines


@given(
    lines=st.lists(st.tuples(st.binary(max_size=30), st.booleans())),
    events=st.integers(1, 10),
    octets=st.integers(1, 100),
)
def test_a_queue_is_bounded_and_counts_what_it_drops(
    lines: list[tuple[bytes, bool]], events: int, octets: int
) -> None:
    queue = EventQueue(events, octets)
    kept: list[bytes] = []
    for line, sampled in lines:
        share = 2 if sampled else 1
        if len(kept) < events // share and sum(map(len, kept)) + len(line) <= octets // share:
            kept.append(line)
        queue.put(line, sampled=sampled)
    dropped = len(lines) - len(kept)
    unreported = queue.unreported()
    assert queue.dropped_total == dropped == (unreported.events if unreported else 0)
    assert [queue.take(0) for _ in kept] == kept


def test_what_is_dropped_while_a_report_is_written_is_reported_later() -> None:
    queue = EventQueue()
    queue.drop(3, "full")
    first = queue.unreported()
    assert first is not None
    queue.drop(2, "full")
    queue.reported(first)
    second = queue.unreported()
    assert second is not None
    assert second.events == 2
    queue.reported(second)
    assert queue.unreported() is None
    assert queue.dropped_total == 5


@dataclass
class Device:
    """What `os.write` meets: each entry is how many octets it takes, or the error that it gives."""

    script: list[int]
    written: bytearray = field(default_factory=bytearray)

    def write(self, _descriptor: int, octets: bytes) -> int:
        """As os.write; a negative entry is an errno. All is well once the script has ended."""
        step = self.script.pop(0) if self.script else len(octets)
        if step < 0:
            raise OSError(-step, os.strerror(-step))
        part = octets[:step]
        self.written += part
        return len(part)


@given(
    script=st.lists(st.integers(1, 5) | st.sampled_from([-errno.ENOSPC, -errno.EIO, -errno.EPIPE])),
    lines=st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b".") + b"\n")),
)
def test_whatever_fails_a_line_is_whole_or_counted(script: list[int], lines: list[bytes]) -> None:
    queue, device = EventQueue(), Device(script)
    writer = LineWriter(-1, queue, report)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "write", device.write)
        patched.setattr("resolverd.log.writer._RETRY", 0.0)
        for line in lines:
            queue.put(line)
            writer.write_next()
        while script or queue.unreported():
            queue.put(b"end\n")
            writer.write_next()
        queue.put(b"end\n")
        writer.write_next()
    rows = [row + b"\n" for row in bytes(device.written).split(b"\n")[:-1]]
    reported = sum(int(row.split()[1]) for row in rows if row.startswith(b"dropped "))
    whole = [row for row in rows if not row.startswith(b"dropped ") and row != b"end\n"]
    rest = iter(line for line in lines if not line.startswith(b"dropped ") and line != b"end\n")
    assert all(any(row == line for line in rest) for row in whole), "a line was cut, or reordered"
    assert reported == queue.dropped_total
    assert len(lines) - len(whole) <= queue.dropped_total


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose ends are closed afterwards."""
    reads, writes = os.pipe()
    yield reads, writes
    os.close(reads)
    os.close(writes)


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
def test_a_reader_that_comes_back_gets_every_line_and_how_many_are_missing(
    pipe: tuple[int, int], blocking: bool
) -> None:
    reads, writes = pipe
    os.set_blocking(writes, blocking)
    queue = EventQueue(max_events=100)
    LineWriter(writes, queue, report).start()
    line = b"x" * 5000 + b"\n"  # longer than what a pipe takes whole
    for _ in range(500):
        queue.put(line)
    assert not queue.drain(0.05)
    dropped = queue.dropped_total
    assert dropped > 300
    expected = 500 - dropped
    with os.fdopen(os.dup(reads), "rb") as reader:
        got = [reader.readline() for _ in range(expected + 1)]
    assert got.count(line) == expected
    assert report(DroppedEvents(dropped, 0.0, "")) in got
    assert queue.drain(TIMEOUT)


def test_workers_log_through_the_channel_and_what_has_no_room_is_counted() -> None:
    reads, writes = channel()
    queue = EventQueue(max_events=1_000_000)
    worker = ChannelQueue(writes)
    sent = 5_000
    for number in range(sent):
        worker.put(b"%d\n" % number + b"y" * 1000, sampled=number % 2 == 0)
    forwarding = forward(reads, queue)
    got: list[bytes] = []
    while not got or got[-1] != b"last\n":
        worker.put(b"last\n")
        sent += 1
        if line := queue.take(TIMEOUT):
            got.append(line)
    writes.close()
    forwarding.join(TIMEOUT)
    got += taken(queue)
    numbers = [int(line.split()[0]) for line in got if line[:1].isdigit()]
    assert numbers == sorted(numbers)
    assert queue.dropped_total == sent - len(got) > 0
