"""Invariant 5: over the same Snapshot both engines give the same octets, and count the same."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest
from differential.agreement import Engines, shrunk
from differential.packets import Case, cases, corpus, renamed
from differential.worlds import FAR, PLANS, names_of, plan_of, steering
from harness.messages import query

from resolverd.abi.library import why_not
from resolverd.policy.outcomes import Outcome

pytestmark = pytest.mark.skipif(
    why_not() is not None, reason=f"the native engine is not tested: {why_not()}"
)

CASES = 10_000_000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 200_000
SHARDS = 8
PER_STEERING = 1000


@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_packets_are_answered_alike(shard: int) -> None:
    """Every feature, many states of the world, sound and broken packets."""
    seed = int(os.environ.get("RESOLVERD_SEED", "1"))
    rng = random.Random(f"{seed}/{shard}")
    engines = [Engines(plan_of(name)) for name in PLANS]
    names = [names_of(each.plan) for each in engines]
    for generation in range(CASES // SHARDS // PER_STEERING):
        pick = generation % len(engines)
        engine = engines[pick]
        engine.steer(steering(rng, engine.plan, generation))
        engine.compare(cases(rng, names[pick], PER_STEERING))


@pytest.mark.parametrize("plan", PLANS)
def test_every_name_and_type_is_answered_alike(plan: str) -> None:
    """Each name of each zone, and one below it, with each QTYPE, over UDP and TCP."""
    engine = Engines(plan_of(plan))
    engine.steer(steering(random.Random(1), engine.plan, 1))
    engine.compare(_each_name(engine))


def _each_name(engine: Engines) -> Iterator[Case]:
    for key in set(names_of(engine.plan)):
        for name in (key, b"\3x-Y" + key):
            for qtype in (1, 2, 5, 6, 12, 13, 15, 16, 28, 33, 39, 43, 46, 65, 252, 255, 257, 65280):
                packet = b"\0\5\1\0\0\1\0\0\0\0\0\0" + name + qtype.to_bytes(2, "big") + b"\0\1"
                yield Case(packet, "10.1.2.3", tcp=False)
                yield Case(packet, "2001:db8:1::1", tcp=True)


LARGE = ("big", "bigmx", "bigptr", "bigtxt", "x.bigcut", "to-big", "c0", "types", "chat", "to-chat")


@pytest.mark.parametrize("qname", LARGE)
def test_every_payload_size_is_truncated_alike(qname: str) -> None:
    """Each size from 512 to 4096, where answers of many lengths do or do not fit."""
    engine = Engines(plan_of("pinned"))
    engine.steer(steering(random.Random(3), engine.plan, 1))
    types = {"bigmx": ("MX",), "bigptr": ("PTR",), "bigtxt": ("TXT",)}.get(qname, ("A", "AAAA"))
    for qtype in types:
        packet = query(f"{qname}.example.", qtype, edns=0, ecs="10.1.2.0/24")
        at = packet.index(b"\0\0\x29") + 3
        engine.compare(
            Case(packet[:at] + size.to_bytes(2, "big") + packet[at + 2 :], "10.0.0.1", tcp=False)
            for size in range(500, 4100)
        )


def test_names_around_the_farthest_pointer_are_compressed_alike() -> None:
    """QNAME of every length moves the names of a long answer past 16,383 octets one by one."""
    engine = Engines(plan_of("plain"))
    engine.steer(steering(random.Random(4), engine.plan, 1))
    names = [f"{'x' * length}.huge.example." for length in range(1, 64)]
    packets = [query(name, "PTR") for name in names]
    engine.compare(Case(packet, "10.0.0.1", tcp=True) for packet in packets)
    assert len(engine.native_answer(Case(packets[0], "10.0.0.1", tcp=True)) or b"") > 0x4000


@pytest.mark.parametrize("plan", PLANS)
def test_what_resolvers_really_send_is_answered_alike(plan: str) -> None:
    """The recorded queries as they are, and asked of every name that is served."""
    engine = Engines(plan_of(plan))
    engine.steer(steering(random.Random(5), engine.plan, 1))
    rng = random.Random(5)
    recorded = corpus()
    assert len(recorded) > 30
    engine.compare(Case(packet, "10.1.2.3", tcp=False) for packet in recorded)
    engine.compare(
        Case(renamed(rng, packet, [name]), "10.1.2.3", tcp=False)
        for name in names_of(engine.plan)
        for packet in rng.sample(recorded, 10)
    )


def test_every_outcome_is_among_what_they_agree_on() -> None:
    """A state of the world that is never drawn would be agreed on in vain."""
    rng = random.Random(9)
    engine = Engines(plan_of("pinned"))
    names = names_of(engine.plan)
    for generation in range(60):
        engine.steer(steering(rng, engine.plan, generation))
        engine.compare(cases(rng, names, 200))
    assert {outcome for _, _, outcome in engine.counters.steered} == {*get_args(Outcome)}
    assert engine.sampled > 100


def test_the_last_of_many_regions_is_among_what_they_agree_on() -> None:
    """The native engine walks a long list in two parts."""
    rng = random.Random(10)
    engine = Engines(plan_of("many"))
    names = names_of(engine.plan)
    for generation in range(60):
        world = steering(rng, engine.plan, generation)
        if generation % 10 == 0:
            by_region = world.statuses["nearest"]
            last = {r: replace(status, serves=r == FAR[-1]) for r, status in by_region.items()}
            world = replace(world, statuses={**world.statuses, "nearest": last})
        engine.steer(world)
        engine.compare(cases(rng, names, 200))
    assert ("nearest", FAR[-1], "serving") in engine.counters.steered


def test_a_case_that_fails_is_shrunk_to_what_matters() -> None:
    """So that a failure of these tests names one thing."""
    case = Case(bytes(range(200)), "10.1.2.3", tcp=True)
    assert shrunk(case, lambda c: b"\x10\x11" in c.packet).packet == b"\x10\x11"
    assert shrunk(case, lambda c: c.tcp).source == "10.1.2.3"
