"""What `explain` tells is what a packet gets: same Snapshot, same client, over real messages.

The oracle is the response itself, read by dnspython: addresses or CNAME of both families,
TTL and scope.
"""

from __future__ import annotations

import ipaddress
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, get_args

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from harness.config import REGIONS, config_text
from harness.messages import ecs_of, query
from harness.places import FRANKFURT, LONDON, NEW_YORK, TOKYO
from harness.server import DOWN, HEAD, NOW, UP, Server, snapshot_of
from harness.trials import trials
from mmdb_writer import Record, write_mmdb

from resolverd.dns.prefix import Bits, Prefix
from resolverd.engine.explain import Explanation, explain
from resolverd.geo.locator import Locator
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import UNKNOWN, State, Verdict
from resolverd.policy.outcomes import Outcome
from resolverd.policy.share import Share
from resolverd.snapshot.held import History
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

PREFIXES = trials(200, 2000)

_UNIX = 1_764_000_000.0
NAMES = ("near", "listed", "shared", "strict", "silent", "nowhere", "alias", "plain")
_ALL = 'regions = ["us-east", "us-west", "eu-west", "ap-northeast"]'
SERVICES = f"""
[service.near]
{_ALL}
ttl = "30s"
failover_ttl = "2s"
[service.listed]
{_ALL}
policy = "failover"
trickle = 0.2
[service.shared]
{_ALL}
policy = "weighted"
weights = {{ us-east = 3, eu-west = 2 }}
[service.strict]
{_ALL}
all_down = "servfail"
[service.nowhere]
{_ALL}
all_down = "cname"
[service.silent]
{_ALL}
all_down = "nodata"
[service.alias]
{_ALL}
answer = "cname"
[service.plain]
{_ALL}
ecs = false
[pin.countries]
countries = ["DE", "FR", "JP"]
regions = ["eu-west"]
[pin.wide]
subnets = ["81.0.0.0/9", "2001:db8::/32"]
regions = ["us-west", "eu-west"]
[pin.inside]
subnets = ["81.2.69.0/24", "81.2.70.128/25", "2001:db8:7::/48"]
regions = ["us-east"]
[pin.refused]
subnets = ["10.9.0.0/16"]
regions = ["ap-northeast"]
services = ["near"]
"""
ZONE = "$ORIGIN inference.example.\n" + HEAD + "".join(f"{name} 25 DYNA {name}\n" for name in NAMES)

_SHARES = {"us-east": Share(0.6), "eu-west": Share(1.0), "us-west": Share(accept_ratio=0.4)}
SHARES = {(name, region): share for name in NAMES for region, share in _SHARES.items()}
"""What some worlds have: two regions that send clients on, one that takes some."""

WORLDS: dict[str, dict[str, Verdict]] = {
    "all up": {},
    "one down, one suspect": {
        "eu-west-1": DOWN,
        "ap-northeast-1": Verdict(State.SUSPECT, None, "test", 9.0, State.SUSPECT, probed_at=NOW),
    },
    "ramping": {"us-east-1": Verdict(State.UP, NOW - 7.0, "test", math.inf, State.UP)},
    "spilling": {},
    "spilling, one down": {"us-west-1": DOWN},
    "all down": {f"{region}-1": DOWN for region in REGIONS},
    "all unknown": {f"{region}-1": UNKNOWN for region in REGIONS},
}


def _record(place_of: object, latitude: float, longitude: float) -> Record:
    return {"country_code": str(place_of), "latitude": latitude, "longitude": longitude}


_PLACES = [
    _record(place.country, *place.point)
    for place in (NEW_YORK, LONDON, FRANKFURT, TOKYO)
    if place.point
]


@pytest.fixture(scope="module")
def locators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Locator]:
    """The embedded database, and one of each family with networks within networks."""
    folder = tmp_path_factory.mktemp("geo")
    draw = random.Random(7)
    v4 = {
        str(_random_prefix(draw, 32, draw.randint(3, 30))): draw.choice(_PLACES) for _ in range(400)
    }
    v6 = {
        str(_random_prefix(draw, 128, draw.randint(12, 64))): draw.choice(_PLACES)
        for _ in range(400)
    }
    v4 |= {"81.0.0.0/10": _PLACES[1], "81.2.69.128/25": _PLACES[2], "10.0.0.0/8": _PLACES[3]}
    files = [
        write_mmdb(folder / "city-ipv4.mmdb", v4, "city ipv4"),
        write_mmdb(folder / "city-ipv6.mmdb", v6, "city ipv6", ip_version=6),
    ]
    return {"embedded": Locator.open([]), "written": Locator.open(files)}


class Asked(NamedTuple):
    """What the wire says of one name and client."""

    rcode: dns.rcode.Rcode
    answer: set[str]
    ttls: set[int]
    scope: int


