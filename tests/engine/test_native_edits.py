"""An image made by what an edit changed answers as one made anew, after any edits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.name
import pytest
from harness.trials import trials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolverd.abi.library import why_not
from resolverd.abi.tables import Asker, PlanTables, SnapshotTables
from resolverd.engine import image_kept
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import plan_image, steering_image
from resolverd.snapshot import recompile
from resolverd.snapshot.compile import compile_zone
from resolverd.snapshot.model import Plan, Steering, ZonePlan
from resolverd.zone import loader
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone

pytestmark = pytest.mark.skipif(
    why_not() is not None, reason=f"the native engine is not tested: {why_not()}"
)
HEAD = "$TTL 60\n@ SOA ns1 host %d 1 1 1 300\n@ NS ns1\nns1 A 192.0.2.1\n"
LINES = [
    *(
        f"{name} A 192.0.2.{number}"
        for name in ("a", "b", "*.b", "x.y.c", "ns1")
        for number in (2, 3)
    ),
    "a TXT text",
    "d CNAME a",
    "e MX 1 a",
    "y.c TXT between",
    "f DNAME a",
    "sub NS ns1",
    "sub NS ns.sub",
    "ns.sub A 192.0.2.9",
    "z.sub TXT hidden",
    "z TXT shown",
]
ASKED = ["@", "a", "b", "q.b", "c", "y.c", "x.y.c", "d", "e", "f", "g.f", "ns1", "w.sub", "nothing"]
ASKED += ["sub", "ns.sub", "z.sub", "z"]
ZONES = ("one.example", "sub.one.example")
"""A zone and its child, which are served both: a name may be held by the one, the other or both."""
bodies = st.lists(st.sampled_from(LINES), max_size=10, unique=True)


@pytest.fixture
def kept_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of any size are kept, and most edits added to them."""
    monkeypatch.setattr(image_kept, "LARGE", 0)
    monkeypatch.setattr(image_kept, "_SPARE", 1)
    monkeypatch.setattr(recompile, "PART", 0)
    monkeypatch.setattr(loader, "LARGE", 0)


@settings(
    max_examples=trials(100, 1000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(bodies, bodies), min_size=2, max_size=5))
@pytest.mark.usefixtures("kept_always")
def test_an_image_of_an_edit_answers_as_one_made_anew(
    history: list[tuple[list[str], list[str]]],
) -> None:
    slots = CounterSlots()
    before: list[tuple[Zone, ZonePlan]] = []
    tables: PlanTables | None = None
    kept: image_kept.KeptImage | None = None
    with tempfile.TemporaryDirectory() as folder:
        for serial, texts in enumerate(history, 1):
            zones = list(loaded(Path(folder), serial, texts, [zone for zone, _ in before]))
            made = [
                (zone, compile_zone(zone, before[at] if before else None))
                for at, zone in enumerate(zones)
            ]
            plan = Plan(serial, {p.apex.lower(): p for _, p in made}, {}, b"", 1232)
            image = plan_image(plan, slots, kept)
            before, kept = made, image.kept
            tables = PlanTables(image.octets, image.maps, tables)
            anew = plan_image(plan, slots)
            assert answers(plan, tables) == answers(plan, PlanTables(anew.octets, anew.maps))


def test_an_edit_of_a_name_adds_to_the_image_before_it(tmp_path: Path, kept_always: None) -> None:
    (zone,) = list(loaded(tmp_path, 1, (["a A 192.0.2.2"], []), []))[:1]
    (edited,) = list(loaded(tmp_path, 2, (["a A 192.0.2.3", "new A 192.0.2.4"], []), [zone]))[:1]
    plans = [compile_zone(zone)]
    plans.append(compile_zone(edited, (zone, plans[0])))
    slots, kept, pools = CounterSlots(), None, []
    for plan in plans:
        kept = plan_image(Plan(1, {plan.apex: plan}, {}, b"", 1232), slots, kept).kept
        assert kept is not None
        pools.append(bytes(kept.pool))
    assert pools[1].startswith(pools[0])


def loaded(
    folder: Path, serial: int, texts: tuple[list[str], list[str]], before: list[Zone]
) -> Iterator[Zone]:
    previous = {zone.origin: zone for zone in before}

    for name, lines in zip(ZONES, texts, strict=True):
        path = folder / f"{name}.zone"
        path.write_text(HEAD % serial + "\n".join(lines) + "\n")
        zones, problems = load_zones([path.name], folder, services={}, previous=previous)
        if not zones:  # a contradiction: the head alone
            path.write_text(HEAD % serial)
            zones, problems = load_zones([path.name], folder, services={}, previous=previous)
        assert zones, problems
        yield from zones.values()


def answers(plan: Plan, tables: PlanTables) -> list[bytes | None]:
    nothing = Steering(1, 0.0, 1.0, True, {}, {}, {})
    asker, snapshot = Asker(), SnapshotTables(tables, steering_image(nothing, plan))
    found = []
    for zone in ZONES:
        for name in ASKED:
            qname = dns.name.from_text(name, dns.name.from_text(f"{zone}."))
            for rdtype in ("A", "TXT", "NS", "SOA"):
                query = dns.message.make_query(qname, rdtype, id=7).to_wire()
                found.append(asker.respond(query, bytes(4), snapshot, tcp=True))
    return found
