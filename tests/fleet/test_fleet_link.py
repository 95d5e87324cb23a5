"""What NATS does, and what the link makes of it: against real servers, stopped in every way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from pathlib import Path

import pytest
from harness.linked_edges import linked, until
from harness.nats import NatsCluster, NatsServer, nats, nats_cluster
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig
from structlog.testing import capture_logs

from resolverd.fleet.connection import BEAT_INTERVAL, BEAT_TIMEOUT
from resolverd.fleet.errors import FleetConflict, FleetMissing, FleetUnavailable
from resolverd.fleet.link import Link
from resolverd.fleet.store import MARK_INTERVAL, Entry

BUCKET = "resolverd-resolverd"

# Seconds in which a server that is silent, and a quorum that is gone, have to be found.
SILENT = BEAT_INTERVAL + BEAT_TIMEOUT + 2.0
LOST = MARK_INTERVAL + 2.0 + 2.0


@contextlib.asynccontextmanager
async def plain(server: NatsServer):  # type: ignore[no-untyped-def]
    """A client of NATS as anybody has it."""
    client = Client()
    await client.connect(server.url, allow_reconnect=False)
    try:
        yield client
    finally:
        await client.close()


def proved(*links: Link) -> bool:
    """Whether each has a quorum."""
    return all(link.state.quorum for link in links)


async def test_what_one_edge_puts_the_others_hear(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, linked([server.url]) as one:
        await until(lambda: proved(one))
        await one.store.put("words.a", b"1")
        async with linked([server.url], "ams1") as other:
            heard: list[Entry] = []
            other.store.follow("words.", heard.append)
            await other.store.current(10)
            revision = await one.store.put("words.a", b"2")
            await one.store.put("generations.a", b"3")
            await one.store.delete("words.a")
            await until(lambda: len(heard) == 3)
            assert [entry.value for entry in heard] == [b"1", b"2", None]
            assert heard[1].revision == revision
            assert not other.store.known("words.")
            assert other.store.known("gen")["generations.a"].value == b"3"
            await until(lambda: {*one.store.edges()} == {"fra1", "ams1"})


async def test_all_that_was_committed_has_been_heard_once_a_store_is_current(
    tmp_path: Path,
) -> None:
    async with nats(tmp_path) as server, linked([server.url]) as one:
        await until(lambda: proved(one))
        for number in range(200):
            await one.store.put(f"words.{number % 50}", b"%d" % number)
        async with linked([server.url], "ams1") as other:
            await other.store.current(10)
            values = {entry.value for entry in other.store.known("words.").values()}
            assert values == {b"%d" % number for number in range(150, 200)}


async def test_a_key_is_written_only_at_the_revision_that_was_named(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, linked([server.url]) as link:
        await until(lambda: proved(link))
        first = await link.store.put("anycast.floor", b"a", revision=0)
        with pytest.raises(FleetConflict):
            await link.store.put("anycast.floor", b"b", revision=0)
        second = await link.store.put("anycast.floor", b"b", revision=first)
        with pytest.raises(FleetConflict):
            await link.store.delete("anycast.floor", revision=first)
        await link.store.delete("anycast.floor", revision=second)
        await link.store.current(10)
        await link.store.put("anycast.floor", b"c", revision=0)
        await until(lambda: link.store.known("anycast.")["anycast.floor"].value == b"c")


async def test_messages_reach_the_others_and_survive_a_restart_of_the_server(
    tmp_path: Path,
) -> None:
    async with (
        nats(tmp_path) as server,
        linked([server.url]) as one,
        linked([server.url], "ams1") as other,
    ):
        heard: list[tuple[str, bytes]] = []
        subject = "resolverd.resolverd.observations.fra1"
        other.subscribe("resolverd.resolverd.observations.*", lambda *each: heard.append(each))
        one.subscribe("resolverd.resolverd.observations.*", lambda *_: heard.append(("own", b"")))
        for payload in (b"before", b"after"):
            await until(lambda: proved(one, other))
            await until(partial(_published, one, subject, payload, heard))
            await server.kill()
            await until(lambda: not one.state.connected and not other.state.connected)
            one.publish(subject, b"dropped")
            await server.start()
        await until(lambda: proved(one, other))
        assert {*heard} == {(subject, b"before"), (subject, b"after")}


def _published(link: Link, subject: str, payload: bytes, heard: list[tuple[str, bytes]]) -> bool:
    link.publish(subject, payload)
    return (subject, payload) in heard


async def test_a_message_that_is_too_large_is_said_and_costs_no_connection(tmp_path: Path) -> None:
    async with nats(tmp_path, more="max_payload: 1000\n") as server, linked([server.url]) as link:
        await until(lambda: proved(link))
        since = link.state.since
        with capture_logs() as events:
            link.publish("resolverd.resolverd.observations.fra1", b"x" * 1001)
            await until(lambda: any(e["event"] == "fleet.too_large" for e in events))
        await link.store.current(10)
        assert link.state.since == since


async def test_large_sets_are_kept_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    async with nats(tmp_path) as server, linked([server.url]) as link:
        await until(lambda: proved(link))
        with pytest.raises(FleetMissing):
            await link.store.get_object("none", 1)
        await link.store.put_object("set", content)
        assert await link.store.get_object("set", len(content)) == content
        with pytest.raises(FleetMissing, match="octets, not"):
            await link.store.get_object("set", len(content) - 1)


async def test_a_server_that_falls_silent_is_found_within_seconds(tmp_path: Path) -> None:
    """nats-py alone takes it for connected for minutes, for the kernel still takes octets."""
    async with (
        nats(tmp_path / "one") as one,
        nats(tmp_path / "two") as two,
        linked([one.url, two.url]) as link,
    ):
        await until(lambda: proved(link))
        silent, other = (one, two) if link.state.server == one.url else (two, one)
        silent.pause()
        began = time.monotonic()
        await until(lambda: not link.state.quorum)
        assert time.monotonic() - began < SILENT
        await until(lambda: proved(link))
        assert link.state.server == other.url


async def test_a_put_to_a_server_that_is_silent_proves_nothing(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, linked([server.url]) as link:
        await until(lambda: proved(link))
        server.pause()
        with pytest.raises(FleetUnavailable):
            await link.store.put("words.a", b"1")
        with pytest.raises(FleetUnavailable):
            await link.store.current(1)
        server.resume()
        await link.store.current(30)
        await until(lambda: proved(link))


async def test_following_goes_on_after_a_server_was_away_for_long(tmp_path: Path) -> None:
    """A watch of nats-py neither ends nor raises once max_reconnect is used up."""
    async with nats(tmp_path) as server, linked([server.url]) as link:
        heard: list[bytes | None] = []
        link.store.follow("words.", lambda entry: heard.append(entry.value))
        await until(lambda: proved(link))
        await link.store.put("words.a", b"1")
        await server.kill()
        await until(lambda: not link.state.connected)
        await asyncio.sleep(4)  # many attempts
        await server.start()
        async with plain(server) as client:
            bucket = await client.jetstream().key_value(BUCKET)
            await bucket.put("words.a", b"2")
        await until(lambda: heard[-1:] == [b"2"])


async def test_what_a_leader_without_its_followers_answers_is_no_proof(tmp_path: Path) -> None:
    async with nats_cluster(tmp_path) as cluster:
        async with linked(cluster.urls) as link:
            await until(lambda: proved(link))
            await link.store.put("words.a", b"1")
        leader = await _leader(cluster)
        others = [server for server in cluster.servers if server is not leader]
        async with linked([leader.url]) as link, plain(leader) as client:
            await until(lambda: proved(link))
            for server in others:
                server.pause()
            began = time.monotonic()
            await until(lambda: not link.state.quorum)
            assert time.monotonic() - began < LOST
            assert link.state.connected
            # The same leader still answers gets, for more than ten seconds.
            bucket = await client.jetstream(timeout=1).key_value(BUCKET)
            assert (await bucket.get("words.a")).value == b"1"
            with pytest.raises(FleetUnavailable):
                await link.store.put("words.a", b"2")
            for server in others:
                server.resume()
            await until(lambda: proved(link))
            await link.store.put("words.a", b"3")


async def test_a_server_of_three_may_die(tmp_path: Path) -> None:
    async with nats_cluster(tmp_path) as cluster, linked(cluster.urls) as link:
        await until(lambda: proved(link))
        await link.store.put("words.a", b"1")
        used = next(server for server in cluster.servers if server.url == link.state.server)
        await used.kill()
        await until(lambda: link.state.server not in ("", used.url) and proved(link))
        assert link.store.known("words.")["words.a"].value == b"1"
        await link.store.put("words.a", b"2")
        async with plain(next(s for s in cluster.servers if s is not used)) as client:
            info = await client.jetstream().stream_info(f"KV_{BUCKET}")
            assert info.config.num_replicas == 3


async def _leader(cluster: NatsCluster) -> NatsServer:
    async with plain(cluster.servers[0]) as client:
        info = await client.jetstream().stream_info(f"KV_{BUCKET}")
        assert info.cluster is not None
        return next(s for s in cluster.servers if s.name == info.cluster.leader)


async def test_a_plain_put_makes_a_key_eternal_so_nothing_relies_on_lifetimes(
    tmp_path: Path,
) -> None:
    async with nats(tmp_path) as server, plain(server) as client:
        stream = client.jetstream()
        bucket = await stream.create_key_value(
            KeyValueConfig("lifetimes", limit_marker_ttl=10, history=1)
        )
        await bucket.create("gone", b"1", msg_ttl=1)
        await bucket.create("eternal", b"1", msg_ttl=1)
        await bucket.put("eternal", b"2")
        await until(lambda: _missing(bucket, "gone"))
        assert (await bucket.get("eternal")).value == b"2"


async def _missing(bucket, key: str) -> bool:  # type: ignore[no-untyped-def]
    try:
        await bucket.get(key)
    except NatsError:
        return True
    return False


async def test_a_bucket_that_keeps_more_than_one_value_is_refused(tmp_path: Path) -> None:
    """With more, a newest value that goes would bring an older one back."""
    async with nats(tmp_path) as server:
        async with plain(server) as client:
            await client.jetstream().create_key_value(KeyValueConfig(BUCKET, history=5))
        async with linked([server.url]) as link:
            await until(lambda: "5 values" in link.state.reason)
            assert link.state.connected
            assert not link.state.quorum


async def test_a_full_store_is_said_and_heals(tmp_path: Path) -> None:
    async with nats(tmp_path, max_file="1MB") as server, linked([server.url]) as link:
        await until(lambda: proved(link))
        with pytest.raises(FleetUnavailable):
            await _fill(link)
        await until(lambda: not link.state.quorum)
        assert link.state.connected
        assert link.state.reason
        assert link.store.known("generations.")
        async with plain(server) as client:
            await client.jetstream().purge_stream(
                f"KV_{BUCKET}", subject=f"$KV.{BUCKET}.generations.>"
            )
        await until(lambda: proved(link))


async def _fill(link: Link) -> None:
    for number in range(40):
        await link.store.put(f"generations.{number}", b"x" * 100_000)


async def test_a_bucket_that_is_lost_is_made_anew(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, linked([server.url]) as link:
        await until(lambda: proved(link))
        await link.store.put("words.a", b"1")
        made = link.store.made
        async with plain(server) as client:
            await client.jetstream().delete_stream(f"KV_{BUCKET}")
        await until(lambda: link.store.made != made and proved(link))
        await link.store.put("words.a", b"1", revision=0)


async def test_two_processes_of_one_name_are_said(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, linked([server.url]) as one, linked([server.url]) as two:
        with capture_logs() as events:
            await until(lambda: proved(one, two))
            await until(lambda: any(e["event"] == "fleet.same_name" for e in events))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"instance": "x", "at": 1, "obeyed": 1e999}',
        b'{"instance": "x", "at": 1, "obeyed": 1, "ttls": 5}',
    ],
    ids=["empty", "list", "deep", "infinite", "no ttls"],
)
async def test_a_marker_that_cannot_be_read_costs_nothing(tmp_path: Path, value: bytes) -> None:
    async with nats(tmp_path) as server, linked([server.url]) as link:
        await until(lambda: proved(link))
        with capture_logs() as events:
            await link.store.put("edges.ams1", value)
            await link.store.current(5)
        assert list(link.store.edges()) == ["fra1"]
        assert not [event for event in events if event["event"] == "fleet.failed"]


async def test_fleets_of_other_names_hear_nothing_of_each_other(tmp_path: Path) -> None:
    async with (
        nats(tmp_path) as server,
        linked([server.url], name="one") as one,
        linked([server.url], "ams1", name="two") as two,
    ):
        await until(lambda: proved(one, two))
        await one.store.put("words.a", b"1")
        await two.store.current(10)
        assert not two.store.known("words.")
        assert {*two.store.edges()} == {"ams1"}


async def test_nobody_is_waited_for_where_there_is_no_server(tmp_path: Path) -> None:
    async with linked(["nats://127.0.0.1:1"]) as link:
        link.publish("resolverd.resolverd.observations.fra1", b"")
        began = time.monotonic()
        with pytest.raises(FleetUnavailable):
            await link.store.current(0.5)
        assert time.monotonic() - began < 1.5
        await until(lambda: "127.0.0.1:1" in link.state.reason)
