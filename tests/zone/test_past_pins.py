"""No record hands a pinned client what its pin keeps from it, unless `check` says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.model import Config
from resolverd.snapshot.fences import withheld_by_pins
from resolverd.zone.loader import load_zones

ZONE = """\
$ORIGIN k.example.
$TTL 3600
@ SOA ns1 host 1 3600 900 604800 300
  NS ns1
ns1 A 203.0.113.53
chat 60 DYNA chat
{line}
"""
CONFIG = {
    "server": {"coordinates": [1, 2]},
    "region": {
        "a": {
            "coordinates": [1, 2],
            "endpoint": [{"address": ["192.0.2.10"], "url": "http://192.0.2.1"}],
        },
        "b": {
            "coordinates": [1, 2],
            "hostname": "b.net.example",
            "endpoint": [{"address": ["192.0.2.20", "2001:db8::20"], "url": "http://192.0.2.1"}],
        },
    },
    "service": {"chat": {"regions": ["a", "b"]}},
    "pin": {"eu": {"countries": ["DE"], "regions": ["a"]}},
}
SERVICES = {"chat": "address"}


def ids(folder: Path, line: str, **changes: object) -> list[tuple[str, str, int]]:
    (folder / "k.zone").write_text(ZONE.format(line=line))
    withheld = withheld_by_pins(Config.model_validate({**CONFIG, **changes}))
    _, problems = load_zones(["k.zone"], folder, services={"chat": "address"}, withheld=withheld)
    return [(p.id, p.severity, p.line) for p in problems]


@pytest.mark.parametrize(
    "line",
    [
        "chat HTTPS 1 . ipv4hint=192.0.2.20",
        "chat HTTPS 1 . ipv4hint=192.0.2.10,192.0.2.20",
        "chat SVCB 1 . ipv6hint=2001:db8::20",
        "chat HTTPS 1 . ipv4hint=203.0.113.9",
        r"chat TYPE65 \# 11 0001 00 0004 0004 c0000214",
    ],
)
def test_a_hint_beside_a_fenced_dyna_is_an_error(tmp_path: Path, line: str) -> None:
    assert ids(tmp_path, line) == [("zone-pin-hint", "error", 7)]
    assert ids(tmp_path, line, pin={}) == []


@pytest.mark.parametrize(
    "line",
    [
        "us A 192.0.2.20",
        "* A 192.0.2.20",
        "us AAAA 2001:db8::20",
        "us AAAA ::ffff:192.0.2.20",
        "us AAAA 64:ff9b::192.0.2.20",
        "us HTTPS 1 . ipv4hint=192.0.2.20",
        "us HTTPS 1 b.net.example.",
        "us HTTPS 0 b.net.example.",
        "us CNAME b.net.example.",
        "us CNAME B.NET.example.",
        "us DNAME net.example.",
        "_x._tcp SRV 0 0 443 b.net.example.",
        '_x._tcp URI 1 1 "https://192.0.2.20/"',
        '_x._tcp URI 1 1 "https://b.net.example/"',
        "us MX 1 b.net.example.",
        "us IPSECKEY 1 1 2 192.0.2.20 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
    ],
)
def test_a_static_way_to_a_kept_region_is_warned_of(tmp_path: Path, line: str) -> None:
    assert ids(tmp_path, line) == [("zone-past-pin", "warning", 7)]
    assert ids(tmp_path, line, pin={}) == []


@pytest.mark.parametrize(
    "target",
    ["http://a..b/", f"http://{'a' * 64}.test/", "http://[fe80::1%25eth0]/", "http://[::1/", "a:b"],
)
def test_a_uri_whose_host_is_no_name_leads_nowhere(tmp_path: Path, target: str) -> None:
    assert ids(tmp_path, f'_x._tcp URI 1 1 "{target}"') == []


def test_regions_behind_an_edge_service_are_held_to_its_pins(tmp_path: Path) -> None:
    edge, core = {"regions": ["a"], "core": "large"}, {"regions": ["b"]}
    services = {"chat": edge, "large": core}
    alone = {"chat": {**edge, "core_fallback": False}, "large": core}
    pin = {"eu": {"countries": ["DE"], "regions": ["a"], "services": ["chat"]}}
    lines = {
        "us A 192.0.2.20": "zone-past-pin",
        "chat HTTPS 1 . ipv4hint=192.0.2.20": "zone-pin-hint",
    }
    for line, found in lines.items():
        assert [id_ for id_, *_ in ids(tmp_path, line, service=services, pin=pin)] == [found]
        assert ids(tmp_path, line, service=alone, pin=pin) == []


def test_an_address_of_this_networks_own_nat64_is_the_ipv4_address_inside_it(
    tmp_path: Path,
) -> None:
    line = "us AAAA 2001:db8:64:c000:2:1400::"
    server = {"coordinates": [1, 2], "nat64": ["2001:db8:64::/48"]}
    assert ids(tmp_path, line, server=server) == [("zone-past-pin", "warning", 7)]
    assert ids(tmp_path, line) == []


@pytest.mark.parametrize(
    "line",
    [
        "chat HTTPS 1 . alpn=h2",
        "chat HTTPS 1 . ipv4hint=192.0.2.10",
        "eu A 192.0.2.10",
        "www CNAME chat",
        "us A 192.0.2.21",
        "us DNAME b.net.example.",
        "us CNAME a.net.example.",
    ],
)
def test_what_every_client_may_have_is_none_of_it(tmp_path: Path, line: str) -> None:
    assert ids(tmp_path, line) == []
