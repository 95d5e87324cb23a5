"""Zones that come by DNS transfer: Knot DNS as docs/fleet.md has it, between a primary and us."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest
from harness.daemon import endpoints, running, write_files
from harness.programs import free_port, output, program
from harness.waiting import until_holds

ROOT = Path(__file__).parents[2]
SECRET = "c2VjcmV0IG9mIDMyIG9jdGV0cywgYXMgdHNpZy1rZXlnZW4="
TIMEOUT = 60.0
PRIMARY = """\
server:
    rundir: {folder}
    listen: 127.0.0.1@{port}
database:
    storage: {folder}/db
key:
  - id: edges
    algorithm: hmac-sha256
    secret: "{secret}"
remote:
  - id: edge
    address: 127.0.0.1@{edge}
    key: edges
acl:
  - id: transfers
    key: edges
    action: transfer
zone:
  - domain: inference.example
    file: {folder}/primary.zone
    semantic-checks: off
    notify: edge
    acl: transfers
"""
ZONE = """\
$ORIGIN inference.example.
$TTL 3600
@ SOA ns1 hostmaster {serial} 3600 900 604800 300
@ NS ns1
ns1 A 192.0.2.53
chat 60 TYPE65348 \\# 5 04 63686174
"""


def documented(replaced: dict[str, str]) -> str:
    """The secondary's configuration on the page, with what differs between hosts replaced."""
    page = (ROOT / "docs" / "fleet.md").read_text()
    found = re.search(r'^```yaml title="knot\.conf"\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)
    assert found is not None
    text = found[1]
    for here, there in replaced.items():
        assert text.count(here) == 1, here
        text = text.replace(here, there)
    return text


@contextmanager
def knotd(folder: Path, config: str) -> Iterator[None]:
    """Knot DNS in the foreground; ended afterwards."""
    (folder / "db").mkdir(parents=True)
    (folder / "knot.conf").write_text(config)
    with (folder / "log").open("wb") as said:
        process = subprocess.Popen(
            [program("knotd"), "-c", str(folder / "knot.conf")], stdout=said, stderr=said
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(TIMEOUT)


@pytest.fixture
def primary(tmp_path: Path) -> Path:
    folder = tmp_path / "primary"
    folder.mkdir()
    (folder / "primary.zone").write_text(ZONE.format(serial=7))
    return folder


async def test_a_zone_that_changes_at_the_primary_is_served_seconds_later(
    tmp_path: Path, primary: Path
) -> None:
    zones, secondary = tmp_path / "zones", tmp_path / "secondary"
    zones.mkdir()
    ports = free_port(), free_port()
    config = documented(
        {
            "/run/knot": str(secondary),
            "198.51.100.10@5300": f"127.0.0.1@{ports[1]}",
            "/var/lib/knot": str(secondary / "db"),
            "192.0.2.53@53": f"127.0.0.1@{ports[0]}",
            "/var/lib/resolverd-zones": str(zones),
        }
    )
    serves = PRIMARY.format(folder=primary, port=ports[0], edge=ports[1], secret=SECRET)
    with knotd(primary, serves), knotd(secondary, config):
        transferred = zones / "inference.example.zone"
        await until_holds(transferred.exists, within=TIMEOUT)
        async with endpoints() as served:
            path = write_files(tmp_path, {}, served)
            path.write_text(path.read_text().replace('["*.zone"]', f'["{zones}/*.zone"]'))
            async with running(path) as daemon:
                where, port = daemon.bound[0].address, daemon.bound[0].port

                async def serial() -> int:
                    question = dns.message.make_query("inference.example", "SOA")
                    response = await dns.asyncquery.udp(question, where, port=port, timeout=5)
                    return int(response.answer[0][0].serial)

                async def is_new() -> bool:
                    return await serial() == 8

                assert await serial() == 7
                question = dns.message.make_query("chat.inference.example", "A")
                response = await dns.asyncquery.udp(question, where, port=port, timeout=5)
                assert str(response.answer[0][0]) == "192.0.2.30"
                (primary / "primary.zone").write_text(ZONE.format(serial=8))
                await output("knotc", "-s", str(primary / "knot.sock"), "zone-reload")
                await until_holds(is_new, within=TIMEOUT)
    assert transferred.stat().st_mode & 0o777 == 0o660  # what the page says
