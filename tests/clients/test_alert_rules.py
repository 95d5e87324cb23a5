"""The alert rules hold what Prometheus, the declared metrics and an on-call ask of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from clients.alert_rules import RULES, TESTS, Rule, rules
from harness.programs import output

from resolverd.admin.metrics.registry import EVERY
from resolverd.monitoring.scrape import ANYCAST, JOB

DOCS = RULES.parents[1] / "docs"
METRIC = re.compile(r"\b(resolverd_\w+|up)\b(?:\{([^}]*)\})?")
# What Prometheus adds to every sample.
SCRAPED = {"job", "instance"}
DECLARED = {family.name: {*family.labels} for family in EVERY}
# Labels that an annotation speaks of only where they are not empty.
OPTIONAL = re.compile(r"\{\{ with \$labels\.\w+ \}\}|(?<=\bor )\$labels\.\w+")


async def test_promtool_finds_nothing_wrong() -> None:
    assert f"SUCCESS: {len(rules())} rules found" in await output(
        "promtool", "check", "rules", str(RULES)
    )


async def test_the_rules_pass_their_unit_tests() -> None:
    assert "SUCCESS" in await output("promtool", "test", "rules", str(TESTS))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_every_metric_and_label_of_a_rule_exists(rule: Rule) -> None:
    documented = {**DECLARED, "up": set[str]()}
    known = set(SCRAPED)
    for name, matchers in METRIC.findall(rule.expr):
        assert name in documented, name
        known |= documented[name]
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert asked <= documented[name] | SCRAPED, name
    for grouping in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", rule.expr):
        assert {label.strip() for label in grouping.split(",")} <= known


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_says_how_grave_it_is_and_what_to_do_first(rule: Rule) -> None:
    assert rule.labels in ("{severity: critical}", "{severity: warning}")
    assert re.search(r"^summary: (>-\n +|').{20,}", rule.annotations, re.MULTILINE)
    description = rule.annotations.partition("description: >-")[2]
    assert len(description.split()) >= 10


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_fires_in_a_unit_test_with_the_labels_that_it_speaks_of(rule: Rule) -> None:
    spoken = set(re.findall(r"\$labels\.(\w+)", OPTIONAL.sub("", rule.annotations)))
    fired = re.findall(rf'ALERTS\{{alertname="{rule.name}",(.*?)\}}', TESTS.read_text())
    assert fired
    for labels in fired:
        assert 'alertstate="firing"' in labels
        assert spoken <= set(re.findall(r'(\w+)="', labels))


def test_the_series_of_the_unit_tests_are_those_of_a_daemon() -> None:
    """Else a rule could pass its tests, and never fire."""
    series = re.findall(r"series: '(\w+)\{(.*?)\}'", TESTS.read_text())
    assert len(series) > 50
    for name, labels in series:
        if name != "up":
            assert set(re.findall(r'(\w+)="', labels)) == DECLARED[name] | SCRAPED, name


@pytest.mark.parametrize(
    "place", [RULES, DOCS / "operations.md", DOCS / "monitoring.md"], ids=lambda place: place.name
)
def test_whoever_sets_scraping_up_is_told_of_every_job_that_the_rules_take(place: Path) -> None:
    text = place.read_text()
    said = text.partition("groups:")[0] if place == RULES else text
    jobs = {job for rule in rules() for job in re.findall(r'job="([^"]+)"', rule.expr)}
    assert jobs == {JOB, ANYCAST}
    assert all(re.search(rf"(?<![\w-]){job}(?![\w-])", said) for job in jobs)
