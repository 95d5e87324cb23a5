"""What `explain` tells is what both engines answer, type for type, in any world."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import NamedTuple

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from harness.config import REGIONS, config_text
from harness.messages import ecs_of, query
from harness.places import FRANKFURT, LONDON, NEW_YORK, TOKYO, database_locator
from harness.server import HEAD, NOW, Server, load_text_config, snapshot_of
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.abi.library import why_not
from resolverd.config.targets import probe_targets
from resolverd.dns.prefix import parse_prefix
from resolverd.engine.explain import Explanation, explain
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import Resolved
from resolverd.health.verdict import State, Verdict
from resolverd.policy.share import Positions, Share, draw_word
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

HOST = "pool.example"
HOSTED = f"""
[region.hosted]
coordinates = [1.3, 103.8]
[[region.hosted.endpoint]]
hostname = "{HOST}"
url = "http://192.0.2.90:8000"
"""
_ALL = 'regions = ["us-east", "us-west", "eu-west", "ap-northeast", "hosted"]\nttl = "30s"'
_WAYS = {
    "near": "",
    "strict": 'all_down = "servfail"',
    "silent": 'all_down = "nodata"',
    "nowhere": 'all_down = "cname"',
    "closed": 'no_region = "refused"',
    "listed": 'policy = "failover"\nfailover_ttl = "4s"',
}
PINS = """
[pin.gdpr]
countries = ["DE"]
regions = ["eu-west", "hosted"]
[pin.uk]
countries = ["GB"]
regions = ["us-east"]
"""
SERVICES = HOSTED + "".join(f"[service.{n}]\n{_ALL}\n{way}\n" for n, way in _WAYS.items()) + PINS
CONFIG = config_text(SERVICES)
# Both below the `ttl` of the services, and the one below the other, so that each may be the least.
DYNA_TTL, NEGATIVE_TTL = 25, 7
ZONE = f"$ORIGIN inference.example.\n{HEAD.replace(' 300', f' {NEGATIVE_TTL}')}" + "".join(
    f"{name} {DYNA_TTL} DYNA {name}\n" for name in _WAYS
)
PLACES = {
    "81.0.0.0/16": LONDON,
    "81.1.0.0/16": FRANKFURT,
    "12.0.0.0/8": NEW_YORK,
    "133.0.0.0/8": TOKYO,
}
CLIENTS = ["81.0.7.0/24", "81.1.7.0/24", "81.0.0.0/15", "12.1.2.0/24", "133.9.0.0/16", "9.9.9.0/24"]

moments = st.one_of(st.none(), st.floats(0, 60).map(lambda ago: NOW - ago))
verdicts = st.builds(
    lambda state, since, left: Verdict(state, since, "test", left, state, probed_at=NOW),
    st.sampled_from(State),
    moments,
    st.one_of(st.just(math.inf), st.floats(0, 60)),
)
positions = st.one_of(
    st.none(),
    st.builds(
        Positions,
        st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4).map(tuple),
        st.dictionaries(
            st.sampled_from([draw_word(parse_prefix(client)) for client in CLIENTS]),
            st.floats(0, 1, exclude_max=True),
        ),
        st.just({}),
    ),
)
sampled = st.sampled_from([0, 1])
shares = st.one_of(
    st.just(Share()),
    st.builds(Share, st.floats(0, 1), st.just(0.0), st.floats(0, 60), positions, sampled),
    st.builds(Share, st.just(0.0), st.floats(0, 1), st.floats(0, 60), positions, sampled),
)
hosts = st.builds(
    Resolved,
    st.sampled_from([(), ("192.0.2.91",)]),
    st.sampled_from([(), ("2001:db8::91",)]),
    st.floats(NOW, NOW + 60),
    st.floats(NOW, NOW + 60),
    st.booleans(),
)
overrides = st.dictionaries(
    st.sampled_from(REGIONS),
    st.builds(
        Override,
        st.sampled_from(OverrideKind),
        st.just("ops"),
        st.just("test"),
        st.just(NOW - 5),
        st.one_of(st.none(), st.floats(NOW + 1, NOW + 60)),
    ),
    max_size=2,
)


class Wire(NamedTuple):
    """What a response says."""

    rcode: str
    data: frozenset[str]
    ttl: int | None
    scope: int


def wire(server: Server, name: str, rtype: str, client: str) -> Wire:
    """The answer of both engines, which are the same octets."""
    response = server.send(query(name, rtype, ecs=client))
    message = dns.message.from_wire(response)
    ttls = {rrset.ttl for rrset in message.answer or message.authority}
    data = {str(rdata).removesuffix(".") for rrset in message.answer for rdata in rrset}
    ttl = ttls.pop() if ttls else None
    assert not ttls
    rcode = dns.rcode.to_text(message.rcode())
    return Wire(rcode, frozenset(data), ttl, ecs_of(message).scopelen)


def explained(found: Explanation, number: int) -> Wire:
    """What an explanation says of the response for A (0) or AAAA (1)."""
    ttl = found.ttls[number].ttl
    name, _, has_none = found.ttls[number].why.partition(" has none")
    rcode = "NOERROR" if ttl is not None or (not has_none and ttl is not None) else name
    family = {text for text in found.answer if (":" in text) == bool(number)}
    aliased = found.answer and not any(c.isdigit() for c in found.answer[0])
    return Wire(rcode, frozenset(found.answer if aliased else family), ttl, found.scope)


@cache
def base() -> list[Snapshot]:
    """A Plan over lazy maps, and over compiled ones where there is a library."""
    kinds = [False, True] if why_not() is None else [False]
    return [
        snapshot_of(ZONE, CONFIG, locator=database_locator(PLACES), compiled=compiled)
        for compiled in kinds
    ]


TARGETS = sorted(probe_targets(load_text_config(CONFIG)).by_id)
UP = Verdict(State.UP, None, "test", math.inf, State.UP)


@settings(max_examples=60, deadline=None)
@given(
    measured=st.fixed_dictionaries({t: st.one_of(st.just(UP), verdicts) for t in TARGETS}),
    operators=overrides,
    host=hosts,
    shares=st.fixed_dictionaries(dict.fromkeys((*REGIONS, "hosted"), shares)),
    clients=st.fixed_dictionaries({service: st.sampled_from(CLIENTS) for service in _WAYS}),
)
def test_explain_tells_what_both_engines_answer(
    measured: dict[str, Verdict],
    operators: dict[str, Override],
    host: Resolved,
    shares: dict[str, Share],
    clients: dict[str, str],
) -> None:
    table = Overrides()
    for key, override in operators.items():
        table.set(key, override)
    sent_on = {
        (service, region): share
        for service in ("near", "listed")
        for region, share in shares.items()
    }
    world = World(measured, table, lambda _: host, sent_on)
    server = Server(*(Snapshot(b.plan, steer(2, b.plan, world, NOW)) for b in base()))
    for service, client in clients.items():
        name = f"{service}.inference.example"
        found = explain(name, parse_prefix(client), server.snapshot)
        for number, rtype in enumerate(("A", "AAAA")):
            answer = wire(server, name, rtype, client)
            assert explained(found, number) == answer, (found, rtype)
            ceiling = DYNA_TTL if answer.data else NEGATIVE_TTL
            for otherwise in re.findall(r"(\d+) s otherwise", found.ttls[number].why):
                assert answer.ttl is not None
                assert answer.ttl < int(otherwise) <= ceiling, found.ttls[number]
        answered = [c.region for c in found.candidates if c.why.startswith("answered")]
        assert answered == ([found.region] if found.region else [])
        assert {c.region for c in found.candidates if c.preferred} == set(found.fence)


@pytest.mark.parametrize(
    ("after", "drained", "suspect", "steady", "changed"),
    [
        (None, 1800.0, 900.0, 600.0, 7.0),
        (0.0, 1800.0, 900.0, 600.0, 7.0),
        (0.5, 1799.5, 899.5, 599.5, 7.5),
        (700.0, 1100.0, 200.0, 0.0, 707.0),
        (5000.0, 0.0, 0.0, 0.0, 5007.0),
    ],
)
def test_times_are_told_as_of_the_moment_of_asking(
    after: float | None, drained: float, suspect: float, steady: float, changed: float
) -> None:
    """No Steering is made while time alone changes nothing, however long that is."""
    table = Overrides()
    table.set("us-east", Override(OverrideKind.DRAIN, "ops", "test", NOW, NOW + 1800))
    doubted = Verdict(State.SUSPECT, None, "test", 900.0, State.SUSPECT, probed_at=NOW)
    changing = Verdict(State.UP, NOW - 7, "test", math.inf, State.UP)
    snapshot = snapshot_of(
        ZONE,
        CONFIG,
        verdicts={"us-west-1": doubted, "ap-northeast-1": changing},
        overrides=table,
        shares={("near", "eu-west"): Share(0.1, steady=600.0)},
    )
    now = None if after is None else NOW + after
    found = explain("near.inference.example", parse_prefix("9.9.9.0/24"), snapshot, now=now)
    told = {candidate.region: candidate.status for candidate in found.candidates}
    assert told["us-east"].min_until_flip == drained
    assert told["us-west"].min_until_flip == told["us-west"].answer_min_until_flip == suspect
    assert told["eu-west"].steady == steady
    assert told["eu-west"].min_until_flip == math.inf
    assert told["eu-west"].since_change is None
    assert told["ap-northeast"].since_change == changed
    assert told["ap-northeast"].answer_since_change == changed