@pytest.mark.parametrize("database", ["embedded", "written"])
def test_explain_tells_what_the_wire_answers(locators: dict[str, Locator], database: str) -> None:
    draw = random.Random(20261123)
    servers = [
        Server(
            snapshot_of(
                ZONE,
                config_text(SERVICES, domain="regions.example"),
                locator=locators[database],
                verdicts=verdicts,
                shares=SHARES if world.startswith("spilling") else {},
            )
        )
        for world, verdicts in WORLDS.items()
    ]
    servers.append(Server(_returned(servers[0].snapshot)))
    outcomes = set()
    for number, client in enumerate(_clients(draw)):
        server = servers[number % len(servers)]
        # The three policies for every client, and one of the other services in turn.
        for label in ("near", "listed", "shared", NAMES[3 + number % 5]):
            name = f"{label}.inference.example"
            # Where ECS is not honoured it is the source that counts, and explain is given that.
            asked = client if label != "plain" else Prefix(client.bits, client.address, client.bits)
            explanation = explain(name, asked, server.snapshot)
            _assert_explained(explanation, _ask(server, name, client), f"{explanation}\n{client}")
            outcomes.add(explanation.outcome)
    assert outcomes == {*get_args(Outcome)} - {"no_address"}


def _returned(calm: Snapshot) -> Snapshot:
    """The regions of `calm` once some of them were away, while services keep their clients."""
    services = {n: replace(s, sticky=600.0) for n, s in calm.plan.services.items()}
    plan, histories = replace(calm.plan, services=services), dict[str, History]()
    for ago, away in ((9000.0, ()), (200.0, ("us-east",)), (90.0, ("eu-west",)), (30.0, ())):
        verdicts = {f"{region}-1": DOWN if region in away else UP for region in REGIONS}
        world = World(verdicts, Overrides(), lambda _: UNRESOLVED)
        steering = steer(1, plan, world, NOW, histories, _UNIX - ago)
        histories = dict(steering.histories)
    return Snapshot(plan, steering)


def _clients(draw: random.Random) -> Iterator[Prefix]:
    """Random prefixes: every length of both families, near the pins, and transition formats."""
    anchors: list[tuple[Bits, str, int]] = [
        (32, "81.2.69.0", 16),
        (32, "10.9.0.0", 8),
        (128, "2001:db8:7::", 32),
        (128, "::ffff:81.2.69.0", 96),
        (128, "64:ff9b::81.2.69.0", 96),
        (128, "2002:5102:4500::", 16),
        (128, "2001::", 32),
    ]
    for number in range(PREFIXES):
        bits: Bits = 32 if number % 5 < 2 else 128
        length = number // 5 % bits + 1
        if number % 3:
            yield _random_prefix(draw, bits, length)
            continue
        bits, text, fixed = draw.choice(anchors)
        length = draw.randint(1, bits)
        noise = draw.getrandbits(bits - fixed) & draw.getrandbits(bits - fixed)
        address = int(ipaddress.ip_address(text)) ^ noise
        yield Prefix(bits, address, bits).widened(length)


def _random_prefix(draw: random.Random, bits: Bits, length: int) -> Prefix:
    address = draw.getrandbits(bits)
    if bits == 128 and draw.random() < 0.7:
        address = (0x2 << 124) | (address >> 4)  # where addresses are really given out
    return Prefix(bits, address, bits).widened(length)


def _ask(server: Server, name: str, client: Prefix) -> Asked:
    """Ask for both families with `client` as ECS, from its first address."""
    answer: set[str] = set()
    ttls: set[int] = set()
    rcodes, scopes = set(), set()
    for qtype in ("A", "AAAA"):
        sent = query(name, qtype, ecs=str(client))
        message = dns.message.from_wire(server.send(sent, source=str(client.host())))
        rcodes.add(message.rcode())
        scopes.add(ecs_of(message).scopelen)
        for rrset in message.answer:
            assert rrset.name.to_text(omit_final_dot=True) == name
            answer |= {str(rdata).removesuffix(".") for rdata in rrset}
            ttls.add(rrset.ttl)
        if not message.answer:
            ttls |= _negative(message)
    (rcode,), (scope,) = rcodes, scopes
    return Asked(rcode, answer, ttls, scope)


def _negative(message: dns.message.Message) -> set[int]:
    """The negative TTL; a family that the region lacks has one, equal to the answer's."""
    return {rrset.ttl for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA}


def _assert_explained(explanation: Explanation, asked: Asked, why: str) -> None:
    expected = {"servfail": dns.rcode.SERVFAIL}
    assert asked.rcode == expected.get(explanation.outcome, dns.rcode.NOERROR), why
    assert asked.answer == set(explanation.answer), why
    assert asked.ttls == (set() if explanation.ttl is None else {explanation.ttl}), why
    assert asked.scope == explanation.scope, why
    chosen = [
        candidate for candidate in explanation.candidates if candidate.why.startswith("answered")
    ]
    assert [candidate.region for candidate in chosen] == (
        [explanation.region] if explanation.region else []
    ), why
    if explanation.region:
        assert explanation.region in explanation.fence, why
