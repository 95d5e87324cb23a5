"""Whose verdicts count, end to end: five daemons, a real nats-server, and who moves what.

Two edges far from a region, and then two near it, are blinded towards it. By `quorum:2` their word
is the quorum's; by `nearest:3` the far ones have no word; by `own` nobody asks, and by `any` they
are believed. Nobody but who is blinded moves an answer, except by `any`.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

import dns.asyncquery
import dns.message
import pytest
from harness.nats import nats
from observing_edges import ADDRESSES, EDGES, Edges, World, edges, until, world

from resolverd.admin.state import state_of

NEAR, FAR = ("fra1", "iad1", "gru1"), ("sin1", "syd1")
"""By their distance from the region eu: 1,100 to 9,300 km, and 11,100 to 17,200."""


class Expected(NamedTuple):
    """How it stands with those that are blinded, and with the others."""

    blind: str
    others: str


POLICIES = {
    # far edges blinded, and then the two nearest
    "nearest:3": (Expected("path", "agreed"), Expected("agreed", "doubted")),
    "quorum:2": (Expected("agreed", "doubted"), Expected("agreed", "doubted")),
    "quorum:3": (Expected("path", "agreed"), Expected("path", "agreed")),
    "quorum": (Expected("path", "agreed"), Expected("path", "agreed")),
    "own": (Expected("alone", "alone"), Expected("alone", "alone")),
    "any": (Expected("agreed", "told"), Expected("agreed", "told")),
}


@pytest.mark.parametrize("policy", POLICIES)
async def test_who_decides_is_as_the_policy_says(tmp_path: Path, policy: str) -> None:
    far, near = POLICIES[policy]
    async with (
        nats(tmp_path / "nats") as server,
        world() as seen,
        edges(tmp_path, seen, server.url, fleet=f'verdicts = "{policy}"\n') as fleet,
    ):
        assert {edge: await _answer(fleet, edge) for edge in EDGES} == dict.fromkeys(
            EDGES, (ADDRESSES["eu"], 60)
        )
        await _blinded(fleet, seen, FAR, far)
        ttls = {edge: (await _answer(fleet, edge))[1] for edge in NEAR}
        whole = far.others in ("agreed", "alone")  # nothing of what they say counts here
        assert all((ttl == 60) is whole for ttl in ttls.values()), ttls
        seen.blinded.clear()
        await until(lambda: all(fleet.serves("eu")))
        await until(lambda: not _standings(fleet, EDGES) & {"path", "doubted", "told"})
        await _blinded(fleet, seen, NEAR[:2], near)


async def _blinded(fleet: Edges, seen: World, blind: tuple[str, ...], expected: Expected) -> None:
    """Blind these edges towards eu: how it stands then, for as long as anything could change."""
    others = tuple(edge for edge in EDGES if edge not in blind)
    cut = time.monotonic()
    seen.blinded = {(edge, "eu") for edge in blind}

    def stands() -> bool:
        found = _standings(fleet, blind), _standings(fleet, others)
        return found == ({expected.blind}, {expected.others})

    await until(lambda: not any(fleet.serves("eu", *blind)))
    await until(stands)
    await asyncio.sleep(2.0)  # several rounds of probes, and of messages
    assert stands()
    moved = EDGES if expected.others == "told" else blind
    assert fleet.moved("eu", False, cut).keys() == set(moved)
    for edge in EDGES:
        address, _ = await _answer(fleet, edge)
        assert (address == ADDRESSES["us"]) is (edge in moved), edge
    for edge in blind:
        assert fleet.verdict(edge, "eu").reason.startswith("path:") is (expected.blind == "path")


def _standings(fleet: Edges, names: tuple[str, ...]) -> set[str]:
    found = set()
    for edge in names:
        state = state_of(fleet.daemons[edge])
        (region,) = [row for row in state["regions"] if row["region"] == "eu"]
        found.add(region["endpoints"][0]["others"]["standing"])
    return found


async def _answer(fleet: Edges, edge: str) -> tuple[str, int]:
    """The address that a client of this edge gets, and its TTL."""
    listener = fleet.daemons[edge].bound[0]
    query = dns.message.make_query("chat.inference.example", "A")
    response = await dns.asyncquery.udp(query, listener.address, port=listener.port, timeout=5)
    return str(response.answer[0][0]), response.answer[0].ttl
