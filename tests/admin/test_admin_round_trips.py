"""What the API, the metrics and `rtt --show` say of the ways that this host's probes measured."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from admin_client import SERVICES, ZONE, AdminClient
from cli.command import Ran, process
from harness.config import REGIONS
from harness.daemon import Endpoints, write_files
from harness.waiting import until_holds

ADMIN = 'socket = "admin.sock"\nlisten = "127.0.0.1:0"\n'


@pytest.fixture
def config(tmp_path: Path, played: Endpoints) -> Path:
    """Regions far away that answer at once, but for eu-west, which stands here."""
    path = write_files(
        tmp_path, {"inference.example.": ZONE}, played, services=SERVICES, admin=ADMIN
    )
    text = path.read_text().replace("[53.3, -6.3]", "[50.1, 8.7]")
    page = f'[region.us-east]\nrtt = ["http://u:secret@127.0.0.1:{played.port}/rtt"]\n'
    path.write_text(text.replace("[region.us-east]\n", page, 1))
    return path


async def test_everybody_may_see_the_way_to_each_region(admin: AdminClient) -> None:
    document = (await admin.ask_http("GET", "/rtt")).json
    assert (document["where"], document["file"]) == ("50.1 8.7", None)
    known = {row["region"]: row for row in document["regions"]}
    assert known.keys() == {*REGIONS}
    assert known["eu-west"]["implausible"] is None
    assert known["eu-west"]["count"] >= 1
    assert "light" in known["us-west"]["implausible"]


async def test_each_region_has_its_least_handshake_among_the_metrics(admin: AdminClient) -> None:
    measured = {
        dict(labels)["region"]: value
        for (name, labels), value in (await admin.samples()).items()
        if name == "resolverd_region_connect_seconds"
    }
    assert measured.keys() == {*REGIONS}
    assert all(0 < seconds < 1 for seconds in measured.values())


async def test_the_verb_prints_rows_of_a_table(admin: AdminClient, config: Path) -> None:
    def shown(*options: str) -> Ran:
        socket = str(config.parent / "admin.sock")
        return process("rtt", "--show", "--socket", socket, *options, cwd=config.parent)

    ran = await asyncio.to_thread(shown)
    assert ran.status == 0
    [row] = csv.DictReader(ran.out.splitlines())
    assert (row["where"], row["region"]) == ("50.1 8.7", "eu-west")
    assert 0 < float(row["ms"]) < 100
    measured = datetime.fromisoformat(row["measured"])
    assert -1 < (datetime.now(UTC) - measured).total_seconds() < 60
    assert "left out: us-west" in ran.err
    ran = await asyncio.to_thread(shown, "--json")
    assert len(json.loads(ran.out)["regions"]) == len(REGIONS)


async def test_a_page_that_cannot_be_read_is_seen(admin: AdminClient) -> None:
    """The server plays regions, and knows no such page."""

    async def seen() -> bool:
        return bool((await admin.ask("GET", "/state")).json["rtt"]["pages"][0]["reason"])

    await until_holds(seen, within=20)
    [page] = (await admin.ask_http("GET", "/rtt")).json["pages"]
    assert (page["region"], page["rows"], page["read_at"]) == ("us-east", 0, None)
    assert page["url"].endswith("/rtt")
    assert "secret" not in page["url"]
    samples = await admin.samples()
    labels = frozenset({("region", "us-east")})
    assert samples["resolverd_rtt_page_ok", labels] == 0
    assert samples["resolverd_rtt_page_rows", labels] == 0
    assert not [name for name, _ in samples if name == "resolverd_rtt_page_age_seconds"]
