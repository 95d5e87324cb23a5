"""What operators say that regions spill, over real sockets: who is moved, until when, and over
restarts and edits. The endpoints' probes tell no load, so nothing is moved but by rules."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from harness.config import CHAT, address_of, config_text
from harness.engines import ENGINES, EngineName
from live_daemon import NETWORKS, PROBES, Endpoint, addresses, ask, running, until, zone_text
from mmdb_writer import write_mmdb
from structlog.testing import capture_logs

from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.admin.spills import (
    NoRuleError,
    RuleCommand,
    ShareOfAllError,
    UnknownSpillError,
    clear_rule,
    set_rule,
)
from resolverd.admin.state import state_of
from resolverd.daemon import Daemon
from resolverd.dns.prefix import parse_prefix
from resolverd.health.overrides import OverrideKind
from resolverd.policy.share import draw

HOME, NEXT = address_of("ap-northeast"), address_of("us-west")
PINNED = ["1.1.1.0", "1.1.2.0", "1.1.3.0"]
CLIENTS = [f"1.2.{block}.0" for block in range(60)]
SERVICES = (
    CHAT
    + """
ttl = "20s"
failover_ttl = "1s"
[service.batch]
regions = ["us-east", "us-west"]
spill = { enabled = false }

[pin.residency]
subnets = ["1.1.0.0/16"]
regions = ["ap-northeast"]
"""
)

TTL = 'failover_ttl = "1s"\n'


def write(folder: Path, endpoints: dict[str, Endpoint], engine: EngineName) -> Path:
    """The files of a daemon that keeps what it is told."""
    write_mmdb(folder / "city.mmdb", NETWORKS)
    (folder / "example.zone").write_text(zone_text("192.0.2.80"))
    path = folder / "resolverd.toml"
    server = (
        'listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\ngeoip = ["city.mmdb"]\nstate = "state"\n'
        f'settle = "100ms"\nengine = "{engine}"\n'
    )
    urls = {region: endpoint.url for region, endpoint in endpoints.items()}
    path.write_text(config_text(SERVICES, server=server, probe=PROBES, urls=urls))
    return path


def command(
    share: float, region: str = "ap-northeast", seconds: float | None = None
) -> RuleCommand:
    """What an operator wants of chat."""
    return RuleCommand("chat", region, share, "op", "a launch", seconds)


async def sweep(daemon: Daemon) -> dict[str, str]:
    """The address that each client gets; those who are pinned have their region alone."""
    given = {}
    for client in (*CLIENTS, *PINNED):
        (given[client],) = addresses(await ask(daemon, "chat.inference.example", client))
    assert {given.pop(client) for client in PINNED} == {HOME}, "a pinned client never leaves"
    return given


def drawn_by(client: str) -> float:
    """The draw of a client's block."""
    return draw(parse_prefix(f"{client}/24"))


def drawn(share: float) -> dict[str, str]:
    """What clients get whose region sends this share on to the next."""
    return {client: NEXT if drawn_by(client) < share else HOME for client in CLIENTS}


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_share_is_sent_on_at_once_and_given_back_when_the_rule_is_ended(
    tmp_path: Path, endpoints: dict[str, Endpoint], engine: EngineName
) -> None:
    async with running(write(tmp_path, endpoints, engine)) as daemon:
        assert await sweep(daemon) == drawn(0)
        with capture_logs() as events:
            put = await set_rule(daemon, command(0.4))
            assert await sweep(daemon) == drawn(0.4)
            assert put.told is None
            await set_rule(daemon, command(1.0))
            assert await sweep(daemon) == drawn(1)
            ended = await clear_rule(daemon, "chat", "ap-northeast", "op")
            assert ended.rule.share == 1.0
            assert await sweep(daemon) == drawn(0)
        said = [e for e in events if e["event"].startswith("spill_rule.")]
        assert [(e["event"], e["before"], e.get("after")) for e in said] == [
            ("spill_rule.set", None, "40%"),
            ("spill_rule.set", "40%", "100%"),
            ("spill_rule.cleared", "100%", None),
        ]
        assert daemon.transitions.regions == {}, "nothing was withdrawn"


async def test_nobody_is_sent_on_to_a_region_that_is_out_of_spilling_or_does_not_serve(
    tmp_path: Path, endpoints: dict[str, Endpoint]
) -> None:
    async with running(write(tmp_path, endpoints, "reference")) as daemon:
        await set_rule(daemon, command(1.0))
        await set_rule(daemon, command(0.0, "us-west"))
        assert set((await sweep(daemon)).values()) == {address_of("eu-west")}
        await set_override(
            daemon, OverrideCommand("eu-west", OverrideKind.DRAIN, "op", "racks", None)
        )
        assert set((await sweep(daemon)).values()) == {address_of("us-east")}
        endpoints["us-east"].status = 500
        await until(lambda: daemon.transitions.regions[("us-east", "down")] == 1)
        assert set((await sweep(daemon)).values()) == {HOME}, "where nobody takes them they stay"
        await set_rule(daemon, command(0.0, ""))
        await clear_rule(daemon, "chat", "us-west", "op")
        assert set((await sweep(daemon)).values()) == {HOME}, "a region's own goes before"


