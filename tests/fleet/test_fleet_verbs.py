"""The verbs of operators asked of one daemon of a fleet: what they say, and what they document."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cli.cli_place import SERVER, write_place
from cli.command import Ran, resolverd
from cli.live import Live, live
from harness.config import CHAT
from harness.nats import NatsServer, nats, toml_urls
from harness.server import HEAD
from harness.waiting import until_holds

from resolverd.admin.documents.state import StateDocument
from resolverd.cli.documents import DrainDocument

TIMEOUT = 60.0


@contextlib.contextmanager
def fleet_live(place: Path, server: NatsServer, edge: str) -> Iterator[Live]:
    """A daemon of the fleet as a process."""
    place.mkdir()
    write_place(place)
    zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
    (place / "zones" / "inference.zone").write_text(zone)
    fleet = f'[fleet]\nurls = {toml_urls([server.url])}\nedge = "{edge}"\n'
    with live(place, f'{fleet}{CHAT}ttl = "2s"\nfailover_ttl = "1s"\n', SERVER) as found:
        yield found


async def asked(daemon: Live, *arguments: str) -> Ran:
    """A verb, asked of a daemon."""
    return await asyncio.to_thread(partial(resolverd, *arguments, cwd=daemon.place))


async def test_verbs_say_who_obeys_and_what_is_not_told(tmp_path: Path) -> None:
    async with nats(tmp_path / "nats") as server:
        with (
            fleet_live(tmp_path / "fra1", server, "fra1") as fra,
            fleet_live(tmp_path / "ams1", server, "ams1") as ams,
        ):
            await until_holds(lambda: _heard(fra, 2), within=TIMEOUT)
            ran = await asked(fra, "drain", "eu-west", "--why", "racks", "--json")
            document = DrainDocument.model_validate(ran.json())
            assert document.safe
            told = {"scope": "all", "pending": False, "edges": ["ams1", "fra1"], "without": []}
            assert ran.json()["edges"][0]["fleet"] == told
            ran = await asked(ams, "state")
            assert "fleet" in ran.out
            assert "edge ams1: quorum for" in ran.out
            assert "fra1" in ran.out
            ran = await asked(ams, "clear", "eu-west")
            assert (ran.status, ran.err) == (0, "")
            ran = await asked(fra, "override", "us-east", "down", "--edge", "ams", "--why", "x")
            assert ran.status == 2
            assert "did you mean ams1?" in ran.err
            ran = await asked(fra, "override", "us-east", "down", "--edge", "ams1", "--why", "x")
            assert ran.status == 0
            state = (await asked(ams, "state", "--json")).json()
            assert [o["scope"] for o in state["overrides"]] == ["ams1"]
            assert not (await asked(fra, "state", "--json")).json()["overrides"]
            StateDocument.model_validate(state)
            await check_a_drain_at_one_edge(fra)
            await check_what_is_said_at_another_edge_alone(fra)

            await server.kill()
            await until_holds(lambda: _away(fra), within=TIMEOUT)
            ran = await asked(fra, "drain", "eu-west", "--why", "racks")
            assert ran.status == 1
            assert "said here only, for NATS is away" in ran.err
            assert "ams1" in ran.err
            assert "nothing is safe to stop" in ran.err
            state = (await asked(fra, "state", "--json")).json()
            StateDocument.model_validate(state)
            assert state["fleet"]["pending"] == [
                {"scope": "all", "target": "eu-west", "about": "override", "kind": "drain"}
            ]
            ran = await asked(fra, "state")
            assert "drain (said here only)" in ran.out
            assert "NATS is away" in ran.out

            await server.start()
            await until_holds(lambda: _drained(ams), within=TIMEOUT)
            ran = await asked(fra, "drain", "eu-west", "--why", "racks")
            assert (ran.status, ran.err) == (0, "")
            assert "safe to stop" in ran.out


async def check_a_drain_at_one_edge(fra: Live) -> None:
    """It is never safe, whichever is asked, for the others go on answering with the region."""
    for edge in ("fra1", "ams1"):
        words = ("drain", "eu-west", "--edge", edge, "--why", "racks")
        ran = await asked(fra, *words)
        assert ran.status == 2
        assert "makes nothing safe to stop" in ran.err
        ran = await asked(fra, *words, "--no-wait")
        assert ran.status == 0
        assert f"eu-west: drained at {edge} alone until cleared" in ran.out
        assert "it is not safe to stop" in ran.err
        ran = await asked(fra, *words, "--no-wait", "--json")
        assert not DrainDocument.model_validate(ran.json()).safe
        assert (await asked(fra, "clear", "eu-west", "--edge", edge)).status == 0


async def check_what_is_said_at_another_edge_alone(fra: Live) -> None:
    """It says so, with the way back, and nothing of what the edge that was asked does by it."""
    ran = await asked(fra, "override", "us-west", "down", "--edge", "ams1", "--why", "x")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "us-west: down until cleared: resolverd clear us-west --edge ams1\n"
    ran = await asked(fra, "clear", "us-west", "--edge", "ams1", "--json")
    assert [one["scope"] for one in ran.json()["cleared"]] == ["ams1"]
    rule = ("spill", "chat", "--region", "eu-west", "50%", "--edge", "ams1", "--why", "x")
    ran = await asked(fra, *rule)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "chat/eu-west: 50% until cleared",
        "undo: resolverd spill chat --region eu-west auto --edge ams1",
    ]
    ran = await asked(fra, *rule, "--json")
    assert ran.json()["set"]["scope"] == "ams1"
    ran = await asked(fra, "spill", "chat", "--region", "eu-west", "auto", "--edge", "ams1")
    assert (ran.status, ran.err) == (0, "")


async def _heard(daemon: Live, edges: int) -> bool:
    fleet = (await asked(daemon, "state", "--json")).json()["fleet"]
    return sum(edge["heard_seconds"] is not None for edge in fleet["edges"]) == edges


async def _away(daemon: Live) -> bool:
    return not (await asked(daemon, "state", "--json")).json()["fleet"]["quorum"]


async def _drained(daemon: Live) -> bool:
    overrides = (await asked(daemon, "state", "--json")).json()["overrides"]
    return any(override["target"] == "eu-west" for override in overrides)
