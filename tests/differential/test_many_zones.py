"""Ten thousand zones: each is answered, by both engines alike, and a fault is one zone's."""

from __future__ import annotations

from pathlib import Path

import pytest
from differential.agreement import Engines
from differential.packets import Case
from harness.messages import query
from harness.places import LONDON, database_locator
from harness.server import UP, load_text_config

from resolverd.abi.library import why_not
from resolverd.config.targets import probe_targets
from resolverd.config.tiers import answers
from resolverd.dns.codes import A
from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.errors import errors_among
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.snapshot.answers import answered
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer
from resolverd.zone.loader import Rules, ZoneFile, load_zone_files

COUNT, BROKEN = 10_000, 4_711
CONFIG = """
[server]
coordinates = [50.1, 8.7]
[admin]
socket = ""
listen = ""
[region.eu]
coordinates = [50.0, 8.0]
endpoint = [{ address = ["198.18.0.1"], url = "http://198.18.0.1" }]
[service.chat]
regions = ["eu"]
"""


def _zone(number: int) -> str:
    broken = "www A 192.0.2.256\n" if number == BROKEN else ""
    return (
        f"$ORIGIN z{number:05}.example.\n$TTL 60\n"
        "@ SOA ns1 hostmaster 1 3600 900 604800 300\n@ NS ns1\n"
        f"ns1 A 192.0.2.53\nwww A 10.0.{number >> 8}.{number & 255}\nchat DYNA chat\n{broken}"
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[ZoneFile]:
    here = tmp_path_factory.mktemp("zones")
    for number in range(COUNT):
        Path(here, f"z{number:05}.example.zone").write_text(_zone(number))
    config = load_text_config(CONFIG)
    found, problems = load_zone_files(["*.zone"], here, Rules(answers(config)), {})
    assert not problems
    return found


def test_a_fault_in_one_of_ten_thousand_zones_is_named_and_the_others_are_there(
    files: list[ZoneFile],
) -> None:
    assert len(files) == COUNT
    without = [file for file in files if file.zone is None]
    assert [file.path.name for file in without] == [f"z{BROKEN:05}.example.zone"]
    [fault] = errors_among(without[0].problems)
    assert (fault.id, fault.line) == ("zone-bad-rdata", 8)
    assert not [problem for file in files if file.zone for problem in file.problems]


def _snapshot(files: list[ZoneFile], *, compiled: bool) -> Snapshot:
    config = load_text_config(CONFIG)
    targets = probe_targets(config)
    zones = [file.zone for file in files if file.zone]
    locator = database_locator({"10.0.0.0/8": LONDON})
    plan = compile_plan(1, config, zones, locator, targets, compiled=compiled)
    world = World(dict.fromkeys(targets.by_id, UP), Overrides(), lambda _: UNRESOLVED)
    return Snapshot(plan, steer(1, plan, world, 0.0))


def test_each_of_ten_thousand_zones_is_answered(files: list[ZoneFile]) -> None:
    snapshot = _snapshot(files, compiled=False)
    for number in range(COUNT):
        packet = query(f"www.z{number:05}.example.")
        response = respond(packet, "10.0.0.1", snapshot, Counters(), tcp=False)
        assert response is not None
        refused = response[3] & 15 == 5
        assert refused == (number == BROKEN)
        if not refused:
            assert answered(response, A) == {bytes((10, 0, number >> 8, number & 255))}


@pytest.mark.skipif(why_not() is not None, reason="the native engine is not tested")
def test_both_engines_answer_ten_thousand_zones_alike(files: list[ZoneFile]) -> None:
    snapshot = _snapshot(files, compiled=True)
    engines = Engines(snapshot.plan)
    engines.steer(snapshot.steering)
    names = ("www", "WWW", "chat", "ns1", "absent", "a.b")
    engines.compare(
        Case(query(f"{names[number % len(names)]}.z{number:05}.example."), "10.0.0.1", tcp=False)
        for number in range(COUNT)
    )