@pytest.mark.parametrize("engine", ENGINES)
async def test_no_trickle_goes_to_a_region_that_is_out_of_spilling_nor_from_one(
    tmp_path: Path, endpoints: dict[str, Endpoint], engine: EngineName
) -> None:
    path = write(tmp_path, endpoints, engine)
    path.write_text(path.read_text().replace(TTL, f"{TTL}trickle = 0.3\n"))
    few = {client: NEXT if drawn_by(client) >= 0.7 else HOME for client in CLIENTS}
    async with running(path) as daemon:
        assert await sweep(daemon) == few
        for region in ("us-west", "ap-northeast", ""):
            await set_rule(daemon, command(0.0, region, seconds=10))
            assert await sweep(daemon) == drawn(0)
            for client in CLIENTS:
                answer = await ask(daemon, "chat.inference.example", client)
                within = region != "us-west" or drawn_by(client) >= 0.7
                assert (answer.answer[0].ttl <= 10) is within, "the trickle goes on then"
            await clear_rule(daemon, "chat", region, "op")
            assert await sweep(daemon) == few
        await set_rule(daemon, command(0.0, "eu-west"))
        assert await sweep(daemon) == few


async def test_a_rule_ends_by_itself_and_no_answer_outlives_it(
    tmp_path: Path, endpoints: dict[str, Endpoint]
) -> None:
    async with running(write(tmp_path, endpoints, "reference")) as daemon:
        with capture_logs() as events:
            await set_rule(daemon, command(1.0, seconds=4))
            began = time.monotonic()
            answer = await ask(daemon, "chat.inference.example", CLIENTS[0])
            assert addresses(answer) == {NEXT}
            assert answer.answer[0].ttl <= 4 - (time.monotonic() - began) + 1

            async def home() -> bool:
                answer = await ask(daemon, "chat.inference.example", CLIENTS[0])
                return addresses(answer) == {HOME}

            await until(home)
            assert time.monotonic() - began > 3.5
        assert "spill_rule.ended" in [event["event"] for event in events]
        assert state_of(daemon)["spill_rules"] == []


async def test_an_end_that_is_far_away_has_nothing_made_anew_until_ttls_have_to_fall(
    tmp_path: Path, endpoints: dict[str, Endpoint]
) -> None:
    async with running(write(tmp_path, endpoints, "reference")) as daemon:
        await set_rule(daemon, command(0.0, seconds=3600))
        drained = OverrideCommand("eu-west", OverrideKind.DRAIN, "op", "racks", 7200)
        await set_override(daemon, drained)
        steering = daemon.snapshot.steering
        assert steering.settled
        assert 3500 < steering.due - time.monotonic() < 3600


async def test_a_rule_outlives_a_restart_and_is_in_the_first_answer(
    tmp_path: Path, endpoints: dict[str, Endpoint]
) -> None:
    path = write(tmp_path, endpoints, "reference")
    async with running(path) as daemon:
        await set_rule(daemon, command(0.4))
        await set_rule(daemon, command(0.0, "us-east", 3600))
        before = state_of(daemon)["spill_rules"]
    with capture_logs() as events:
        async with running(path) as daemon:
            assert await sweep(daemon) == drawn(0.4)
            after = state_of(daemon)["spill_rules"]
    assert [event["kind"] for event in events if event["event"] == "spill_rule.restored"] == [
        "40%", "off",
    ]  # fmt: skip
    keys = ("service", "region", "share", "who", "why")
    assert [[rule[key] for key in keys] for rule in after] == [
        [rule[key] for key in keys] for rule in before
    ]
    assert after[1]["seconds_left"] < 3600


async def test_an_edit_that_takes_the_region_of_a_rule_away_is_held_until_it_is_insisted_on(
    tmp_path: Path, endpoints: dict[str, Endpoint]
) -> None:
    path = write(tmp_path, endpoints, "reference")
    async with running(path) as daemon:
        await set_rule(daemon, command(0.0, "us-east"))
        text = path.read_text()
        path.write_text(
            text.replace(
                'regions = ["us-east", "us-west", "eu-west",', 'regions = ["us-west", "eu-west",'
            )
        )
        await until(lambda: daemon.reloads.held == 1)
        (problem,) = (p for p in daemon.reloads.problems if p.id == "spill-rule-lost")
        assert 'takes "chat/us-east" away, and with it the spill rule off by op' in problem.message
        assert "resolverd spill chat --region us-east auto" in problem.hint
        with capture_logs() as events:
            assert await daemon.reload(accept_losses=True)
        assert "spill_rule.lost" in [event["event"] for event in events]
        assert state_of(daemon)["spill_rules"] == []


async def test_what_is_not_there_has_no_rule_and_no_share_is_of_a_whole_service(
    tmp_path: Path, endpoints: dict[str, Endpoint]
) -> None:
    async with running(write(tmp_path, endpoints, "reference")) as daemon:
        with pytest.raises(UnknownSpillError, match='no service "chatt"') as unknown:
            await set_rule(daemon, RuleCommand("chatt", "", 0.0, "op", "x", None))
        assert "chat" in unknown.value.hint
        with pytest.raises(UnknownSpillError, match="no region of batch"):
            await set_rule(daemon, RuleCommand("batch", "eu-west", 0.0, "op", "x", None))
        with pytest.raises(ShareOfAllError):
            await set_rule(daemon, command(0.3, ""))
        with pytest.raises(NoRuleError, match="chat/us-east"):
            await clear_rule(daemon, "chat", "us-east", "op")
        await set_rule(daemon, RuleCommand("batch", "us-east", 0.3, "op", "x", None))
        load = {s["name"]: s["load"] for s in state_of(daemon)["services"]}["batch"]
        assert load["us-east"]["spill_ratio"] == 0.3, "also of a service that spills nothing else"
        assert load["us-west"]["accept_ratio"] == 0.3
        await clear_rule(daemon, "batch", "us-east", "op")
        load = {s["name"]: s["load"] for s in state_of(daemon)["services"]}["batch"]
        assert [own["spill_ratio"] for own in load.values()] == [0, 0]
