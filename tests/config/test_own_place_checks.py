"""Own places and NAT64 prefixes: each network is one place's, and is read in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import load_config
from resolverd.errors import ConfigError, Problem
from resolverd.geo.locator import Locator
from resolverd.snapshot.place_checks import check_places

BASE = """\
[region.a]
coordinates = [1, 2]
endpoint = [{address = ["192.0.2.10"], url = "http://192.0.2.1"}]
[service.s]
regions = ["a"]
"""


def problems(tmp_path: Path, tables: str, server: str = "") -> list[Problem]:
    """What `check` says of these tables, and not of what else is in the configuration."""
    path = tmp_path / "resolverd.toml"
    path.write_text(f"[server]\ncoordinates = [50.1, 8.7]\n{server}\n{BASE}{tables}")
    try:
        found = load_config(path).warnings
    except ConfigError as refused:
        found = refused.problems
    return [p for p in found if "place" in p.id or "nat64" in p.id or p.id == "config-value"
            or "pin" in p.id]  # fmt: skip


NAMED = '[pin.p]\nplaces = ["x", "y"]\nregions = ["a"]\n'


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ('subnets = ["10.0.0.0/8"]', 'subnets = ["10.0.0.0/8"]', "10.0.0.0/8"),
        ('subnets = ["10.0.0.0/8"]', 'subnets = ["2002:a00::/24"]', "2002:a00::/24"),
        ('subnets = ["10.0.0.0/8"]', 'subnets = ["2001:db8:a00::/40"]', "2001:db8:a00::/40"),
        ("asn = [64500, 64501]", "asn = [64501]", "AS64501"),
    ],
)
def test_a_network_is_in_one_place_alone(tmp_path: Path, one: str, other: str, shown: str) -> None:
    tables = f"{NAMED}[place.x]\n{one}\n[place.y]\n{other}\n"
    [found] = problems(tmp_path, tables, 'nat64 = ["2001:db8::/32"]')
    assert (found.id, found.severity) == ("config-place-overlap", "error")
    assert found.message == f'{shown} is in the place "x" already'
    assert found.line == 15


def test_a_place_may_lie_in_another(tmp_path: Path) -> None:
    tables = '[place.x]\nsubnets = ["10.0.0.0/8"]\n[place.y]\nsubnets = ["10.0.0.0/9"]\n'
    assert problems(tmp_path, NAMED + tables) == []


@pytest.mark.parametrize(
    ("tables", "check", "hint"),
    [
        ("[place.x]\n", "config-value", 'write subnets = ["198.51.100.0/24"], or asn ='),
        ("[place.x]\nasn = [64500]\n", "config-place-unsaid", "write coordinates = [50.1, 8.7]"),
        (
            '[place.x]\nsubnets = ["2002::/16"]\ncountry = "DE"\n',
            "config-place-embedded",
            "write the IPv4 network",
        ),
        (
            '[place.office]\nsubnets = ["10.0.0.0/8"]\n[pin.p]\nplaces = ["offise", "office"]\n'
            'regions = ["a"]\n',
            "config-unknown-place",
            "did you mean office?",
        ),
        ('[place.x]\nasn = [0]\ncountry = "DE"\n', "config-value", ""),
        ('[place.x]\nasn = ["AS64500"]\ncountry = "DE"\n', "config-value", ""),
    ],
)
def test_a_place_that_is_nobodys_or_says_nothing_is_told(
    tmp_path: Path, tables: str, check: str, hint: str
) -> None:
    [found] = problems(tmp_path, tables)
    assert found.id == check
    assert found.hint.startswith(hint)


@pytest.mark.parametrize(
    ("nat64", "check"),
    [
        ('["2001:db8:64::/96", "2001:db8:65::/48", "64:ff9b:1:2::/64"]', None),
        ('["64:ff9b::/96"]', None),
        ('["64:ff9b:1::/48"]', None),
        ('["2001:db8::/32", "2001:db8:64::/96"]', "config-nat64-overlap"),
        ('["2001:db8::/32", "2001:db8::/32"]', "config-nat64-overlap"),
        ('["64:ff9b::/32"]', "config-nat64-overlap"),
        ('["2002:a00::/32"]', "config-nat64-overlap"),
        ('["2001::/32"]', "config-nat64-overlap"),
        ('["::ffff:0:0/96"]', "config-nat64-overlap"),
        ('["2001:db8:64::/80"]', "config-value"),
        ('["192.0.2.0/24"]', "config-value"),
        ('["2001:db8::ff00:0:0:0/96"]', "config-value"),
    ],
)
def test_a_nat64_prefix_is_read_in_one_way(tmp_path: Path, nat64: str, check: str | None) -> None:
    found = problems(tmp_path, "", f"nat64 = {nat64}")
    assert {problem.id for problem in found} == ({check} if check else set())
    assert {problem.severity for problem in found} <= {"error"}


def test_what_goes_by_autonomous_systems_needs_a_database_of_them(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    tables = '[place.x]\nasn = [64500]\ncountry = "DE"\n[pin.p]\nasn = [64501]\nregions = ["a"]\n'
    path.write_text(f"[server]\ncoordinates = [50.1, 8.7]\n{BASE}{tables}")
    config = load_config(path).config
    found = [(finding.path, finding.check) for finding in check_places(config, Locator.embedded())]
    assert found == [
        (("pin", "p", "asn"), "config-asn-unknown"),
        (("place", "x", "asn"), "config-asn-unknown"),
    ]


def test_a_place_with_its_coordinates_the_wrong_way_round_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    place = '[place.x]\nsubnets = ["10.0.0.0/8"]\ncoordinates = [8.7, 50.1]\ncountry = "DE"\n'
    path.write_text(f"[server]\ncoordinates = [50.1, 8.7]\n{BASE}{place}")
    [finding] = check_places(load_config(path).config, Locator.embedded())
    assert finding.path == ("place", "x", "coordinates")


@pytest.mark.parametrize("prefix", ["::/96", "::ffff:0:0/96", "2001::/32"])
def test_a_network_that_stands_for_ipv4_already_is_not_said_to_contradict_itself(
    tmp_path: Path, prefix: str
) -> None:
    [found] = problems(tmp_path, "", f'nat64 = ["{prefix}"]\n')
    assert found.message.endswith("stands for IPv4 addresses already, and for no NAT64")


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ('[place.x]\nsubnets = ["10.0.0.0/8"]\ncountry = "DE"\n', "known: x"),
        (
            '[place.x]\nsubnets = ["10.0.0.0/8"]\ncountry = "ES"\n[place.z]\nasn = 3\n',
            "known: x, z",
        ),
        ("[place.wrong]\nsubnets = []\n", "known: wrong"),
        ("", "none is declared"),
    ],
)
def test_a_place_that_no_pin_can_mean_is_answered_with_those_that_are_written(
    tmp_path: Path, written: str, hint: str
) -> None:
    found = problems(tmp_path, f'[pin.p]\nplaces = ["harbour"]\nregions = ["a"]\n{written}')
    [unknown] = [problem for problem in found if problem.id == "config-unknown-place"]
    assert unknown.hint == hint


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("EU", 'write the country that it is in, such as "DE"'),
        ("eu", 'write the country that it is in, such as "DE"'),
        ("AP", 'write the country that it is in, such as "JP"'),
        ("YU", 'write "RS" or "ME", once Yugoslavia'),
        ("UK", 'write "GB", the United Kingdom'),
        ("de", 'write country = "DE"'),
    ],
)
def test_one_country_is_not_told_to_be_a_continent_or_several(
    tmp_path: Path, written: str, hint: str
) -> None:
    place = f'[place.x]\nsubnets = ["10.0.0.0/8"]\ncountry = "{written}"\n'
    [found] = problems(tmp_path, place)
    assert found.message.startswith("place.x.country: ")
    assert found.hint == hint
    [server] = problems(tmp_path, "", f'country = "{written}"')
    assert (server.message[:15], server.hint) == ("server.country:", hint)
    [pin] = problems(tmp_path, '[pin.p]\ncountries = ["EU"]\nregions = ["a"]\n')
    assert pin.hint == 'write continents = ["EU"], or the countries one by one'
