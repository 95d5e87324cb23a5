"""Operators' words over a fleet: obeyed everywhere at once, and by whoever was away."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from harness.linked_edges import edge, two_edges, until
from harness.nats import NatsServer, nats
from nats.aio.client import Client
from structlog.testing import capture_logs

from resolverd.fleet.store import Entry
from resolverd.health.overrides import Override, OverrideKind

DRAIN, UP, DOWN = OverrideKind.DRAIN, OverrideKind.UP, OverrideKind.DOWN


async def test_what_is_said_at_one_edge_all_obey_by_the_time_it_is_told(tmp_path: Path) -> None:
    async with two_edges(tmp_path) as (_, fra, ams):
        told = await fra.say(DRAIN)
        assert told == ("all", False, False, ("ams1", "fra1"), ())
        assert fra.obeyed == ams.obeyed == {"eu-west": "drain"}
        override = ams.overrides.get("eu-west", time.monotonic())
        assert override is not None
        assert (override.who, override.why, override.until) == ("op", "disks", None)
        told = await ams.say(None)
        assert told == ("all", False, False, ("ams1", "fra1"), ())
        assert fra.obeyed == ams.obeyed == {}


async def test_a_word_may_be_said_to_one_edge_alone(tmp_path: Path) -> None:
    async with two_edges(tmp_path) as (_, fra, ams):
        told = await fra.say(DRAIN, scope="ams1")
        assert not told.without
        assert (fra.obeyed, ams.obeyed) == ({}, {"eu-west": "drain"})
        await ams.say(UP)
        assert fra.obeyed == ams.obeyed == {"eu-west": "up"}
        await fra.say(None)
        assert fra.obeyed == ams.obeyed == {}


async def test_what_could_not_be_put_in_force_is_told_as_obeyed_once_it_is(tmp_path: Path) -> None:
    async with two_edges(tmp_path) as (_, fra, ams):
        ams.failing = 1
        told = await fra.say(DRAIN)
        assert told.without == ()
        assert ams.obeyed == {"eu-west": "drain"}


async def test_nor_is_what_somebody_else_has_taken_into_account_meanwhile(tmp_path: Path) -> None:
    """As an edit that is adopted does, and may be refused."""
    async with two_edges(tmp_path) as (_, fra, ams):

        def adopted(_: Entry) -> None:
            ams.joined.words.apply()

        ams.joined.link.store.follow("words.", adopted)
        told = await fra.say(DRAIN)
        assert told.without == ()
        assert ams.obeyed == {"eu-west": "drain"}


async def test_with_what_it_obeys_each_edge_tells_how_long_its_answers_of_before_may_live(
    tmp_path: Path,
) -> None:
    async with (
        nats(tmp_path) as server,
        edge([server.url], "fra1") as fra,
        edge([server.url], "ams1") as ams,
        edge([server.url], "lon1") as lon,
    ):
        await until(lambda: len(fra.joined.link.store.edges()) == 3)
        ams.ttls, lon.ttls = {"eu-west": 6.0, "us-east": 9.0}, {"eu-west": 1e9}
        words = fra.joined.words
        assert words.ttl_elsewhere("eu-west", "all") == 0.0, "nothing is withdrawn"
        assert not (await fra.say(DRAIN, scope="ams1")).without
        assert words.ttl_elsewhere("eu-west", "ams1") == 6.0
        assert words.ttl_elsewhere("eu-west", "lon1") == words.ttl_elsewhere("us-east", "all") == 0
        assert not (await fra.say(DRAIN)).without
        assert words.ttl_elsewhere("eu-west", "all") == 86_400.0, "as long as any may be"
        await fra.say(UP)
        assert words.ttl_elsewhere("eu-west", "all") == 0.0


async def test_a_word_ends_at_every_edge_by_itself(tmp_path: Path) -> None:
    async with two_edges(tmp_path) as (_, fra, ams):
        await fra.say(UP)
        await fra.say(DRAIN, scope="ams1", seconds=1.5)
        assert ams.obeyed == {"eu-west": "drain"}
        await until(lambda: ams.obeyed == {"eu-west": "up"})
        assert fra.obeyed == {"eu-west": "up"}


async def test_said_while_nats_is_away_it_holds_here_and_is_told_later(tmp_path: Path) -> None:
    async with two_edges(tmp_path) as (server, fra, ams):
        await server.kill()
        await until(lambda: not fra.joined.link.state.quorum)
        began = time.monotonic()
        told = await fra.say(DRAIN)
        assert time.monotonic() - began < 1.0
        assert (told.pending, told.without) == (True, ("ams1",))
        assert (fra.obeyed, ams.obeyed) == ({"eu-west": "drain"}, {})
        assert fra.joined.troubles()[-1] == (
            "1 word of operators said here only; edges that do not know: 1"
        )
        await server.start()
        await until(lambda: ams.obeyed == {"eu-west": "drain"})
        await until(lambda: not fra.joined.words.pending and not fra.joined.troubles())


async def test_of_two_said_apart_the_one_that_is_written_first_stands_at_both(
    tmp_path: Path,
) -> None:
    async with two_edges(tmp_path) as (server, fra, ams):
        await server.kill()
        await until(lambda: not fra.joined.link.state.quorum and not ams.joined.link.state.quorum)
        await fra.say(DRAIN)
        await ams.say(UP)
        with capture_logs() as events:
            await server.start()
            await until(lambda: not (fra.joined.words.pending or ams.joined.words.pending))
        assert fra.says() == ams.says() != {}
        assert [event["event"] for event in events].count("word.lost") == 1


async def test_an_edge_that_was_away_takes_the_words_before_it_answers(tmp_path: Path) -> None:
    async with nats(tmp_path) as server:
        async with edge([server.url], "ams1") as ams:
            await ams.say(DRAIN)
            await ams.say(DRAIN, "us-east")
            kept = ams.joined.words.kept()
        async with edge([server.url], "fra1") as fra:
            assert fra.obeyed == {"eu-west": "drain", "us-east": "drain"}
            await fra.say(None, "us-east")
        async with edge([server.url], "ams1", kept=kept) as ams:
            assert ams.obeyed == {"eu-west": "drain"}


async def test_with_nats_away_an_edge_starts_from_what_it_kept(tmp_path: Path) -> None:
    async with nats(tmp_path) as server:
        async with edge([server.url], "fra1") as fra:
            await fra.say(DRAIN)
            kept = fra.joined.words.kept()
        await server.kill()
        began = time.monotonic()
        with capture_logs() as events:
            async with edge([server.url], "fra1", kept=kept, start_wait=0.5) as fra:
                assert fra.obeyed == {"eu-west": "drain"}
                assert not fra.joined.words.pending
        assert time.monotonic() - began < 5
        assert "fleet.start_alone" in [event["event"] for event in events]


async def test_what_was_pending_at_a_stop_is_told_after_the_next_start(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, edge([server.url], "ams1") as ams:
        async with edge([server.url], "fra1") as fra:
            await server.kill()
            await until(lambda: not fra.joined.link.state.quorum)
            await fra.say(DRAIN)
            kept = fra.joined.words.kept()
        await server.start()
        async with edge([server.url], "fra1", kept=kept) as fra:
            assert fra.obeyed == {"eu-west": "drain"}
            await until(lambda: ams.obeyed == {"eu-west": "drain"})


async def test_what_nats_has_lost_is_said_again(tmp_path: Path) -> None:
    async with two_edges(tmp_path) as (server, fra, ams):
        await fra.say(DRAIN)
        made = fra.joined.link.store.made
        client = Client()
        await client.connect(server.url)
        await client.jetstream().delete_stream("KV_resolverd-resolverd")
        await client.close()
        for one in (fra, ams):
            await until(lambda one=one: one.joined.link.store.made != made)
            await until(lambda one=one: not one.joined.words.pending)
            assert one.says() == {"eu-west": "drain"}
        async with edge([server.url], "lon1") as new:
            assert new.obeyed == {"eu-west": "drain"}


async def lose_store(server: NatsServer) -> None:
    """End the server, lose its disk, and start it anew."""
    await server.kill()
    shutil.rmtree(server.folder / "store")
    await server.start()


async def test_a_clear_stays_though_nats_loses_its_data_while_an_edge_is_away(
    tmp_path: Path,
) -> None:
    async with nats(tmp_path) as server, edge([server.url], "fra1") as fra:
        async with edge([server.url], "ams1") as ams:
            await until(lambda: len(fra.joined.link.store.edges()) == 2)
            await fra.say(DRAIN)
            assert ams.obeyed == {"eu-west": "drain"}
            kept = ams.joined.words.kept()
        await fra.say(None)
        made = fra.joined.link.store.made
        await lose_store(server)
        await until(lambda: fra.joined.link.store.made != made)
        await until(lambda: fra.joined.link.state.quorum and not fra.joined.words.pending)
        with capture_logs() as events:
            async with edge([server.url], "ams1", kept=kept) as ams:
                assert ams.obeyed == {}, "not even its first answer"
                await until(lambda: not ams.joined.words.pending)
                assert (fra.says(), ams.says()) == ({}, {})
        assert "word.lost" not in [event["event"] for event in events], "nobody said it there"


async def test_a_clear_stays_though_the_edge_that_missed_it_is_back_first(tmp_path: Path) -> None:
    async with nats(tmp_path) as server:
        async with edge([server.url], "fra1") as fra:
            async with edge([server.url], "ams1") as ams:
                await until(lambda: len(fra.joined.link.store.edges()) == 2)
                await fra.say(DRAIN)
                await fra.say(DOWN, "us-east")
                missed = ams.joined.words.kept()
            await fra.say(None)
            await fra.say(UP, "us-east")
            knows = fra.joined.words.kept()
        await lose_store(server)
        async with edge([server.url], "ams1", kept=missed) as ams:
            await until(lambda: not ams.joined.words.pending)
            assert ams.says() == {"eu-west": "drain", "us-east": "down"}, "all that anybody knows"
            async with edge([server.url], "fra1", kept=knows) as fra:
                assert fra.obeyed == {"us-east": "up"}
                await until(lambda: ams.says() == {"us-east": "up"})
                await until(lambda: not fra.joined.words.pending)
                async with edge([server.url], "lon1") as lon:
                    assert lon.obeyed == {"us-east": "up"}


async def test_a_word_of_since_the_loss_is_older_than_nothing_that_is_said_again(
    tmp_path: Path,
) -> None:
    async with nats(tmp_path) as server:
        async with edge([server.url], "ams1") as ams:
            await ams.say(DRAIN)
            kept = ams.joined.words.kept()
        await lose_store(server)
        async with edge([server.url], "fra1") as fra:
            await fra.say(UP)
            async with edge([server.url], "ams1", kept=kept) as ams:
                await until(lambda: not ams.joined.words.pending)
                assert fra.says() == ams.says() == {"eu-west": "up"}


async def test_a_spill_rule_holds_at_all_edges_or_at_one_and_ends_by_itself(
    tmp_path: Path,
) -> None:
    async with two_edges(tmp_path) as (_, fra, ams):
        assert await fra.say_spill(0.3) == ("all", False, False, ("ams1", "fra1"), ())
        assert fra.spills() == ams.spills() == {"chat/eu-west": "30%"}
        await fra.say_spill(0.0, "chat", scope="ams1", seconds=1.5)
        assert (fra.spills(), ams.spills()) == (
            {"chat/eu-west": "30%"}, {"chat": "off", "chat/eu-west": "30%"},
        )  # fmt: skip
        await until(lambda: ams.spills() == {"chat/eu-west": "30%"})
        await ams.say_spill(None)
        assert fra.spills() == ams.spills() == {}
        assert fra.says() == {}, "an override is another thing"


async def test_an_edge_that_was_away_takes_spill_rules_before_it_answers(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, edge([server.url], "fra1") as fra:
        await fra.say_spill(0.3)
        async with edge([server.url], "ams1") as ams:
            assert ams.spills() == {"chat/eu-west": "30%"}
            kept = ams.joined.words.kept()
        await fra.say_spill(0.5)
        async with edge([server.url], "ams1", kept=kept) as ams:
            assert ams.spills() == {"chat/eu-west": "50%"}
        await server.kill()
        async with edge([server.url], "ams1", kept=kept, start_wait=0.3) as ams:
            assert ams.spills() == {"chat/eu-west": "30%"}


async def test_overrides_of_a_time_without_a_fleet_hold_on_at_their_edge(tmp_path: Path) -> None:
    before = {"eu-west": Override(DRAIN, "op", "disks", time.monotonic() - 60)}
    async with (
        nats(tmp_path) as server,
        edge([server.url], "fra1", overrides=before) as fra,
        edge([server.url], "ams1") as ams,
    ):
        await until(lambda: not fra.joined.words.pending)
        assert (fra.says(), ams.says()) == ({"eu-west": "drain"}, {})


async def test_a_word_that_cannot_be_read_is_said_and_harms_nothing(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, edge([server.url], "fra1") as fra:
        await fra.say(DRAIN)
        with capture_logs() as events:
            await fra.joined.link.store.put("words.all.override.us-east", b"{}")
            await until(lambda: any(e["event"] == "word.unreadable" for e in events))
        assert fra.says() == {"eu-west": "drain"}


async def test_two_edges_of_one_name_say_so(tmp_path: Path) -> None:
    async with (
        nats(tmp_path) as server,
        edge([server.url], "fra1") as one,
        edge([server.url], "fra1") as two,
    ):
        await until(lambda: bool(one.joined.troubles() and two.joined.troubles()))
        assert "is called fra1 too" in one.joined.troubles()[0]


@pytest.mark.parametrize("kind", [UP, DOWN, DRAIN])
async def test_an_edge_says_how_it_stands(tmp_path: Path, kind: OverrideKind) -> None:
    async with nats(tmp_path) as server, edge([server.url], "fra1") as fra:
        await fra.say(kind)
        document = fra.joined.document()
        assert document["quorum"]
        assert document["server"] == server.url
        assert [edge["edge"] for edge in document["edges"]] == ["fra1"]
        await until(lambda: fra.joined.document()["edges"][0]["obeys"])
