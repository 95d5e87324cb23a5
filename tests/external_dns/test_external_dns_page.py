"""docs/external-dns.md: its zone can be served, and its arguments are those of the verb."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from cli.cli_place import SERVER
from cli.command import ROOT, resolverd
from external_dns.controller import ExternalDns, endpoint
from external_dns.provider_process import FRAGMENT, running
from harness.config import config_text

from resolverd.cli import parser

PAGE = (ROOT / "docs" / "external-dns.md").read_text()
(ZONE,) = re.findall(r"```zone\n(.*?)```", PAGE, re.DOTALL)
(POD,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SPEC: dict[str, Any] = yaml.safe_load(POD)["spec"]  # type: ignore[no-untyped-call]
CONTAINERS: list[dict[str, Any]] = SPEC["containers"]


def _arguments(name: str) -> list[str]:
    return next(container["args"] for container in CONTAINERS if container["name"] == name)


def test_the_arguments_of_the_page_are_the_verb_s() -> None:
    given = _arguments("resolverd")
    parsed = parser(given).parse_args(given)
    assert [zone.to_text() for zone in parsed.zones] == ["inference.example."]
    assert str(parsed.listen) == "127.0.0.1:8888", "where external-dns asks"
    assert parsed.outputs[0].name in ZONE


def test_the_image_s_account_may_write_the_volume_of_the_page() -> None:
    account = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert account == [(str(SPEC["securityContext"]["fsGroup"]),) * 2]


def test_the_zone_of_the_page_takes_all_names_by_the_page_s_prefix(place: Path) -> None:
    (place / "city.mmdb").unlink()
    (place / "resolverd.toml").write_text(
        config_text(server=SERVER.replace('geoip = ["city.mmdb"]\n', ""))
    )
    (place / "zones" / "inference.zone").write_text(ZONE)
    options = dict(option.removeprefix("--").split("=", 1) for option in _arguments("external-dns"))
    wanted = [
        endpoint("inference.example", "A", "192.0.2.3"),
        endpoint("*.apps.inference.example", "A", "192.0.2.4"),
    ]
    with running(place) as provider:
        controller = ExternalDns(
            provider.url,
            owner=options["txt-owner-id"],
            prefix=options["txt-prefix"],
            wildcard=options["txt-wildcard-replacement"],
        )
        answer = controller.sync(wanted)[1]
        assert answer is not None
        assert answer.status == 204, answer.body
        assert controller.sync(wanted)[1] is None
    assert "a-owner.any.apps.inference.example." in (place / FRAGMENT).read_text()
    checked = resolverd("check", cwd=place)
    assert checked.status == 0, checked.err
