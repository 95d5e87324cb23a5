"""The native engine's tables: images that are refused in words, and counters that outlive them."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Any

import pytest
from differential.fuzz_image import FOLDER, SameForAll, images
from harness.config import config_text
from harness.native import Native
from harness.places import database_locator
from harness.server import HEAD, snapshot_of

from resolverd.abi.library import why_not
from resolverd.abi.tables import PlanTables, SnapshotTables
from resolverd.dns.names import key_from_text
from resolverd.dns.writer import RRsetWire
from resolverd.engine import epochs_records, records
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.counters import Counters
from resolverd.engine.image import plan_image, steering_image
from resolverd.engine.records import NONE
from resolverd.errors import EngineError
from resolverd.policy.decision import RegionStatus
from resolverd.policy.share import Positions, Share
from resolverd.policy.sticky import COHORTS, Epochs, Segment, SegmentShare
from resolverd.snapshot.model import Node, Plan, RegionRecords, Snapshot, Steering, ZonePlan

pytestmark = pytest.mark.skipif(
    why_not() is not None, reason=f"the native engine is not tested: {why_not()}"
)

NOTHING = Steering(1, 0.0, 1.0, True, {}, {}, {})


@pytest.fixture(scope="module")
def plan() -> Plan:
    """One zone and no services."""
    return replace(snapshot_of({"example.": HEAD}).plan, services={})


def test_sound_images_load_and_answer_themselves(plan: Plan) -> None:
    """The self-check asks the library for the SOA of the first zone."""
    native = Native()
    native.publish(Snapshot(plan, NOTHING))
    native.self_check()
    assert native.counters() == Counters()


def test_a_plan_without_zones_has_nothing_to_check() -> None:
    """As in `resolverd.engine.selfcheck`."""
    native = Native()
    native.publish(Snapshot(Plan(1, {}, {}, b"", 1232), NOTHING))
    native.self_check()


def _damaged(plan: Plan) -> dict[str, tuple[bytes, str]]:
    image = plan_image(plan, CounterSlots()).octets
    return {
        "empty": (b"", "no image, or one of another version"),
        "version": (image[:7] + b"\1" + image[8:], "no image, or one of another version"),
        "cut": (image[:-1], "ends too early"),
        "long": (image + b"\0", "goes on after its end"),
        "head": (image[:20], "ends too early"),
        "counts": (image[:28] + b"\xff" * 8 + image[36:], "ends too early"),
        "maps": (image[:52] + struct.pack("<I", 1) + image[56:], ""),
    }


@pytest.mark.parametrize("kind", ["empty", "version", "cut", "long", "head", "counts", "maps"])
def test_an_unsound_plan_is_refused_in_words(plan: Plan, kind: str) -> None:
    """Never trusted, whoever made it."""
    image, reason = _damaged(plan)[kind]
    with pytest.raises(EngineError, match=f"the native engine refuses the plan: .*{reason}"):
        PlanTables(image, ())


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ({"example.": {}, "Example.": {}}, "not lowered"),
        ({"other.": {}, "example.": {}}, "lies outside its zone"),
        ({"a.example.": {}}, "has no apex"),
        ({"example.": {5: ((b"\0",),)}}, "alias leads nowhere"),
        ({"example.": {39: ((b"\1",),)}}, "alias leads nowhere"),
        ({"example.": {1: ()}}, "not the records"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(
    nodes: dict[str, dict[int, tuple[tuple[bytes, ...], ...]]], reason: str
) -> None:
    """What no zone file can say, an image could."""
    apex = key_from_text("example.")
    soa = RRsetWire(6, 3600, ((b"\2ns\0", b"\0", bytes(20)),))
    held = {
        (name.encode() if name == "Example." else key_from_text(name)): Node(
            {rtype: RRsetWire(rtype, 60, rdatas) for rtype, rdatas in rrsets.items()}
        )
        for name, rrsets in nodes.items()
    }
    if "Example." in nodes:
        held = {apex: Node(), b"\7Example\0": Node()}
    plan = Plan(1, {apex: ZonePlan(apex, soa, 300, held)}, {}, b"", 1232)
    image = plan_image(plan, CounterSlots())
    with pytest.raises(EngineError, match=reason):
        PlanTables(image.octets, image.maps)


def test_a_steering_of_another_plan_is_refused(plan: Plan) -> None:
    """A Snapshot is a pair that belongs together."""
    tables = PlanTables(plan_image(plan, CounterSlots()).octets, ())
    sound = steering_image(NOTHING, plan)
    SnapshotTables(tables, sound)
    other = sound[:20] + struct.pack("<I", 1) + sound[24:] + struct.pack("<I", 3)
    for image in (other, sound[:-1], sound + b"\0", b"\0" + sound[1:], b""):
        with pytest.raises(EngineError, match="the native engine refuses the steering"):
            SnapshotTables(tables, image)


def _weighed(positions: Positions) -> tuple[Plan, bytes]:
    """A Plan, and the image of a Steering with these positions."""
    snapshot = snapshot_of(
        {"example.": f"{HEAD}chat DYNA chat\n"},
        config_text('[service.chat]\nregions = ["us-east", "us-west"]\n'),
        locator=database_locator({}),
        shares={("chat", "us-east"): Share(0.5, positions=positions)},
        compiled=True,
    )
    return snapshot.plan, steering_image(snapshot.steering, snapshot.plan)


def test_positions_that_are_not_sound_are_refused() -> None:
    """Each index and each order that a look-up relies on."""
    heavy = [struct.pack("<Qd", word, word / 8) for word in (1, 2)]
    plan, sound = _weighed(Positions((0.5, 0.75), {1: 1 / 8, 2: 2 / 8}))
    image = plan_image(plan, CounterSlots())
    tables = PlanTables(image.octets, image.maps)
    SnapshotTables(tables, sound)
    counts = struct.pack("<2Id", 2, 2, 0.5)  # with the first bin behind
    assert sound.count(counts) == 1
    for damaged, reason in (
        (sound.replace(b"".join(heavy), heavy[1] + heavy[0]), "not in order"),
        (sound.replace(heavy[1], heavy[0]), "not in order"),
        (sound.replace(counts, struct.pack("<2Id", 2, 1, 0.5)), "of no positions"),
        (sound.replace(counts, struct.pack("<2Id", 1, 2, 0.5)), "of no positions"),
        (sound.replace(counts, struct.pack("<2Id", 3, 2, 0.5)), "no bins"),
        (sound.replace(counts, struct.pack("<2Id", 2, 3, 0.5)), "missing"),
        (_weighed(Positions(()))[1], "no bins"),
        (sound.replace(heavy[1][8:], struct.pack("<d", math.nan)), "is none"),
        (_without_positions(sound), "positions that are not there"),
    ):
        assert damaged != sound
        with pytest.raises(EngineError, match=f"refuses the steering: .*{reason}"):
            SnapshotTables(tables, damaged)


def test_what_blocks_may_keep_is_refused_where_it_is_not_sound() -> None:
    """Each index, each count and each order that a look-up relies on."""
    plan, _ = _weighed(Positions((0.5,)))
    image = plan_image(plan, CounterSlots())
    tables = PlanTables(image.octets, image.maps)
    statuses = {"us-east": RegionStatus(True), "us-west": RegionStatus(True)}
    share = SegmentShare(0.25, 0.0)
    segments = (
        Segment(1.0, frozenset(statuses), {"us-east": share, "us-west": share}),
        Segment(2.0, frozenset(statuses), {}),
    )
    ends = tuple(float(n) for n in range(COHORTS))
    epochs = Epochs(segments, (0,) * COHORTS, ends, ends, frozenset())
    records = RegionRecords(None, None, None)
    given = {"chat": dict.fromkeys(statuses, records)}

    def octets(**parts: Any) -> bytes:
        made = replace(epochs, **parts)
        steering = Steering(1, 0.0, 0.0, True, {"chat": statuses}, given, {}, epochs={"chat": made})
        return steering_image(steering, plan)

    sound = octets()
    SnapshotTables(tables, sound)
    head = epochs_records.epochs(service=0, segments=2, earlier=0, shares=2)
    row: dict[str, Any] = {
        "spill_ratio": 0.25,
        "accept_ratio": 0.0,
        "positions": NONE,
        "segment": 0,
        "region": 0,
        "spill_off": False,
    }
    own = epochs_records.segment_share(**row)
    for damaged, reason in (
        (sound.replace(head, struct.pack("<4I", 1, 2, 0, 2)), "not there"),
        (sound.replace(head, struct.pack("<4I", 0, 2, 2, 2)), "too many segments, or none"),
        (sound.replace(own, epochs_records.segment_share(**row | {"region": 1})), "out of order"),
        (sound.replace(own, epochs_records.segment_share(**row | {"region": 2})), "not there"),
        (sound.replace(own, epochs_records.segment_share(**row | {"segment": 2})), "not there"),
        (sound.replace(own, epochs_records.segment_share(**row | {"positions": 0})), "not there"),
        (octets(starts=(2,) * COHORTS), "began in a segment that is not there"),
    ):
        assert damaged != sound
        with pytest.raises(EngineError, match=f"refuses the steering: .*{reason}"):
            SnapshotTables(tables, damaged)


def _without_positions(image: bytes) -> bytes:
    """The image with its state's positions as they are, and none in their section."""
    head = records.steering_head(
        generation=1,
        states=0,
        services=0,
        entries=0,
        positions=0,
        bins=0,
        heavy=0,
        epochs=0,
        pool=0,
    )
    at = len(head) - 20
    size = struct.calcsize("<2I2d") + 2 * 16
    begin = image.index(struct.pack("<2I2d", 2, 2, 0.5, 0.75))
    cut = image[:begin] + image[begin + size :]
    return cut[:at] + struct.pack("<3I", 0, 0, 0) + cut[at + 12 :]


