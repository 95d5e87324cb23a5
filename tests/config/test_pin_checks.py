"""Pins are compared as they are looked up, against all who claim the same clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resolverd.config.fences import describe, fences
from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.errors import ConfigError, Problem

BASE = """\
[server]
coordinates = [50.1, 8.7]
[region.a]
coordinates = [1, 2]
endpoint = [{address = ["192.0.2.10", "2001:db8::10"], url = "http://192.0.2.1"}]
[region.b]
coordinates = [3, 4]
endpoint = [{address = ["192.0.2.20"], url = "http://192.0.2.1"}]
[service.s0]
regions = ["a", "b"]
[service.s1]
regions = ["a", "b"]
"""


def problems(tmp_path: Path, pins: str) -> tuple[Problem, ...]:
    """What `check` says of these pins, and not of what else is in the configuration."""
    path = tmp_path / "resolverd.toml"
    path.write_text(BASE + pins)
    try:
        found = load_config(path).warnings
    except ConfigError as refused:
        found = refused.problems
    return tuple(problem for problem in found if problem.id.startswith("config-pin"))


def pin(name: str, region: str, claim: str, service: str = "") -> str:
    services = f'services = ["{service}"]\n' if service else ""
    return f'[pin.{name}]\nregions = ["{region}"]\n{claim}\n{services}'


def subnets(*networks: str) -> str:
    return f"subnets = {list(networks)}".replace("'", '"')


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (subnets("10.0.0.0/8"), subnets("10.0.0.0/8")),
        (subnets("10.0.0.0/8"), subnets("2002:a00::/24")),
        (subnets("10.0.0.0/8"), subnets("::ffff:10.0.0.0/104")),
        (subnets("10.0.0.0/8"), subnets("64:ff9b::10.0.0.0/104")),
        (subnets("64:ff9b::10.0.0.0/104"), subnets("2002:a00::/24")),
        (subnets("192.0.2.1/32"), subnets("2001:0:1:2:3:4:3fff:fdfe/128")),
        ('countries = ["DE"]', 'countries = ["DE"]'),
        ('continents = ["EU"]', 'continents = ["EU"]'),
        ('places = ["office"]', 'places = ["office"]'),
        ("asn = [64500]", "asn = [64500]"),
        ('groups = ["EU"]', 'groups = ["EEA"]'),
        ("unplaced = true", "unplaced = true"),
        ("default = true", "default = true"),
    ],
)
def test_no_pin_takes_the_clients_of_an_earlier_one_however_many_stand_between(
    tmp_path: Path, first: str, last: str
) -> None:
    text = pin("x", "a", first, "s0") + pin("y", "b", first, "s1")
    assert "config-pin-overlap" not in {p.id for p in problems(tmp_path, text)}
    found = problems(tmp_path, text + pin("z", "b", last, "s0"))
    overlaps = [p for p in found if p.id == "config-pin-overlap"]
    assert [p.severity for p in overlaps] == ["error"]
    assert "pinned by x already" in overlaps[0].message


@pytest.mark.parametrize(
    "network",
    ["2002::/16", "2001::/32", "2001:0:1:2::/64", "64:ff9b::/96", "::/96", "::ffff:0:0/96"],
)
def test_a_pin_inside_what_carries_ipv4_that_tells_no_ipv4_network_is_refused(
    tmp_path: Path, network: str
) -> None:
    (found,) = problems(tmp_path, pin("x", "a", subnets(network)))
    assert (found.id, found.severity) == ("config-pin-embedded", "error")
    assert "write the IPv4 network" in found.hint


@pytest.mark.parametrize("network", ["::/0", "::/56", "2000::/3", "2001::/16", "64:ff9b::/32"])
def test_a_pin_over_what_carries_ipv4_is_refused_unless_it_has_ipv4_too(
    tmp_path: Path, network: str
) -> None:
    (found,) = problems(tmp_path, pin("x", "a", subnets(network)))
    assert (found.id, found.severity) == ("config-pin-embedded", "error")
    assert "0.0.0.0/0" in found.hint
    assert problems(tmp_path, pin("x", "a", subnets(network, "0.0.0.0/0"))) == ()


def test_a_mapped_network_is_as_narrow_as_the_ipv4_one(tmp_path: Path) -> None:
    assert problems(tmp_path, pin("x", "a", subnets("::ffff:11.0.0.0/120"))) == ()
    (found,) = problems(tmp_path, pin("x", "a", subnets("::ffff:11.0.0.0/121")))
    assert (found.id, found.hint) == ("config-pin-narrow", 'write "11.0.0.0/24" if you can')


def test_a_service_that_gives_away_what_a_pin_keeps_is_warned_of(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, pin("x", "a", 'countries = ["DE"]', "s0"))
    assert (found.id, found.severity) == ("config-pin-bypassed", "warning")
    assert "not among them: s1; s1 gives everybody the addresses of b," in found.message
    assert problems(tmp_path, pin("x", "a", 'countries = ["DE"]')) == ()


def test_each_fence_tells_how_many_regions_may_fail() -> None:
    region: dict[str, Any] = {"coordinates": [1, 2]}
    config = Config.model_validate(
        {
            "server": {"coordinates": [1, 2]},
            "region": dict.fromkeys("abc", region),
            "service": {"s": {"regions": ["a", "b"]}},
            "pin": {
                "one": {"countries": ["DE"], "regions": ["b"]},
                "none": {"countries": ["FR"], "regions": ["c"]},
            },
        }
    )
    assert [describe(fence) for fence in fences(config)] == [
        "s, no pin: 1 of 2 regions may fail",
        "s, pin one: one region (b): no failover within this fence",
        "s, pin none: no region: these clients get no address",
    ]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('["a"]', '["aa"]', "config-unknown-region"),
        ('services = ["s0"]', 'services = ["s00"]', "config-unknown-service"),
        ('[service.s0]\nregions = ["a", "b"]', '[service.s0]\nregions = ["aa"]', ""),
    ],
)
def test_of_a_misspelt_name_that_alone_is_said(
    tmp_path: Path, old: str, new: str, error: str
) -> None:
    text = BASE.replace('[service.s1]\nregions = ["a", "b"]\n', "")
    text += pin("p", "a", 'countries = ["IE"]', "s0")
    assert old in text
    path = tmp_path / "resolverd.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    about = ("config-pin", "config-unknown")
    found = [p.id for p in refused.value.problems if p.id.startswith(about)]
    assert found == [error or "config-unknown-region"]


def test_weights_of_the_region_that_is_meant_are_no_second_finding(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    text = BASE.replace('["a", "b"]', '["a", "bb"]', 1)
    path.write_text(
        text.replace("[service.s1]", 'policy = "weighted"\nweights = { b = 2 }\n[service.s1]')
    )
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    found = [p.hint for p in refused.value.problems if p.severity == "error"]
    assert found == ["did you mean b?"]
