"""What a Steering makes of endpoints whose addresses are those of a hostname."""

from __future__ import annotations

import pytest
from harness.config import config_text
from harness.server import HEAD, NOW, UP, snapshot_of

from resolverd.dns.sizes import MAX_ADDRESSES
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED, Resolved
from resolverd.health.verdict import State
from resolverd.snapshot.model import Steering
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

SERVICES = """
[region.named]
coordinates = [50.0, 8.0]
[[region.named.endpoint]]
hostname = "GPU.example."
url = "http://192.0.2.1"
[service.one]
regions = ["named", "us-west"]
policy = "failover"
ttl = "60s"
failover_ttl = "5s"
"""
PLAN = snapshot_of(f"$ORIGIN inference.example.\n{HEAD}one DYNA one\n", config_text(SERVICES)).plan
GONE = Resolved(known=True, changed=NOW - 1, reason="gpu.example.: NXDOMAIN")


def steered(resolved: Resolved) -> Steering:
    def known(hostname: str) -> Resolved:
        assert hostname == "gpu.example."
        return resolved

    verdicts = dict.fromkeys(("named-1", "us-west-1"), UP)
    return steer(1, PLAN, World(verdicts, Overrides(), known), NOW)


@pytest.mark.parametrize(
    ("left", "ttl"),
    [(300.0, 299), (5.0, 4), (2.0, 1), (1.0, 1), (0.0, 1)],
)
def test_an_answer_is_kept_no_longer_than_the_source_allows(left: float, ttl: int) -> None:
    steering = steered(Resolved(("192.0.2.9",), (), NOW + left, NOW + 100, known=True))
    records = steering.records["one"]["named"]
    assert (records.a_ttl, records.aaaa_ttl) == (ttl, 99)
    assert steering.settled == (left > 61)
    assert steering.due <= NOW + max(0.0, left - 60)


def test_no_more_addresses_are_given_than_any_answer_has_room_for() -> None:
    """A look-up may bring more, and all of them would be truncated over TCP too."""
    many = tuple(f"10.1.{n // 256}.{n % 256}" for n in range(4_000))
    records = steered(Resolved(many, (), known=True)).records["one"]["named"]
    assert records.a is not None
    assert len(records.a.rdatas) == MAX_ADDRESSES[4]


def test_written_addresses_have_no_such_limit() -> None:
    records = steered(GONE).records["one"]["us-west"]
    assert (records.a_ttl, records.aaaa_ttl) == (None, None)


@pytest.mark.parametrize(("resolved", "state"), [(GONE, "down"), (UNRESOLVED, "unknown")])
def test_an_endpoint_without_an_address_does_not_serve(resolved: Resolved, state: str) -> None:
    steering = steered(resolved)
    judged = steering.regions["named"].verdict
    assert judged.state is State(state)
    assert judged.reason == resolved.reason
    assert judged.measured is State(state)
    assert not steering.statuses["one"]["named"].serves
    assert steering.statuses["one"]["us-west"].serves


def test_a_name_that_has_addresses_again_has_just_changed() -> None:
    steering = steered(Resolved(("192.0.2.9",), known=True, changed=NOW - 7))
    assert steering.statuses["one"]["named"].since_change == 7
    assert not steering.settled
