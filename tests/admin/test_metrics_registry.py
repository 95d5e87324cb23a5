"""What is declared is what is exposed, and documented; with labels that join."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from admin_client import ADMIN, NAME, TOKYO, ZONE, AdminClient, opened
from harness.config import CHAT, REGIONS
from harness.daemon import Endpoints, endpoints, running, write_files
from harness.messages import query
from harness.programs import program
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from docs.generate import DOCS
from resolverd.admin.metrics.family import Family
from resolverd.admin.metrics.reference import table
from resolverd.admin.metrics.registry import EVERY, FAMILIES

# Three services over the same regions: of the second probes have settings of their own, and the
# third, which answers with the regions' hostnames, is judged apart for an endpoint's hostname.
SERVICES = f"""{CHAT}
[service.embed]
regions = ["us-east", "us-west"]
[service.embed.probe]
path = "/embed"
[service.named]
regions = ["us-east", "us-west"]
answer = "cname"
"""
SERVED = {"chat": REGIONS, "embed": ("us-east", "us-west"), "named": ("us-east", "us-west")}
NAMED = (
    f"{ZONE}embed 60 DYNA embed\nnamed 60 DYNA named\nus-east A 192.0.2.10\nus-west A 192.0.2.20\n"
)
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


def _write(folder: Path, played: Endpoints) -> Path:
    path = write_files(
        folder, {"inference.example.": NAMED}, played, services=SERVICES, admin=ADMIN
    )
    (folder / "token").write_text("open-sesame\n")
    # An endpoint that has a hostname without addresses: down for chat, and well for `named`.
    text = path.read_text()
    assert "address = ['192.0.2.20']" in text
    path.write_text(text.replace("address = ['192.0.2.20']", 'hostname = "nowhere.invalid"'))
    return path


@asynccontextmanager
async def _busy(folder: Path) -> AsyncIterator[AdminClient]:
    """A daemon of which as much is to be seen as can be caused at once."""
    async with endpoints() as played:
        path = _write(folder, played)
        async with running(path) as daemon, opened(daemon, path) as admin:
            await admin.dig(ecs=TOKYO)
            await admin.send(query(NAME) + b"\0")
            await admin.send(b"short", answered=False)
            await admin.override("us-east", "drain", force=True)
            await admin.override("us-east-1", "drain", force=True)
            yield admin


def _sample_names(family: Family) -> set[str]:
    if family.kind in ("summary", "histogram"):
        parts = ("count", "sum") if family.kind == "summary" else ("bucket", "count", "sum")
        return {f"{family.name}_{part}" for part in parts}
    return {family.name}


def _labels(sample: Sample) -> set[str]:
    return set(sample.labels) - ({"le"} if sample.name.endswith("_bucket") else set())


async def test_exposed_are_the_declared_metrics_and_no_others(tmp_path: Path) -> None:
    async with _busy(tmp_path) as admin:
        text = (await admin.ask("GET", "/metrics", headers=OPENMETRICS)).text
    exposed = {
        family.name: family
        for family in openmetrics_families(text)  # type: ignore[no-untyped-call]
        if family.name.startswith("resolverd_")
    }
    suffixes = {"counter": "_total", "info": "_info"}
    declared = {
        family.name.removesuffix(suffixes.get(family.kind, "")): family for family in FAMILIES
    }
    assert list(exposed) == list(declared)
    for name, family in declared.items():
        shown = exposed[name]
        assert (shown.type, shown.documentation) == (family.kind, family.text), name
        assert shown.unit == family.unit, name
        assert {sample.name for sample in shown.samples} <= _sample_names(family)
        for sample in shown.samples:
            assert _labels(sample) == set(family.labels), name
        assert shown.samples or family.absent, f"{name} says nothing of being absent"


async def test_a_daemon_that_nobody_has_asked_has_each_metric_or_says_until_when_not(
    admin: AdminClient,
) -> None:
    """A rule on what is not there never fires: an edge that gets no query is told by zeros."""
    text = (await admin.ask("GET", "/metrics")).text
    exposed = {f.name: f.samples for f in text_string_to_metric_families(text)}
    without = {f.name for f in FAMILIES if not exposed[f.name.removesuffix("_total")]}
    assert without <= {f.name for f in FAMILIES if f.absent}
    for transport in ("udp", "tcp"):
        assert await admin.sample("resolverd_queries_total", transport=transport) == 0


async def test_labels_are_plain_names_that_join_and_no_series_is_there_twice(
    tmp_path: Path,
) -> None:
    async with _busy(tmp_path) as admin:
        text = (await admin.ask("GET", "/metrics")).text
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    assert max(Counter((s.name, frozenset(s.labels.items())) for s in samples).values()) == 1
    plain = {
        "service": set(SERVED),
        "region": {*REGIONS, ""},
        "endpoint": {*(f"{region}-1" for region in REGIONS), ""},
        "probe": {"embed", ""},
    }
    for sample in samples:
        for label in plain.keys() & sample.labels.keys():
            assert sample.labels[label] in plain[label], sample
    pairs = {(service, region) for service, regions in SERVED.items() for region in regions}
    for name in ("resolverd_region_state", "resolverd_endpoint_state", "resolverd_spill_ratio",
                 "resolverd_service_region_serving", "resolverd_endpoint_probe_info"):  # fmt: skip
        found = {(s.labels["service"], s.labels["region"]) for s in samples if s.name == name}
        assert found == pairs, name


async def test_a_pin_without_a_region_is_told_from_its_service(tmp_path: Path) -> None:
    async with endpoints() as played:
        path = _write(tmp_path, played)
        pins = "".join(
            f'[pin.{name}]\ncountries = ["{country}"]\nregions = {regions}\nservices = ["chat"]\n'
            for name, country, regions in (("eu", "DE", ["eu-west"]), ("uk", "GB", [*REGIONS[:3]]))
        )
        path.write_text(f"{path.read_text()}\n{pins}")
        async with running(path) as daemon, opened(daemon, path) as admin:
            name = "resolverd_pin_serving"
            assert await admin.sample(name, service="chat", pin="eu") == 1
            await admin.override("eu-west", "down", force=True)
            assert await admin.sample(name, service="chat", pin="eu") == 0
            assert await admin.sample(name, service="chat", pin="") == 1
            assert await admin.sample(name, service="chat", pin="uk") == 1
            assert await admin.sample(name, service="chat", pin="eu and uk") == 0
            assert await admin.sample(name, service="embed", pin="") == 1


async def test_an_endpoint_that_has_no_address_is_down_only_where_it_needs_one(
    tmp_path: Path,
) -> None:
    async with _busy(tmp_path) as admin:
        labels = {"region": "us-west", "endpoint": "us-west-1", "probe": ""}
        name = "resolverd_endpoint_state"
        assert await admin.sample(name, service="named", **labels, state="up") == 1
        assert await admin.sample(name, service="chat", **labels, state="up") == 0


async def test_an_override_of_an_endpoint_is_one_of_each_of_its_probes(tmp_path: Path) -> None:
    async with _busy(tmp_path) as admin:
        of = {dict(k)["endpoint"] + "/" + dict(k)["probe"]: v
              for (name, k), v in (await admin.samples()).items()
              if name == "resolverd_override"}  # fmt: skip
    assert of == {"/": 1, "us-east-1/": 1, "us-east-1/embed": 1}


async def test_promtool_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    async with _busy(tmp_path) as admin:
        text = (await admin.ask("GET", "/metrics")).text
    process = await asyncio.create_subprocess_exec(
        program("promtool"), "check", "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(text.encode())
    assert (process.returncode, said.decode()) == (0, "")


def test_names_are_declared_once_with_a_base_unit_and_the_end_of_their_kind() -> None:
    assert max(Counter(family.name for family in EVERY).values()) == 1
    for family in EVERY:
        assert re.fullmatch(r"resolverd(_[a-z0-9]+)+", family.name)
        assert family.name.endswith("_total") is (family.kind == "counter")
        assert family.name.endswith("_info") is (family.kind == "info")
        assert not {"job", "instance", "le", "type_"} & set(family.labels)
        assert len(set(family.labels)) == len(family.labels)
        assert family.doc.endswith(".")
        assert not family.absent.endswith(".")


def test_the_page_has_every_metric_with_its_type_and_labels() -> None:
    page = (DOCS / "operations.md").read_text()
    rows = re.findall(r"^\| `(resolverd_\w+)` \| (\w+) \| ([^|]*) \|", page, re.MULTILINE)
    assert rows == [(f.name, f.kind, ", ".join(f.labels)) for f in EVERY]
    assert table() in page


ADDED = """

