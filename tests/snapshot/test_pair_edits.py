"""Edits of pairs of services: what is held, refused or warned of, and how a new Plan is asked."""

from __future__ import annotations

from pathlib import Path

import dns.name
import pytest
from harness.config import address_of, config_text
from harness.places import TableLocator
from harness.server import HEAD, Server, load_text_config, snapshot_of

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.config.tiers import answers
from resolverd.errors import PlanError
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.losses import config_losses, zone_losses
from resolverd.snapshot.maps import MapMaker, edge_of, maps_to_keep
from resolverd.snapshot.model import Plan
from resolverd.snapshot.use_checks import check_use
from resolverd.snapshot.verify import verify
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone

SERVICES = """
[service.chat]
regions = ["us-east", "us-west"]
[service.free]
regions = ["us-east", "us-west"]
[service.edge]
regions = ["eu-west", "ap-northeast"]
core = "chat"
[pin.p]
subnets = ["10.0.0.0/8"]
regions = ["us-east", "eu-west"]
services = ["chat", "edge"]
"""
ZONE = f"{HEAD}core.edge 60 DYNA edge/core\nedge 60 DYNA edge\n"


def configured(services: str = SERVICES) -> Config:
    return load_text_config(config_text(services))


def zone(tmp_path: Path, records: str, config: Config) -> Zone:
    (tmp_path / "z.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}{records}")
    zones, problems = load_zones(["*.zone"], tmp_path, services=answers(config))
    assert problems == []
    return zones[dns.name.from_text("inference.example.")]


def test_another_core_without_the_pins_of_the_first_is_a_loss() -> None:
    """Whoever asks for the alias would leave them, though no zone has changed."""
    before, after = configured(), configured(SERVICES.replace('core = "chat"', 'core = "free"'))
    losses = config_losses(before, after, Path("resolverd.toml"))
    assert [loss.id for loss in losses] == ["lost-pin"]
    assert 'clients of "edge/core" whom the pin "p" holds' in losses[0].message
    assert config_losses(before, before, Path("resolverd.toml")) == []


def test_another_core_that_hears_no_client_subnets_is_a_loss() -> None:
    services = SERVICES.replace('services = ["chat",', 'services = ["deaf", "chat",')
    deaf = '[service.deaf]\nregions = ["us-east", "us-west"]\necs = false\n'
    before = configured(f"{services}{deaf}")
    after = configured(f"{services}{deaf}".replace('core = "chat"', 'core = "deaf"'))
    losses = config_losses(before, after, Path("resolverd.toml"))
    assert [loss.id for loss in losses] == ["lost-pin"]
    assert 'clients of "edge/core" whose resolvers send their subnet' in losses[0].message
    assert config_losses(after, before, Path("resolverd.toml")) == []


def test_the_core_itself_in_place_of_its_alias_keeps_the_pins(tmp_path: Path) -> None:
    config = configured()
    alias = zone(tmp_path, "a 60 DYNA edge/core\n", config)
    itself = zone(tmp_path, "a 60 DYNA chat\n", config)
    free = zone(tmp_path, "a 60 DYNA free\n", config)
    assert zone_losses(alias, itself, config, config) == []
    assert zone_losses(itself, alias, config, config) == []
    assert [loss.id for loss in zone_losses(alias, free, config, config)] == ["lost-pin"]


def test_an_alias_of_no_pair_is_an_unknown_service(tmp_path: Path) -> None:
    (tmp_path / "z.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}a 60 DYNA egde/core\n")
    config = configured()
    _, problems = load_zones(["*.zone"], tmp_path, services=answers(config))
    (found,) = [one for one in problems if one.id == "zone-dyna-unknown-service"]
    assert found.hint == 'did you mean "edge/core"?'


@pytest.mark.parametrize(
    ("records", "fallback", "unused"),
    [
        ("a DYNA edge\nf DYNA free\n", "", []),
        ("a DYNA edge\nf DYNA free\n", "core_fallback = false\n", ["chat"]),
        ("a DYNA edge\nb DYNA edge/core\nf DYNA free\n", "core_fallback = false\n", []),
        ("b DYNA edge/core\nf DYNA free\n", "", ["edge"]),
    ],
)
def test_a_core_is_used_by_its_alias_and_by_fallback(
    tmp_path: Path, records: str, fallback: str, unused: list[str]
) -> None:
    config = configured(SERVICES.replace('core = "chat"\n', f'core = "chat"\n{fallback}'))
    found = check_use(config, [zone(tmp_path, records, config)])
    assert [finding.path[1] for finding in found] == unused


def test_a_sound_pair_passes_the_plans_own_check() -> None:
    for compiled in (False, True):
        served = Server(
            snapshot_of({"inference.example.": ZONE}, config_text(SERVICES), compiled=compiled)
        )
        verify(served.snapshot, served.send)


def test_the_plans_own_check_tells_of_a_core_that_is_not_the_nearest() -> None:
    served = Server(snapshot_of({"inference.example.": ZONE}, config_text(SERVICES)))
    east, west = (
        bytes(map(int, address_of(region).split("."))) for region in ("us-east", "us-west")
    )
    with pytest.raises(PlanError, match=r"core\.edge.*which serves and is preferred"):
        verify(served.snapshot, lambda *asked: served.send(*asked).replace(east, west))


def test_a_map_of_what_the_edge_allows_is_taken_over_where_it_is_right() -> None:
    """Pins of the edge alone need one of their own; it is made once."""
    config = configured(SERVICES.replace('"chat", "edge"', '"edge"'))
    locator, targets = TableLocator({}), probe_targets(config)
    first = compile_services(config, targets, MapMaker(locator, edge_of(config)))
    fenced = first["edge"].core and first["edge"].core.fenced
    assert fenced
    assert fenced is not first["chat"].clients
    again = MapMaker(locator, edge_of(config), previous=Plan(1, {}, first, b"", 1232))
    second = compile_services(config, targets, again)["edge"].core
    assert second is not None
    assert second.fenced is fenced


@pytest.mark.skipif(why_not() is not None, reason="the native library is not built")
def test_a_map_of_what_the_edge_allows_is_kept_over_restarts_too() -> None:
    services = SERVICES.replace('"chat", "edge"', '"edge"')
    plan = snapshot_of({"inference.example.": ZONE}, config_text(services), compiled=True).plan
    core = plan.services["edge"].core
    assert core is not None
    assert isinstance(core.fenced, CompiledClientMap)
    assert core.fenced.key in maps_to_keep(plan)


def test_pins_of_both_services_need_no_map_of_their_own() -> None:
    plan = snapshot_of({"inference.example.": ZONE}, config_text(SERVICES)).plan
    core = plan.services["edge"].core
    assert core is not None
    assert core.fenced is None
