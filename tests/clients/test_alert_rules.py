"""The alert rules hold what Prometheus, the metrics of a daemon and an on-call ask of them."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import dns.asyncquery
import dns.message
import pytest
from clients.alert_rules import RULES, TESTS, Rule, rules
from harness.daemon import endpoints, running, write_files
from harness.programs import output
from harness.server import HEAD
from prometheus_client.parser import text_string_to_metric_families

from resolverd.daemon import Daemon

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
METRIC = re.compile(r"\b(resolverd_\w+|up)\b(?:\{([^}]*)\})?")
# What Prometheus adds to every sample, and how long a metric's own last part may be.
SCRAPED = {"job", "instance"}
PARTS = r"_(bucket|sum|count)$"


def _documented() -> dict[str, set[str]]:
    """Labels by metric, as the operations page has them."""
    rows = re.findall(r"^\| `(resolverd_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    return {name: {*filter(None, re.split(r"[,\s]+", labels))} for name, labels in rows}


async def _exposed(daemon: Daemon) -> dict[str, set[str]]:
    """Labels by metric, of those that have samples."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{daemon.admin.listener}/metrics") as response,
    ):
        text = await response.text()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = set(sample.labels) - ({"le"} if sample.name.endswith("_bucket") else set())
            found.setdefault(re.sub(PARTS, "", sample.name), set()).update(labels)
    return found


async def test_promtool_finds_nothing_wrong() -> None:
    assert f"SUCCESS: {len(rules())} rules found" in await output(
        "promtool", "check", "rules", str(RULES)
    )


async def test_the_rules_pass_their_unit_tests() -> None:
    assert "SUCCESS" in await output("promtool", "test", "rules", str(TESTS))


async def test_the_labels_of_metrics_are_those_that_the_page_says(tmp_path: Path) -> None:
    async with endpoints() as served:
        zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
        admin = 'socket = ""\nlisten = "127.0.0.1:0"'
        path = write_files(tmp_path, {"inference.example.": zone}, served, admin=admin)
        async with running(path) as daemon:
            listener = daemon.bound[0]
            question = dns.message.make_query("chat.inference.example", "A")
            await dns.asyncquery.udp(question, listener.address, port=listener.port, timeout=5)
            exposed = await _exposed(daemon)
    named = {name for rule in rules() for name, _ in METRIC.findall(rule.expr)}
    assert len(named & exposed.keys()) > 10  # the others have no samples in a daemon that is well
    documented = _documented()
    for name, labels in exposed.items():
        if name in documented:
            assert labels == documented[name], name


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_every_metric_and_label_of_a_rule_exists(rule: Rule) -> None:
    documented = {**_documented(), "up": set[str]()}
    known = set(SCRAPED)
    for name, matchers in METRIC.findall(rule.expr):
        assert name in documented, name
        known |= documented[name]
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert asked <= documented[name] | SCRAPED, name
    known |= set(re.findall(r'"(target)", "\$1"', rule.expr))
    for grouping in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", rule.expr):
        assert {label.strip() for label in grouping.split(",")} <= known


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_says_how_grave_it_is_and_what_to_do_first(rule: Rule) -> None:
    assert rule.labels in ("{severity: critical}", "{severity: warning}")
    assert re.search(r"^summary: '.{20,}'$", rule.annotations, re.MULTILINE)
    description = rule.annotations.partition("description: >-")[2]
    assert len(description.split()) >= 10


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_fires_in_a_unit_test_with_the_labels_that_it_speaks_of(rule: Rule) -> None:
    fired = re.findall(rf'ALERTS\{{alertname="{rule.name}",(.*?)\}}', TESTS.read_text())
    assert fired
    for labels in fired:
        assert 'alertstate="firing"' in labels
        spoken = set(re.findall(r"\$labels\.(\w+)", rule.annotations))
        assert spoken <= set(re.findall(r'(\w+)="', labels))