@gauge("resolverd_added_ratio", "A metric of a test.", labels=("service",))
def added(values: Values) -> Samples:
    for service in values.served.snapshot.plan.services:
        yield (service,), 0.5
"""


# Run where the copy is: what is scraped, and the table of the page.
SCRAPE = """
import asyncio, pathlib, sys, aiohttp
from resolverd.admin.metrics.reference import table
from resolverd.daemon import Daemon

async def scrape():
    daemon = Daemon(pathlib.Path(sys.argv[1]))
    await daemon.start()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://{daemon.admin.listener}/metrics") as response:
            print(await response.text())
    await daemon.stop()

asyncio.run(scrape())
print(table())
"""


async def test_to_add_a_metric_is_to_edit_one_file(tmp_path: Path) -> None:
    """In a copy of the package: it is exposed, and documented, and nothing else was touched."""
    shutil.copytree(
        DOCS.parent / "resolverd",
        tmp_path / "copy" / "resolverd",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    with (tmp_path / "copy" / "resolverd/admin/metrics/load.py").open("a") as edited:
        edited.write(ADDED)
    async with endpoints() as played:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SCRAPE, str(_write(tmp_path, played)),
            cwd=tmp_path / "copy", env={**os.environ, "PYTHONPATH": str(tmp_path / "copy")},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        printed = (await process.communicate())[0].decode()
    assert process.returncode == 0
    assert "# HELP resolverd_added_ratio A metric of a test." in printed
    assert 'resolverd_added_ratio{service="embed"} 0.5' in printed
    assert "| `resolverd_added_ratio` | gauge | service | A metric of a test. |" in printed
