"""A service that no DYNA stands for is warned of: it is probed, and answers nobody."""

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
