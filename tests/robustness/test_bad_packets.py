"""Bad input never raises, is never met with silence unless counted, and costs no memory.

docs/meaning.md, "Bad input": too short for a header, or a response: dropped and counted; anything
else that is malformed gets FORMERR.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import asyncio_dgram
import dns.flags
import dns.message
import dns.rcode
import pytest
from harness.config import CHAT, config_text
from harness.daemon import endpoints, running, write_files
from harness.messages import query, read, rows
from harness.places import LONDON, NEW_YORK, TOKYO
from harness.server import HEAD, Server, server
from harness.trials import trials
from harness.wire import raw_records
from robustness.packet_maker import packets

FUZZ = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
COUNT = 4_000_000 if FUZZ else trials(40_000, 100_000)
OVER_UDP = 5_000
SHARDS = 4
SEED = 7
NO_FAMILY = bytes.fromhex("0008 0004 0000 0000")
MARGIN_RSS = 64 << 20
"""What a shard may leave behind in filled, bounded caches and in `known`, in octets."""

ZONE = (
    HEAD
    + """
chat   DYNA  chat
edge   DYNA  edge
www    A     192.0.2.80
*.wild TXT   "x"
alias  CNAME www
loop   CNAME loop
old    DNAME www
a.ent  A     192.0.2.1
sub    NS    ns.sub
ns.sub A     192.0.2.9
"""
    + "".join(f"big A 192.0.2.{n}\n" for n in range(200))
)
SERVICES = (
    CHAT
    + """
[service.edge]
regions = ["us-east", "eu-west"]
answer = "cname"
[pin.office]
subnets = ["10.1.2.64/26"]
countries = ["GB"]
regions = ["eu-west"]
"""
)
PLACES = {"10.1.0.0/16": NEW_YORK, "10.4.0.0/20": LONDON, "2001:db8:1::/48": TOKYO}


def make_server() -> Server:
    """A server with everything that a name can be."""
    return server({"example.": ZONE}, config_text(SERVICES, server='nsid = "x"'), places=PLACES)


def resident() -> int:
    """Octets of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_packet_is_answered_or_counted(shard: int) -> None:
    """A quarter of them each: no exception, and every answer can be read."""
    bad = make_server()
    sent = answered = 0
    known: set[bytes] = set()
    before = resident()
    for packet in packets(SEED + shard, COUNT // SHARDS):
        sent += 1
        response = bad.answer(packet)
        if response is None:
            assert len(packet) < 12 or packet[2] & 0x80
            continue
        answered += 1
        assert len(packet) >= 12
        assert len(response) <= 1232
        assert response[:2] == packet[:2]
        assert response[2] & 0x80
        if response[2:] not in known:
            if len(known) == 50_000:
                known.clear()
            known.add(response[2:])
            readable(packet, response)
    counted = bad.counters
    assert bad.native is None or bad.native.counters() == counted
    assert counted.received.total() == sent
    assert counted.answered.total() == answered
    assert counted.dropped.total() == sent - answered
    assert not counted.failed
    assert counted.answered[dns.rcode.FORMERR] == counted.malformed.total() > sent // 10
    assert counted.answered[dns.rcode.NOERROR] > sent // 20
    assert resident() - before < MARGIN_RSS


def readable(packet: bytes, response: bytes) -> None:
    """Every check of `read`; a FORMERR without a question is a bare header, perhaps with OPT.

    dnspython cannot read the client subnet of family 0 that dig sends and we echo.
    """
    if NO_FAMILY in response:
        assert NO_FAMILY in packet
        raw_records(response)
        return
    if response[3] & 0x0F == dns.rcode.FORMERR and response[4:6] == b"\0\0":
        assert len(response) == 12 or response[12:15] == b"\0\0\x29"
        dns.message.from_wire(response)
        return
    if response[2] & 0x78:
        assert len(response) == 12 or response[12:15] == b"\0\0\x29"
        return
    read(packet, response)


def test_the_same_packets_again_leave_nothing_behind() -> None:
    """Once caches are warm, 2,000 packets more take no memory at all."""
    bad = make_server()
    corpus = list(packets(SEED + 99, 2_000))
    for packet in corpus * 2:
        bad.answer(packet)
    tracemalloc.start()
    try:
        for packet in corpus:
            bad.answer(packet)
        warm, _ = tracemalloc.get_traced_memory()
        for packet in corpus * 3:
            bad.answer(packet)
        later, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert later - warm < 16 << 10


def batches(count: int, size: int) -> Iterator[list[bytes]]:
    """`count` packets in lists of `size`; asyncio sends no empty datagram."""
    waiting: list[bytes] = []
    for packet in islice(filter(None, packets(SEED + 1000, 2 * count)), count):
        waiting.append(packet)
        if len(waiting) == size:
            yield waiting
            waiting = []
    yield waiting


async def test_a_daemon_survives_them_over_udp(tmp_path: Path) -> None:
    """5,000 over a socket, a good query after every hundred, and every one is accounted for."""
    async with endpoints() as served:
        path = write_files(tmp_path, {"example.": ZONE}, served, services=SERVICES)
        async with running(path) as daemon:
            stream = await asyncio_dgram.connect(tuple(daemon.bound[0]))
            good = 0
            for batch in batches(OVER_UDP, 100):
                for packet in batch:
                    await stream.send(packet)
                good += 1
                await expect_answer(stream, 0xF000 + good)
            stream.close()
            counted = await daemon.counters()
    assert counted.received["udp"] == OVER_UDP + good
    assert counted.answered.total() + counted.dropped.total() == OVER_UDP + good
    assert not counted.failed


async def expect_answer(stream: asyncio_dgram.aio.DatagramClient, qid: int) -> None:
    """Ask a good question and read, past answers to bad ones, until its own comes."""
    packet = query("www.example.", qid=qid)
    await stream.send(packet)
    async with asyncio.timeout(20):
        while True:
            response, _ = await stream.recv()
            if response[:2] == packet[:2] and struct.unpack("!H", response[6:8]) == (1,):
                break
    message = read(packet, response)
    assert rows(message.answer) == ["www.example. 3600 A 192.0.2.80"]
    assert message.flags & dns.flags.AA
