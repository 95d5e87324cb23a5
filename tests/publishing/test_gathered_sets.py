"""Which files are published, which are left out and said to be, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.config import CHAT, config_text
from harness.server import HEAD

from resolverd.errors import ProblemsError
from resolverd.files.reading import Reads
from resolverd.publishing.gather import Gathered, check_set, gather
from resolverd.publishing.losses import lay_out, losses_of
from resolverd.snapshot.inputs import Inputs, load_inputs

ZONE = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a configuration of another name, a fragment, and a zone that includes."""
    made = tmp_path / "dns"
    for name in ("zones/more", "central.d"):
        (made / name).mkdir(parents=True)
    (made / "central.toml").write_text(config_text())
    (made / "central.d/pins.toml").write_text(
        '[pin.p]\nsubnets = ["192.0.2.0/24"]\nregions = ["eu-west"]\n'
    )
    (made / "zones/a.zone").write_text(f"{ZONE}$INCLUDE more/hosts\n")
    (made / "zones/more/hosts").write_text("www A 192.0.2.80\n")
    return made


async def loaded(folder: Path) -> tuple[Inputs, dict[str, bytes]]:
    reads = Reads()
    inputs = await load_inputs(folder / "central.toml", reads=reads)
    return inputs, reads.take_contents()


async def gathered(folder: Path) -> Gathered:
    return gather(*await loaded(folder))


async def refused(folder: Path) -> list[str]:
    with pytest.raises(ProblemsError) as error:
        await gathered(folder)
    return [problem.id for problem in error.value.problems]


async def test_a_set_is_the_configuration_its_fragments_and_its_zones(folder: Path) -> None:
    files = (await gathered(folder)).files
    assert sorted(files) == [
        "resolverd.d/pins.toml",
        "resolverd.toml",
        "zones/a.zone",
        "zones/more/hosts",
    ]
    assert files["resolverd.toml"] == (folder / "central.toml").read_bytes()


async def test_what_is_each_edges_own_is_left_out_and_said(folder: Path) -> None:
    (folder / "token").write_text("a token")
    (folder / "rtt.csv").write_text("where,region,ms,count,age\n")
    probe = '[probe]\ncredential = "token"\n'
    text = config_text().replace("[probe]\n", probe) + '[rtt]\nfiles = ["rtt.csv"]\n'
    (folder / "central.toml").write_text(text)
    found = await gathered(folder)
    assert {"token", "rtt.csv"}.isdisjoint(found.files)
    said = "\n".join(found.left_out)
    own = "[server], [admin]: each edge's own"
    assert all(part in said for part in (own, "token: a credential", "rtt.csv: round-trip"))


@pytest.mark.parametrize(
    ("server", "probe", "more", "id_"),
    [
        ('zones = ["{folder}/zones/*.zone"]', "", "", "publish-outside"),
        ('zones = ["../dns/zones/*.zone"]', "", "", "publish-outside"),
        ("", 'headers = {{ Authorization = "Bearer abcdef" }}', "", "publish-secret"),
        (
            "",
            "",
            '[fleet]\nurls = ["nats://user:password@nats.example:4222"]\n',
            "publish-secret",
        ),
    ],
)
async def test_what_an_edge_could_not_have_or_should_not_is_refused(
    folder: Path, server: str, probe: str, more: str, id_: str
) -> None:
    (folder / "central.toml").write_text(
        config_text(CHAT + more, server=server.format(folder=folder), probe=probe.format())
    )
    assert id_ in await refused(folder)


async def test_a_file_outside_the_directory_is_refused(folder: Path) -> None:
    (folder.parent / "hosts").write_text("www A 192.0.2.80\n")
    (folder / "zones/a.zone").write_text(f"{ZONE}$INCLUDE ../../hosts\n")
    assert await refused(folder) == ["publish-outside"]


async def test_a_zone_that_names_a_file_by_its_place_here_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "zones/a.zone").write_text(f"{ZONE}$INCLUDE {folder}/zones/more/hosts\n")
    inputs, contents = await loaded(folder)
    there = tmp_path / "edge"
    lay_out(gather(inputs, contents).files, there)
    with pytest.raises(ProblemsError, match="publish-outside"):
        check_set(there, inputs)


async def test_a_set_that_stands_alone_passes(folder: Path, tmp_path: Path) -> None:
    inputs, contents = await loaded(folder)
    lay_out(gather(inputs, contents).files, tmp_path / "edge")
    check_set(tmp_path / "edge", inputs)


@pytest.mark.parametrize(
    ("config", "zone", "lost"),
    [
        (config_text(), ZONE, {"lost-pin"}),  # the fragment is gone
        (
            config_text(CHAT.replace(', "ap-northeast"', "")),
            ZONE,
            {"lost-region", "lost-pin"},
        ),
    ],
)
async def test_what_a_set_loses_of_the_one_that_is_served_is_found_before_it_is_published(
    folder: Path, config: str, zone: str, lost: set[str]
) -> None:
    before = (await gathered(folder)).files
    assert losses_of(before, (await loaded(folder))[0]) == []
    (folder / "central.d/pins.toml").unlink()
    (folder / "central.toml").write_text(config)
    (folder / "zones/a.zone").write_text(zone)
    found = losses_of(before, (await loaded(folder))[0])
    assert {problem.id for problem in found} == lost
    assert all("--yes" in problem.hint for problem in found)
    assert {Path(problem.file).parent for problem in found} == {folder}


async def test_zones_and_names_that_go_are_losses_too(folder: Path) -> None:
    names = "".join(f"n{number} A 192.0.2.80\n" for number in range(20))
    (folder / "zones/a.zone").write_text(ZONE + names)
    (folder / "zones/b.zone").write_text(f"$ORIGIN b.example.\n{HEAD}")
    before = (await gathered(folder)).files
    (folder / "zones/a.zone").write_text(ZONE)
    (folder / "zones/b.zone").unlink()
    found = losses_of(before, (await loaded(folder))[0])
    assert {problem.id for problem in found} == {"lost-names", "lost-zone"}


async def test_a_zone_that_goes_and_leaves_its_names_to_one_without_their_pins_is_a_loss(
    folder: Path,
) -> None:
    """Whatever share of the zones may go."""
    text = config_text().replace("[server]\n", "[server]\nhold_zones = 1.0\n")
    (folder / "central.toml").write_text(text)
    (folder / "zones/a.zone").write_text(f"{ZONE}* A 192.0.2.80\n")
    inner = folder / "zones/inner.zone"
    inner.write_text(f"$ORIGIN inner.inference.example.\n{HEAD}@ DYNA chat\n")
    before = (await gathered(folder)).files
    inner.unlink()
    found = losses_of(before, (await loaded(folder))[0])
    assert {problem.id for problem in found} == {"lost-pin"}


async def test_a_served_set_that_cannot_be_read_any_more_has_no_losses(folder: Path) -> None:
    before = {**(await gathered(folder)).files, "resolverd.toml": b"[an option of long ago]\n"}
    assert losses_of(before, (await loaded(folder))[0]) == []
