"""Compiled maps kept over restarts: the very same map, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness.trials import trials
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, Value, mmdb_bytes

from resolverd.abi.library import why_not
from resolverd.abi.map import Geography, NativeMap, Region
from resolverd.dns.prefix import Prefix
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator, Provenance
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule
from resolverd.snapshot import kept_maps
from resolverd.snapshot.clientmap import Ranking
from resolverd.snapshot.compiledmap import CompiledClientMap, _geography
from resolverd.snapshot.kept_maps import DIRECTORY, KeptMaps, key_of

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

CITIES = {"us": ("US", 39.0, -77.5), "ie": ("IE", 53.3, -6.3), "jp": ("JP", 35.7, 139.7)}
REGIONS = {name: (latitude, longitude) for name, (_, latitude, longitude) in CITIES.items()}
EDGE = Place(50.0, 8.0, None, None, "edge")
GEOGRAPHY = Geography(
    policy="nearest",
    block_v4=24,
    block_v6=48,
    edge=(50.0, 8.0),
    regions=[Region(*point, 1, n) for n, point in enumerate(REGIONS.values())],
    pins=[[0], [1, 2]],
    subnets=[(Prefix(32, 10 << 24, 9), 0)],
    countries=[("JP", 1)],
    continents=[],
    biases=[(1.0, 0.0)] * len(REGIONS),
)
NETWORKS = {"10.0.0.0/9": "us", "10.128.0.0/10": "ie", "11.0.0.0/8": "jp", "2001:db8::/33": "ie"}


def database(networks: dict[str, str] | None = None) -> Database:
    records: dict[str, Record] = {}
    for network, city in (networks or NETWORKS).items():
        code, latitude, longitude = CITIES[city]
        point: dict[str, Value] = {"latitude": latitude, "longitude": longitude}
        records[network] = {"country": {"iso_code": code}, "location": point}
    return Database.of(mmdb_bytes(records, "GeoLite2-City", ip_version=6), "it")


def compiled(geography: Geography, opened: Database) -> NativeMap:
    with opened.lend() as content:
        return NativeMap([(content, opened.place_index())], geography)


def client_map(kept: KeptMaps, networks: dict[str, str] | None = None) -> CompiledClientMap:
    ranked = Ranking("nearest", tuple(REGIONS), REGIONS, dict.fromkeys(REGIONS, 1), 24, 48)
    pins = GeoPins({"JP": PinRule("jp", frozenset({"jp"}))}, {})
    locator = Locator([(Provenance(Path("it"), None), database(networks))])
    return CompiledClientMap(ranked, [], pins, locator, EDGE, kept=kept)


def keep(kept: KeptMaps, *maps: CompiledClientMap) -> None:
    kept.keep({one.key: one.native for one in maps if one.key is not None})


def alike(one: NativeMap, other: NativeMap) -> None:
    assert (one.lists, one.leaves) == (other.lists, other.leaves)
    for top in range(0, 1 << 12, 29):
        for length in (0, 3, 8, 12, 20, 32):
            client = Prefix(32, top << 20, 32).widened(length)
            assert one.lookup(client) == other.lookup(client)
    for top in range(0, 1 << 8, 5):
        for length in (0, 20, 33, 40, 128):
            client = Prefix(128, 0x2001_0DB8 << 96 | top << 88, 128).widened(length)
            assert one.lookup(client) == other.lookup(client)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Geography, dict[str, str]]:
    cities = st.sampled_from(list(CITIES))
    tops = draw(st.lists(st.integers(0, 255), min_size=1, max_size=12, unique=True))
    networks = {f"{top}.0.0.0/8": draw(cities) for top in tops}
    networks |= {f"2001:db8:{top:x}00::/40": draw(cities) for top in tops}
    numbers = st.integers(0, len(REGIONS) - 1)
    pins = draw(st.lists(st.lists(numbers, unique=True, max_size=3), max_size=3))
    changed: dict[str, Any] = {
        "policy": draw(st.sampled_from(["nearest", "failover", "weighted"])),
        "pins": pins,
        "subnets": [(Prefix(32, tops[0] << 24, 8), 0)] if pins else [],
        "countries": [("US", len(pins) - 1)] if pins else [],
        "unplaced": draw(st.sampled_from([None, 0])) if pins else None,
    }
    return GEOGRAPHY._replace(**changed), networks


@given(worlds())
@settings(max_examples=trials(40, 1000))
def test_maps_of_one_walk_are_those_of_a_walk_each(
    world: tuple[Geography, dict[str, str]],
) -> None:
    geography, networks = world
    shared = database(networks)
    shared.expect_maps()
    unpinned = geography._replace(pins=[], subnets=[], countries=[], unplaced=None)
    turned = unpinned._replace(policy="nearest", regions=list(reversed(geography.regions)))
    for one in (unpinned, geography, turned, geography, unpinned):
        alone = compiled(one, database(networks)).saved()
        assert compiled(one, shared).saved() == alone
    shared.rest()


@given(worlds())
@settings(max_examples=trials(40, 3000))
def test_what_is_restored_is_what_was_compiled(world: tuple[Geography, dict[str, str]]) -> None:
    geography, networks = world
    made = compiled(geography, database(networks))
    saved = bytes(made.saved())
    restored = NativeMap.restored(saved, geography)
    assert restored is not None
    alike(made, restored)
    assert restored.saved() == saved


@given(st.data())
@settings(max_examples=trials(200, 20_000))
def test_damaged_octets_give_a_map_that_answers_or_none(data: st.DataObject) -> None:
    saved = bytearray(compiled(GEOGRAPHY, database()).saved())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(saved) - 1))
        match data.draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                saved[at] = data.draw(st.integers(0, 255))
            case "cut":
                del saved[at:]
            case "put":
                saved[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        if not saved:
            break
    restored = NativeMap.restored(bytes(saved), GEOGRAPHY)
    if restored is not None:
        for top in range(256):
            found = restored.lookup(Prefix(32, top << 24, 32))
            assert {*found.preference} <= {*range(len(REGIONS)), 255}
            restored.lookup(Prefix(32, top << 24, 4))
            restored.lookup(Prefix(128, top << 120, 128))


def test_octets_of_another_geography_with_fewer_regions_are_refused() -> None:
    fewer = GEOGRAPHY._replace(
        regions=GEOGRAPHY.regions[:1], pins=[[0]], biases=[(1.0, 0.0)], countries=[]
    )
    assert NativeMap.restored(bytes(compiled(GEOGRAPHY, database()).saved()), fewer) is None


def test_a_start_takes_the_map_that_was_kept(tmp_path: Path) -> None:
    kept = KeptMaps(tmp_path)
    first = client_map(kept)
    assert not first.was_kept
    keep(kept, first)
    second = client_map(kept)
    assert second.was_kept
    alike(first.native, second.native)


def test_other_databases_or_another_geography_are_another_map(tmp_path: Path) -> None:
    kept = KeptMaps(tmp_path)
    keep(kept, client_map(kept))
    assert not client_map(kept, NETWORKS | {"12.0.0.0/8": "us"}).was_kept
    keys = {
        key_of(digests, geography)
        for digests in (["a"], ["b"], ["a", "b"], ["b", "a"])
        for geography in (GEOGRAPHY, GEOGRAPHY._replace(block_v4=20))
    }
    assert len(keys) == 8


def test_another_library_compiles_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptMaps(tmp_path)
    keep(kept, client_map(kept))
    monkeypatch.setattr(kept_maps, "_library", lambda: b"another")
    assert not client_map(kept).was_kept


def test_only_the_maps_in_use_are_kept(tmp_path: Path) -> None:
    kept = KeptMaps(tmp_path)
    before, after = client_map(kept), client_map(kept, NETWORKS | {"12.0.0.0/8": "us"})
    keep(kept, before)
    keep(kept, before, after)
    assert len(list((tmp_path / DIRECTORY).iterdir())) == 2
    keep(kept, after)
    assert [path.stem for path in (tmp_path / DIRECTORY).iterdir()] == [after.key]


@pytest.mark.parametrize("damage", ["flip", "swap", "cut", "empty"])
def test_a_damaged_file_is_compiled_anew(tmp_path: Path, damage: str) -> None:
    kept = KeptMaps(tmp_path)
    first = client_map(kept)
    keep(kept, first)
    (path,) = (tmp_path / DIRECTORY).iterdir()
    whole = path.read_bytes()
    path.write_bytes(
        {
            "flip": whole[:-1] + bytes([whole[-1] ^ 1]),
            "swap": _as_good_a_map(whole, first),
            "cut": whole[:-6],
            "empty": b"",
        }[damage]
    )
    again = client_map(kept)
    assert not again.was_kept
    alike(first.native, again.native)
    keep(kept, again)
    assert client_map(KeptMaps(tmp_path)).was_kept, "the damage is no start's any more"


def _as_good_a_map(whole: bytes, made: CompiledClientMap) -> bytes:
    """Two octets swapped so that all but their digest passes, and clients get other answers."""
    geography = _geography(made.source, made._rules)
    clients = [Prefix(32, top << 22, 32) for top in range(1 << 10)]
    answers = [made.native.lookup(client) for client in clients]
    digest, saved = whole[:32], whole[32:]
    for at in range(len(saved) - 1):
        swapped = saved[:at] + saved[at + 1 : at + 2] + saved[at : at + 1] + saved[at + 2 :]
        other = NativeMap.restored(swapped, geography)
        if other is not None and [other.lookup(client) for client in clients] != answers:
            return digest + swapped
    pytest.fail("each two are seen by what reads them")


def test_where_nothing_can_be_written_a_start_compiles(tmp_path: Path) -> None:
    (tmp_path / DIRECTORY).write_text("no directory")
    kept = KeptMaps(tmp_path)
    keep(kept, client_map(kept))
    assert not client_map(kept).was_kept
    nowhere = KeptMaps(None)
    keep(nowhere, client_map(nowhere))
    assert not client_map(nowhere).was_kept
