"""An image made with what is kept of the one before says what one says that is made anew."""

from __future__ import annotations

import struct

from harness.config import config_text
from harness.server import HEAD, snapshot_of
from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.codes import AAAA, A
from resolverd.dns.writer import RRsetWire
from resolverd.engine.image import steering_image
from resolverd.engine.states_kept import KeptStates
from resolverd.policy.decision import RegionStatus
from resolverd.policy.share import Positions
from resolverd.snapshot.model import Plan, RegionRecords, Steering

SERVICES = """
[service.one]
regions = ["us-east", "us-west", "eu-west"]
[service.two]
regions = ["eu-west", "us-east"]
ttl = "7s"
"""
PLAN = snapshot_of(f"$ORIGIN x.example.\n{HEAD}one 300 DYNA one\n", config_text(SERVICES)).plan
_HEAD, _STATE = struct.Struct("<8sQ8I"), struct.Struct("<4d6I2H6B")
_NONE = 0xFFFFFFFF


def _rrset(rtype: int, *addresses: bytes) -> RRsetWire:
    return RRsetWire(rtype, 0, tuple((address,) for address in addresses))


ALIAS = RRsetWire(5, 0, ((b"\x01b\x07example\x00",),))
STATUSES = [
    RegionStatus(True),
    RegionStatus(True, spill_off=True),
    RegionStatus(True, since_change=3.0),
    RegionStatus(False, min_until_flip=2.0, alive=True),
    RegionStatus(True, spill_ratio=0.5, positions=Positions((0.25, 0.75), {7: 0.1})),
    RegionStatus(True, spill_ratio=0.5, positions=Positions((0.5, 0.5))),
]
RECORDS = [
    RegionRecords(_rrset(A, b"\xc0\x00\x02\x01"), None, None),
    RegionRecords(_rrset(A, b"\xc0\0\2\2", b"\xc0\0\2\3"), _rrset(AAAA, b"\x20" * 16), None),
    RegionRecords(None, None, ALIAS),
    RegionRecords(None, _rrset(AAAA, b"\x20" * 16), None, None, 30),
    RegionRecords(_rrset(A, *(bytes([10, 0, 0, n]) for n in range(100))), None, None),
]  # fmt: skip
PLACES = [(name, region) for name, service in PLAN.services.items() for region in service.regions]
WORLDS = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.sampled_from(RECORDS)),
    min_size=len(PLACES),
    max_size=len(PLACES),
)


def steering(world: list[tuple[RegionStatus, RegionRecords]], staleness: float) -> Steering:
    """One in which each region of each service stands so."""
    statuses: dict[str, dict[str, RegionStatus]] = {name: {} for name in PLAN.services}
    records: dict[str, dict[str, RegionRecords]] = {name: {} for name in PLAN.services}
    for (name, region), (status, given_out) in zip(PLACES, world, strict=True):
        statuses[name][region], records[name][region] = status, given_out
    return Steering(1, 0.0, staleness, True, statuses, records, {})


def said(image: bytes, plan: Plan) -> list[tuple[object, ...]]:
    """What an image says of each region of each service, whatever order its octets are in."""
    _, _, states, services, entries, positions, bins, heavy, _, pool_octets = _HEAD.unpack_from(
        image
    )
    at = _HEAD.size
    known = [_STATE.unpack_from(image, at + n * _STATE.size) for n in range(states)]
    at += states * _STATE.size
    counts = struct.unpack_from(f"<{services}I", image, at)
    assert counts == tuple(len(service.regions) for service in plan.services.values())
    numbers = struct.unpack_from(f"<{entries}I", image, at + 4 * services)
    at += 4 * (services + entries)
    sizes = [struct.unpack_from("<2I", image, at + 8 * n) for n in range(positions)]
    draws = struct.unpack_from(f"<{bins}d", image, at + 8 * positions)
    at += 8 * positions + 8 * bins
    blocks = [struct.unpack_from("<Qd", image, at + 16 * n) for n in range(heavy)]
    pool = image[len(image) - pool_octets :]
    assert at + 16 * heavy == len(image) - pool_octets
    found = []
    for number in numbers:
        *plain, a, aaaa, cname, a_ttl, aaaa_ttl, weighed, a_count, aaaa_count = known[number][:12]
        v4, v6 = pool[a : a + 4 * a_count], pool[aaaa : aaaa + 16 * aaaa_count]
        name = None if cname == _NONE else pool[cname : pool.index(0, cname)]
        placed: object = None
        if weighed != _NONE:
            first = [sum(size[part] for size in sizes[:weighed]) for part in (0, 1)]
            bins_here, heavy_here = sizes[weighed]
            placed = draws[first[0] :][:bins_here], blocks[first[1] :][:heavy_here]
        found.append((*plain, v4, v6, name, a_ttl, aaaa_ttl, placed, *known[number][12:]))
    return found


@given(st.lists(st.tuples(WORLDS, st.sampled_from([1.0, 1.0, 1.0, 2.0])), max_size=30))
def test_what_is_kept_makes_no_difference(
    worlds: list[tuple[list[tuple[RegionStatus, RegionRecords]], float]],
) -> None:
    kept = KeptStates()
    for world, staleness in worlds:
        made = steering(world, staleness)
        assert said(steering_image(made, PLAN, kept), PLAN) == said(
            steering_image(made, PLAN), PLAN
        )


def test_a_state_of_which_nothing_changed_is_not_made_again() -> None:
    kept = KeptStates()
    world = [(STATUSES[0], RECORDS[0])] * len(PLACES)
    steering_image(steering(world, 1.0), PLAN, kept)
    octets = len(kept.pool.octets)
    world[0] = STATUSES[2], RECORDS[1]
    steering_image(steering(world, 1.0), PLAN, kept)
    assert len(kept.pool.octets) == octets + 4 + 4 + 16


def test_what_nobody_points_to_does_not_pile_up() -> None:
    """Addresses of a hostname that move with each look-up would fill the memory else."""
    kept, sizes = KeptStates(), []
    for number in range(1000):
        addresses = (struct.pack(">I", number * 100 + n) for n in range(100))
        fresh = RegionRecords(_rrset(A, *addresses), None, None)
        image = steering_image(steering([(STATUSES[0], fresh)] * len(PLACES), 1.0), PLAN, kept)
        sizes.append(len(image))
    assert max(sizes) < 10_000
