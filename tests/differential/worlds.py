"""What is served in the differential test: Plans over the zones beside this file, and Steerings.

Each Plan has every zone feature and every kind of service; they differ in what the server says
of itself. A Steering is any state of the world: of a region that the services share, one
RegionStatus and one RegionRecords, or each its own.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.config import REGIONS, config_text
from harness.places import (
    FRANKFURT,
    LONDON,
    NEW_YORK,
    SAN_FRANCISCO,
    TOKYO,
    database_locator,
)
from harness.server import snapshot_of

from resolverd.dns.codes import AAAA, A
from resolverd.dns.prefix import parse_prefix
from resolverd.dns.writer import RRsetWire
from resolverd.policy.decision import RegionStatus
from resolverd.policy.share import Positions, draw_word
from resolverd.policy.sticky import COHORTS, SEGMENTS, Epochs, steadfast_in
from resolverd.snapshot.earlier_maps import with_earlier_maps
from resolverd.snapshot.held import segment_of
from resolverd.snapshot.model import Plan, RegionRecords, ServicePlan, Steering

ZONES = Path(__file__).with_name("zones")

SERVICES = """
[service.nearest]
regions = ["us-east", "us-west", "eu-west", "ap-northeast"]
[service.failover]
regions = ["eu-west", "us-west", "us-east"]
policy = "failover"
ttl = "300s"
failover_ttl = "2s"
trickle = 0.5
[service.weighted]
regions = ["us-east", "us-west", "eu-west", "ap-northeast"]
policy = "weighted"
weights = { us-east = 5, us-west = 1, eu-west = 3, ap-northeast = 0 }
ttl = "3600s"
[service.edge]
regions = ["ap-northeast", "us-east", "eu-west"]
answer = "cname"
all_down = "cname"
trickle = 0.25
[service.noecs]
regions = ["us-west", "eu-west"]
ecs = false
no_region = "nodata"
[service.single]
regions = ["us-east"]
ttl = "0s"
failover_ttl = "0s"
all_down = "cname"
[service.servfail]
regions = ["us-east", "us-west"]
all_down = "servfail"
no_region = "servfail"
[service.nodata]
regions = ["eu-west", "us-west"]
all_down = "nodata"
no_region = "refused"
policy = "weighted"
block_v4 = 20
block_v6 = 40
[service.small]
regions = ["eu-west", "ap-northeast"]
core = "nearest"
trickle = 0.1
ttl = "30s"
[service.lone]
regions = ["us-west"]
core = "weighted"
core_fallback = false
all_down = "nodata"
[service.listed]
regions = ["us-east", "eu-west"]
core = "noecs"
policy = "weighted"
all_down = "servfail"
[service.other]
regions = ["ap-northeast"]
core = "failover"
no_region = "refused"
[service.named]
regions = ["us-west"]
answer = "cname"
core = "edge"
"""

PINS = """
[pin.office]
subnets = ["10.1.2.64/26", "2001:db8:1::/48"]
regions = ["eu-west"]
[pin.empty]
subnets = ["10.2.0.0/16", "198.51.100.0/24"]
regions = ["ap-northeast"]
services = ["failover", "noecs", "servfail", "nodata"]
[pin.british]
countries = ["GB", "DE"]
regions = ["eu-west", "us-east"]
[pin.asia]
continents = ["AS"]
regions = ["ap-northeast", "us-west"]
"""

FAR = tuple(f"far-{n:02}" for n in range(16))
"""Regions that every client has last, in this order."""

_MANY = SERVICES.replace(
    '"us-east", "us-west", "eu-west", "ap-northeast"',
    ", ".join(f'"{name}"' for name in (*REGIONS, *FAR)),
) + "".join(
    f"[region.{name}]\ncoordinates = [{-40 - n}, 25]\n"
    f'endpoint = [{{ address = ["198.18.0.{n}"], url = "http://198.18.0.{n}" }}]\n'
    for n, name in enumerate(FAR)
)

PLACES = {
    "10.0.0.0/15": NEW_YORK,
    "10.1.2.0/24": SAN_FRANCISCO,
    "10.3.0.0/16": LONDON,
    "10.4.0.0/20": LONDON,
    "10.4.16.0/20": FRANKFURT,
    "10.5.0.0/16": TOKYO,
    "198.51.100.0/24": TOKYO,
    "2001:db8:1::/48": TOKYO,
    "2a02::/16": FRANKFURT,
}

_PLANS = {
    "plain": (SERVICES, ""),
    "pinned": (SERVICES + PINS, 'nsid = "fra1.example"\nudp_payload = 4096'),
    "small": (SERVICES + PINS, f'nsid = "{"n" * 64}"\nudp_payload = 512'),
    "many": (_MANY + PINS, ""),
    "followed": (SERVICES + PINS, ""),
}
PLANS = tuple(_PLANS)

_SERVE = {"up": 1.0, "down": 0.0, "unknown": 0.0, "any": 0.5, "few": 0.1}
_TIMES = (0.0, 0.4, 1.0, 1.5, 3.0, 4.9999, 5.0, 29.7, 60.0, 61.0, 299.0, 4000.0)


@cache
def plan_of(name: str) -> Plan:
    """One of `PLANS`; those that have pins serve the root too.

    The services of "followed" had other client maps before, with other pins and other regions.
    """
    services, server = _PLANS[name]
    texts = {file.stem: file.read_text() for file in sorted(ZONES.glob("*.zone"))}
    if services == SERVICES:
        del texts["root"]
    locator = database_locator(PLACES)
    config = config_text(services, server=server)
    plan = snapshot_of(texts, config, locator=locator, compiled=True).plan
    if name != "followed":
        return plan
    sticky = {name: replace(service, sticky=60.0) for name, service in plan.services.items()}
    return replace(plan, services=with_earlier_maps(sticky, 2, _before(texts)))


def _before(texts: dict[str, str]) -> Plan:
    """What "followed" follows: a region is gone since, others have come, and pins have moved."""
    pins = PINS.replace("10.1.2.64/26", "10.1.2.32/27").replace('"GB", "DE"', '"US"')
    services = SERVICES.replace('"ap-northeast", "us-east", "eu-west"', '"eu-west", "us-west"')
    services = services.replace('["us-west", "eu-west"]', '["eu-west", "us-east"]')
    moved = {"10.0.0.0/15": TOKYO, "10.4.0.0/18": NEW_YORK, "2a02::/16": LONDON}
    config = config_text(services + pins)
    return snapshot_of(texts, config, locator=database_locator(moved), compiled=True).plan


def names_of(plan: Plan) -> list[bytes]:
    """Every name of every zone, those of services more often, and some of none."""
    keys = [key for zone in plan.zones.values() for key in zone.nodes]
    steered = [key for zone in plan.zones.values() for key, node in zone.nodes.items() if node.dyna]
    return [*keys, *steered * (len(keys) // len(steered)), b"\0", b"\4test\0", b"\2no\4test\0"]


def steering(rng: random.Random, plan: Plan, generation: int) -> Steering:
    """Any state of the world."""
    mood = rng.choice(("up", "down", "unknown", "few", "any", "any", "any"))
    shared = rng.random() < 0.5
    statuses: dict[str, dict[str, RegionStatus]] = {}
    records: dict[str, dict[str, RegionRecords]] = {}
    seen: dict[str, RegionStatus] = {}
    for name, service in plan.services.items():
        statuses[name] = {
            region: seen.setdefault(region, status(rng, mood)) if shared else status(rng, mood)
            for region in service.regions
        }
        records[name] = {region: region_records(rng, service, region) for region in service.regions}
    kept = {
        name: epochs(rng, service, statuses[name])
        for name, service in plan.services.items()
        if rng.random() < 0.5
    }
    staleness = rng.choice((0.0, 1.0))
    return Steering(generation, 0.0, staleness, False, statuses, records, {}, epochs=kept)


def epochs(rng: random.Random, service: ServicePlan, statuses: dict[str, RegionStatus]) -> Epochs:
    """Any history of a service that ends with these statuses, and any epochs of its blocks."""
    count = rng.choice((2, 2, 3, 5, SEGMENTS))
    steady, few = rng.random() < 0.5, rng.random() < 0.5
    earlier = rng.randrange(count) if service.earlier is not None else 0
    segments = [
        segment_of(
            {r: s if steady and few else status(rng, "up") for r, s in statuses.items()},
            0.0 if steady else rng.choice((0.0, 0.5)),
            float(number),
            earlier=number < earlier,
        )
        for number in range(count - 1)
    ]
    segments.append(segment_of(statuses, service.trickle, float(count)))
    return Epochs(
        tuple(segments),
        tuple(rng.randrange(count) for _ in range(COHORTS)),
        tuple(rng.choice(_TIMES) for _ in range(COHORTS)),
        tuple(rng.choice(_TIMES) for _ in range(COHORTS)),
        steadfast_in(segments),
    )


def status(rng: random.Random, mood: str) -> RegionStatus:
    """What is known of one region."""
    serves = rng.random() < _SERVE[mood]
    unknown = mood == "unknown" or (mood in ("any", "few") and rng.random() < 0.3)
    addresses = serves or rng.random() < 0.7
    return RegionStatus(
        serves=serves,
        has_addresses=addresses,
        alive=addresses and rng.random() < 0.5,
        answer_min_until_flip=float("inf") if rng.random() < 0.6 else rng.choice(_TIMES),
        answer_since_change=None if rng.random() < 0.6 else rng.choice(_TIMES),
        unknown=not serves and unknown,
        min_until_flip=float("inf") if rng.random() < 0.4 else rng.choice(_TIMES),
        since_change=None if rng.random() < 0.4 else rng.choice(_TIMES),
        **shares(rng),
    )


def shares(rng: random.Random) -> dict[str, Any]:
    """What share of its clients a region sends on, or takes; most have neither.

    Half of them have their blocks weighed: sampled, with or without positions.
    """
    weighed: dict[str, Any] = {}
    if rng.random() < 0.5:
        weighed["sampled"] = rng.choice((1, 2, 4, 64))
    if rng.random() < 0.5:
        weighed["positions"] = positions(rng)
    if (drawn := rng.random()) < 0.5:
        return weighed | {"spill_off": drawn < 0.2}
    spill_ratio, accept_ratio = rng.choice(
        ((0.0, 1.0), (0.0, rng.random()), (1.0, 0.0), (rng.random(), 0.5))
    )
    steady = float("inf") if (drawn := rng.random()) < 0.5 else rng.choice(_TIMES)
    ratios = {"spill_ratio": spill_ratio, "accept_ratio": accept_ratio, "steady": steady}
    return weighed | ratios | {"spill_off": drawn < 0.2}


# Blocks that the packets' clients lie in, so that positions of their own are met.
_BLOCKS = [
    parse_prefix(text)
    for text in (
        *(f"10.{n}.{m}.0/24" for n in range(6) for m in (0, 1, 2, 128)),
        "198.51.100.0/24",
        "192.0.2.0/24",
        "2001:db8:1::/48",
    )
]


def positions(rng: random.Random) -> Positions:
    """Any positions."""
    bins = tuple(rng.random() for _ in range(rng.choice((1, 3, 512))))
    blocks = rng.sample(_BLOCKS, rng.randrange(len(_BLOCKS)))
    return Positions(bins, {draw_word(block): rng.random() for block in blocks})


# The TTLs that the sources of addresses allow; None where they are written by hand.
_SOURCE_TTLS = (None, None, 0, 1, 4, 5, 59, 60, 61, 300, 2**31 - 1)


def region_records(rng: random.Random, service: ServicePlan, region: str) -> RegionRecords:
    """What one region is answered with."""
    counts = (0, 0, 1, 1, 2, 3, 7, 40, 100)
    return RegionRecords(
        _addresses(rng, A, 4, rng.choice(counts)),
        _addresses(rng, AAAA, 16, rng.choice(counts)),
        service.regions[region].cname,
        rng.choice(_SOURCE_TTLS),
        rng.choice(_SOURCE_TTLS),
    )


def _addresses(rng: random.Random, rtype: int, octets: int, count: int) -> RRsetWire | None:
    rdatas = tuple((rng.randbytes(octets),) for _ in range(count))
    return RRsetWire(rtype, 0, rdatas) if rdatas else None