def test_a_map_that_is_not_native_is_refused() -> None:
    """The lazy map asks its databases as clients come, which no packet path does."""
    services = '[service.chat]\nregions = ["us-east"]\n'
    lazy = snapshot_of({"example.": HEAD}, config_text(services)).plan
    with pytest.raises(EngineError, match="service chat is not a native one"):
        plan_image(lazy, CounterSlots())
    chat = replace(lazy.services["chat"], clients=SameForAll())
    with pytest.raises(EngineError, match="service chat has other regions"):
        plan_image(replace(lazy, services={"chat": chat}), CounterSlots())


def test_slots_are_kept_for_the_life_of_the_process() -> None:
    """A service that comes back, counts where it counted."""
    slots = CounterSlots()
    first = slots.service("a"), slots.region("a", "x"), slots.pin("p")
    assert slots.service("b") not in first
    assert slots.region("b", "x") not in first
    assert (slots.service("a"), slots.region("a", "x"), slots.pin("p")) == first


def test_slots_run_out_with_an_error() -> None:
    """Counting in another's slot would be worse than refusing to publish."""
    slots = CounterSlots(range(1024, 1024 + 32))
    slots.service("a")
    slots.region("a", "x")
    with pytest.raises(EngineError, match="no counters left"):
        slots.service("b")
    assert slots.pin("p") < 1056


def test_the_fuzzers_images_are_those_of_the_zones() -> None:
    """Else run: python -m differential.fuzz_image, in tests/."""
    files = [*FOLDER.glob("*.image"), *FOLDER.glob("*.hex")]
    assert {file.name: file.read_bytes() for file in files} == images()
