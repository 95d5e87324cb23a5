"""Warned of: a service that no DYNA stands for, and a TTL that cannot fall."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import load_config
from resolverd.snapshot.use_checks import check_use
from resolverd.zone.loader import load_zones

CONFIG = """\
[server]
coordinates = [50.1, 8.7]
[region.a]
coordinates = [1, 2]
endpoint = [{address = ["192.0.2.10"], url = "http://192.0.2.10"}]
[service.chat]
regions = ["a"]
[service.embed]
regions = ["a"]
"""
ZONE = "$TTL 60\n@ SOA ns.x. host.x. 1 3600 900 604800 60\n NS ns.x.\n"


@pytest.mark.parametrize(
    ("records", "unused"),
    [
        ("a DYNA chat\n*.b DYNA embed\n", []),
        ("a DYNA chat\n", ["embed"]),
        ("", ["chat", "embed"]),
    ],
)
def test_a_service_without_a_dyna_is_warned_of(
    tmp_path: Path, records: str, unused: list[str]
) -> None:
    (tmp_path / "resolverd.toml").write_text(CONFIG)
    (tmp_path / "z.example.zone").write_text(ZONE + records)
    config = load_config(tmp_path / "resolverd.toml").config
    zones, problems = load_zones(
        ["*.zone"], tmp_path, services={"chat": "address", "embed": "address"}
    )
    assert problems == []
    findings = list(check_use(config, zones.values()))
    assert [finding.path for finding in findings] == [("service", name) for name in unused]
    assert {finding.severity for finding in findings} <= {"warning"}


@pytest.mark.parametrize(
    ("ttls", "failover", "warned"),
    [
        ((60, 60), "5s", None),
        ((5, 60), "5s", None),  # equal: it does not fall, and need not
        ((60, 4), "5s", "b.z.example. has the TTL 4 s"),
        ((3, 4), "5s", "a.z.example. has the TTL 3 s"),
        ((60, 20), "30s", "b.z.example. has the TTL 20 s"),
        ((0, 60), "5s", None),  # zone-dyna-ttl warns
    ],
)
def test_a_failover_ttl_above_a_names_own_ttl_is_warned_of(
    tmp_path: Path, ttls: tuple[int, int], failover: str, warned: str | None
) -> None:
    text = CONFIG.replace('[service.embed]\nregions = ["a"]\n', f'failover_ttl = "{failover}"\n')
    (tmp_path / "resolverd.toml").write_text(text)
    (tmp_path / "z.example.zone").write_text(
        ZONE + f"a {ttls[0]} DYNA chat\nb {ttls[1]} DYNA chat\n"
    )
    config = load_config(tmp_path / "resolverd.toml").config
    zones, _ = load_zones(["*.zone"], tmp_path, services={"chat": "address"})
    found = list(check_use(config, zones.values()))
    assert [finding.check for finding in found] == ["config-failover-ttl-ceiling"] * bool(warned)
    if warned:
        assert found[0].message.startswith(warned)
        assert found[0].severity == "warning"
        assert found[0].path == ("service", "chat", "failover_ttl")
