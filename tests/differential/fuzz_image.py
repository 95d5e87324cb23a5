"""The small Snapshot that fuzzers of the native library answer from (`native/src/answer/fuzz.rs`).

With it go queries for everything that it holds: names are found by their hashes, so a fuzzer would
not come upon one by itself, and what lies behind names would never be tried.

``python -m differential.fuzz_image`` in tests/ writes its images anew; a test holds them to what
this makes of the zones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from differential.worlds import ZONES, steering
from harness.config import config_text
from harness.server import snapshot_of

from resolverd.dns.codes import A
from resolverd.dns.limits import MAX_NAME
from resolverd.dns.prefix import Prefix
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import plan_image, steering_image
from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.model import Block, MapEntry, Plan

FOLDER = Path(__file__).parents[2] / "native" / "fuzz"
REGIONS = ("us-east", "us-west", "eu-west", "ap-northeast")
EDGE = REGIONS[:2]
SERVICES = "".join(
    f"[service.{name}]\nregions = {list(EDGE if 'core' in more else REGIONS)}\n{more}\n"
    for name, more in {
        "nearest": "",
        "failover": "",
        "weighted": "",
        "edge": 'answer = "cname"',
        "noecs": "ecs = false",
        "single": "",
        "servfail": 'all_down = "servfail"',
        "nodata": 'all_down = "nodata"',
        "small": 'core = "nearest"\ntrickle = 0.1',
        "lone": 'core = "weighted"\ncore_fallback = false',
        "listed": 'core = "noecs"',
        "other": 'core = "nodata"',
        "named": 'answer = "cname"\ncore = "edge"',
    }.items()
)


class SameForAll:
    """What the image says of a map that the library makes itself: these regions, no pins."""

    handle = 0
    pin_names = ()
    kind: Literal["lazy", "compiled"] = "compiled"
    size = None

    def __init__(self, regions: PreferenceList = REGIONS) -> None:
        """Four of them, unless it is that of edge services."""
        self.region_names = regions

    def lookup(self, client: Prefix) -> MapEntry:
        """The same for everybody."""
        return MapEntry(self.region_names, 0, ())

    def block(self, client: Prefix) -> Block:
        """Unless configured."""
        return Block(client.widened(24), 24)

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The same everywhere."""
        return self.region_names, {}


def images() -> dict[str, bytes]:
    """The images by the names of their files."""
    texts = {file.stem: file.read_text() for file in sorted(ZONES.glob("*.zone"))}
    del texts["root"]
    plan, _ = snapshot_of(texts, config_text(SERVICES, server='nsid = "fuzz"'))
    listed: tuple[PreferenceList, ...] = (REGIONS, EDGE)
    same = {regions: SameForAll(regions) for regions in listed}
    services = {
        name: replace(each, clients=same[tuple(each.own)]) for name, each in plan.services.items()
    }
    # In a set's order the images would be other ones each time. Of a name that a zone and its child
    # have both, the zone's comes first: which of them is right is then not told by their places.
    zones = {
        apex: replace(zone, nodes=dict(sorted(zone.nodes.items())))
        for apex, zone in sorted(plan.zones.items(), reverse=True)
    }
    plan = replace(plan, zones=zones, services=services)
    slots = CounterSlots(range(1024, 1 << 22))
    return {
        "plan.image": plan_image(plan, slots).octets,
        "steering.image": steering_image(steering(random.Random(4), plan, 1), plan),
        "packet.hex": "".join(f"{packet.hex()}\n" for packet in _queries(plan)).encode(),
    }


def _queries(plan: Plan) -> Iterator[bytes]:
    """Each name with A and each type that it has, and a name below it."""
    subnet = bytes.fromhex("00 0029 04d0 00000000 000b 0008 0007 0001 18 00 0a0102")
    for zone in plan.zones.values():
        for key, node in zone.nodes.items():
            for name, rtypes in ((key, {A, *node.rrsets}), (b"\5below" + key, {A})):
                for rtype in sorted(rtypes if len(name) <= MAX_NAME else ()):
                    question = name + rtype.to_bytes(2, "big") + b"\0\1"
                    yield b"\0\1\1\0\0\1\0\0\0\0\0\1" + question + subnet


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, octets in images().items():
        (FOLDER / file).write_bytes(octets)
