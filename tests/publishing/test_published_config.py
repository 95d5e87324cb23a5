"""An edge's configuration: its own file, and the rest from the set that its fleet published."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import LoadedConfig, load_config
from resolverd.config.published import add_published, fleet_of, published_fleet
from resolverd.config.sources import Sources
from resolverd.errors import ConfigError
from resolverd.files.reading import Reads
from resolverd.publishing.disk import GenerationFiles, OnDisk
from resolverd.snapshot.inputs import load_inputs

OWN = """\
[server]
coordinates = [50.1, 8.7]
state = "state"
nsid = "the edge's own"
[admin]
socket = ""
listen = ""
[fleet]
urls = ["nats://127.0.0.1:4222"]
configuration = "published"
"""
SET = {
    "resolverd.toml": b"""\
[server]
coordinates = [0.0, 0.0]
nsid = "the publisher's own"
zones = ["z/*.zone"]
[fleet]
urls = ["nats://elsewhere.example:4222"]
[region.a]
coordinates = [39.0, -77.5]
[[region.a.endpoint]]
address = ["192.0.2.10"]
url = "http://192.0.2.10:8000"
[service.chat]
regions = ["a"]
""",
    "resolverd.d/pins.toml": b'[pin.p]\nsubnets = ["192.0.2.0/24"]\nregions = ["a"]\n',
    "z/a.zone": b"$ORIGIN a.example.\n$TTL 60\n@ SOA ns1 h 1 3600 900 604800 300\n@ NS ns1\n"
    b"ns1 A 192.0.2.53\nchat 60 DYNA chat\n",
}


@pytest.fixture
def main(tmp_path: Path) -> Path:
    path = tmp_path / "resolverd.toml"
    path.write_text(OWN)
    return path


def put(folder: Path, files: dict[str, bytes], number: int = 1) -> OnDisk:
    generations = GenerationFiles(folder / "state")
    found = generations.write(number, f"{number:064x}", files)
    generations.switch(found)
    return found


def ids(path: Path) -> dict[str, str]:
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    return {problem.id: str(problem) for problem in refused.value.problems}


def test_the_set_has_the_rest_and_the_edges_own_tables_stay_its_own(main: Path) -> None:
    put(main.parent, SET)
    loaded: LoadedConfig = load_config(main)
    config = loaded.config
    current = main.parent / "state/generations/current"
    assert config.server.nsid == "the edge's own"
    assert config.fleet.urls == ("nats://127.0.0.1:4222",)
    assert (list(config.region), list(config.service), list(config.pin)) == (["a"], ["chat"], ["p"])
    assert config.server.zones == (f"{current}/z/*.zone",)
    assert loaded.files == (
        main,
        current / "resolverd.toml",
        current / "resolverd.d/pins.toml",
        current / "generation.json",
    )


def test_an_edge_may_have_more_of_its_own(main: Path) -> None:
    put(main.parent, SET)
    main.write_text(OWN + '[place.office]\nsubnets = ["198.51.100.0/24"]\ncountry = "DE"\n')
    assert list(load_config(main).config.place) == ["office"]


def test_what_both_say_is_said_twice_and_the_report_names_both_files(main: Path) -> None:
    put(main.parent, SET)
    main.write_text(OWN + "[region.a]\ncoordinates = [1.0, 1.0]\n")
    said = ids(main)["config-said-twice"]
    assert "generations/current/resolverd.toml:8:" in said
    assert f"is set already, at {main}:12" in said


def test_problems_of_the_set_are_those_of_its_files(main: Path) -> None:
    put(main.parent, {**SET, "resolverd.d/pins.toml": b"[pin.p\n"})
    assert "generations/current/resolverd.d/pins.toml:1:" in ids(main)["config-syntax"]


def test_without_a_set_it_says_what_to_do(main: Path) -> None:
    said = ids(main)["config-no-generation"]
    assert f"{main}:10:" in said
    assert "resolverd publish" in said


def test_without_a_state_directory_there_is_nowhere_for_a_set(main: Path) -> None:
    main.write_text(OWN.replace('state = "state"\n', ""))
    assert 'write state = "/var/lib/resolverd"' in ids(main)["config-no-state"]


@pytest.mark.parametrize("zones", ['"zones/*.zone"', "7"])
def test_zones_of_its_own_that_are_no_list_are_said_to_be_none(main: Path, zones: str) -> None:
    put(main.parent, SET)
    main.write_text(OWN.replace("[server]\n", f"[server]\nzones = {zones}\n"))
    found = ids(main)
    assert "has to be a list" in found["config-value"]
    assert not any(check.startswith("zone-") for check in found)


def test_a_local_configuration_has_nothing_to_do_with_sets(main: Path) -> None:
    put(main.parent, SET)
    sources = Sources(main)
    sources.tree = {"server": {"state": "state"}, "fleet": {"configuration": "local"}}
    add_published(sources)
    assert (sources.tree.get("region"), sources.problems) == (None, [])


@pytest.mark.parametrize(
    ("text", "takes", "has"),
    [
        (OWN, True, True),
        (OWN.replace("published", "local"), False, True),
        ("[server]\n", False, True),
        (OWN.replace('"nats://', '"http://'), False, False),
        ("\ufeff" + OWN, True, True),
        (OWN + "[region.a]\ncoordinates = \n", False, True),
        ("[fleet\n", False, False),
        ("[server]\na = \n" + OWN, False, False),
        ("[fleet]\nurls = [nats://a:4222]\n", False, False),
        ("[fleet]\nurls = \n", False, False),
        ('[fleet]\nname = "fra1"\nurls = ["nats://a:4222"\n', False, False),
        ('[fleet]\nurls = ["nats://a:4222"\n[server]\n', False, False),
        (OWN + "credentials = \n", False, False),
        (OWN + "[probe]\nkind = \n", False, True),
    ],
)
def test_the_fleet_is_known_before_the_configuration_is_loaded(
    main: Path, text: str, takes: bool, has: bool
) -> None:
    main.write_text(text)
    assert (published_fleet(main) is not None) is takes
    assert (fleet_of(main) is not None) is has


def test_a_name_on_the_command_line_is_no_fleet_where_the_servers_stand_below_a_mistake(
    main: Path,
) -> None:
    main.write_text("[server]\na = \n" + OWN)
    name, urls = ("fleet.name", "fra1"), ("fleet.urls", ["nats://127.0.0.1:4222"])
    assert fleet_of(main, [name]) is None
    fleet = fleet_of(main, [name, urls])
    assert fleet is not None
    assert (fleet.name, len(fleet.urls)) == ("fra1", 1)


def test_no_edge_joins_its_fleet_by_a_file_that_is_not_utf_8(main: Path) -> None:
    main.write_bytes(f"# Zürich\n{OWN}".encode("latin-1"))
    assert "config-unreadable" in ids(main)
    assert published_fleet(main) is None
    assert fleet_of(main) is None


def test_a_fleet_in_a_fragment_is_nobodys_and_not_none(main: Path) -> None:
    main.write_text("[server]\ncoordinates = [50.1, 8.7]\n")
    put_fragment(main, '[fleet]\nurls = ["nats://127.0.0.1:4222"]\n')
    assert "config-fragment-table" in ids(main)
    assert fleet_of(main) is None
    assert fleet_of(main, [("fleet.name", "fra1")]) is None
    main.write_text(OWN.replace("published", "local"))
    fleet = fleet_of(main)
    assert fleet is not None
    assert fleet.urls == ("nats://127.0.0.1:4222",)


def put_fragment(main: Path, text: str) -> None:
    main.with_suffix(".d").mkdir()
    (main.with_suffix(".d") / "more.toml").write_text(text)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
async def test_a_set_that_is_not_the_current_one_can_be_loaded_as_if_it_were(
    main: Path, mark: str
) -> None:
    """What `check` would say after the switch, and not a file of the current set is read."""
    put(main.parent, SET)
    generations = GenerationFiles(main.parent / "state")
    zone = SET["z/a.zone"].replace(b"a.example", b"b.example")
    other = {**SET, "z/a.zone": b"", "z/b.zone": zone}
    other["resolverd.toml"] = mark.encode() + SET["resolverd.toml"]
    del other["z/a.zone"], other["resolverd.d/pins.toml"]
    found = generations.write(2, f"{2:064x}", other)
    replayed = Reads(replay=generations.replay(found, main.parent))
    inputs = await load_inputs(main, reads=replayed)
    assert [str(origin) for origin in inputs.zones] == ["b.example."]
    assert not inputs.config.pin
    generations.switch(found)
    on_disk = await load_inputs(main)
    assert on_disk.files == inputs.files
    assert on_disk.config == inputs.config
    assert {p: s.content for p, s in on_disk.reads.seen.items()} == {
        p: s.content for p, s in replayed.seen.items()
    }
