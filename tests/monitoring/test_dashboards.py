"""Dashboards hold what the declarations of metrics say, and what a person needs to read them."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli.command import resolverd

from docs.generate import DOCS
from resolverd.admin.metrics import endpoints, regions, traffic
from resolverd.admin.metrics.family import Family
from resolverd.admin.metrics.registry import EVERY
from resolverd.monitoring.dashboard import DASHBOARDS, Dashboard, to_grafana
from resolverd.monitoring.documents import dashboard as document
from resolverd.monitoring.panel import Panel, Query
from resolverd.monitoring.promql import (
    UndeclaredError,
    average,
    mean,
    now,
    quantile,
    rate,
    total,
)

EACH = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=lambda each: each.name)
PANELS = [
    pytest.param(panel, id=f"{dashboard.name}-{panel.title}")
    for dashboard in DASHBOARDS.values()
    for panel in dashboard.panels
]


def _families(dashboard: Dashboard) -> set[Family]:
    return {
        family
        for panel in dashboard.panels
        for query in panel.queries
        for family in query.expression.families
    }


@EACH
def test_every_declared_metric_is_on_it(dashboard: Dashboard) -> None:
    """A metric that is added says here that it wants a place: see resolverd/monitoring/rows."""
    assert [f.name for f in EVERY if f not in _families(dashboard)] == []


@pytest.mark.parametrize("panel", PANELS)
def test_every_name_in_a_query_is_a_declared_metric(panel: Panel) -> None:
    """Those written by hand too; `up` and `process_*` are Prometheus' and its library's own."""
    parts = {"summary": ("_sum", "_count"), "histogram": ("_sum", "_count", "_bucket")}
    known = {f"{f.name}{part}" for f in EVERY for part in parts.get(f.kind, ("",))}
    for query in panel.queries:
        named = set(re.findall(r"\b(?:resolverd_\w+|process_\w+|up)\b", query.expression.text))
        named -= {"resolverd"}
        assert named
        assert {name for name in named if name.startswith("resolverd_")} <= known


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: now(traffic.queries), id="the value of a counter"),
        pytest.param(lambda: rate(regions.serving), id="the rate of a gauge"),
        pytest.param(lambda: average(traffic.queries, "transport"), id="the mean of a counter"),
        pytest.param(lambda: quantile(0.5, regions.serving), id="the quantile of a gauge"),
        pytest.param(lambda: rate(traffic.queries, rcode="A"), id="a label that it has not"),
        pytest.param(lambda: total(rate(traffic.queries), "zone"), id="a grouping by none"),
        pytest.param(
            lambda: mean(mean(now(regions.serving), "region"), "service"), id="a label that is gone"
        ),
        pytest.param(
            lambda: total(rate(traffic.queries), "transport") / total(rate(traffic.queries)),
            id="a share of other labels",
        ),
        pytest.param(
            lambda: Query(total(rate(traffic.queries)), "{{transport}}"), id="a legend of none"
        ),
    ],
)
def test_a_query_of_what_is_not_declared_cannot_be_made(make: Any) -> None:
    with pytest.raises(UndeclaredError):
        make()


def test_a_query_has_the_variables_that_its_metric_has_labels_for() -> None:
    text = total(rate(traffic.answers, choice="other", outcome="!held"), "service").text
    assert text == (
        'sum by (service) (rate(resolverd_answers_total{instance=~"$instance", '
        'service=~"$service", region=~"$region", choice=~"other", outcome!~"held"}'
        "[$__rate_interval]))"
    )
    assert now(endpoints.held).text == (
        'resolverd_endpoint_held{instance=~"$instance", region=~"$region"}'
    )


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_means_and_where_there_is_more(panel: Panel) -> None:
    assert len(panel.doc.split()) >= 2
    assert panel.doc.endswith(".")
    assert (DOCS / f"{panel.page}.md").exists()
    for query in panel.queries:
        for family in query.expression.families:
            assert family.text in panel.description
    assert panel.names is None or panel.kind in ("stat", "state-timeline")


@EACH
def test_panels_are_numbered_and_none_lies_over_another(dashboard: Dashboard) -> None:
    panels = to_grafana(dashboard)["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x, y in itertools.product(
            range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        )
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@EACH
def test_rows_are_in_the_order_of_an_operators_questions(dashboard: Dashboard) -> None:
    asked = [
        "Is it answering?", "Who is sent where?", "What is down?", "What moves?", "TTLs", "Probes",
        "Load and spill", "Round-trip times", "Anycast", "Do edges reach one another?",
        "Files and reloads", "Published generations", "The process",
    ]  # fmt: skip
    first = ["Which edge hosts answer?"] if dashboard.several else []
    assert [row.title for row in dashboard.rows] == [*first, *asked]


@EACH
def test_it_has_its_variables_and_two_runs_give_the_same_octets(dashboard: Dashboard) -> None:
    made = json.loads(document(dashboard.name))
    variables = {each["name"]: each for each in made["templating"]["list"]}
    assert list(variables) == ["datasource", "instance", "service", "region"]
    assert variables["instance"]["multi"] is dashboard.several
    assert document(dashboard.name) == document(dashboard.name)
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(made["panels"])))
    of_links = {"__value", "__url_time_range"} if dashboard.several else set[str]()
    assert used == {"datasource", "instance", "service", "region", "__rate_interval", *of_links}


def test_an_edge_host_of_the_fleet_leads_to_its_own_dashboard() -> None:
    made = json.loads(document("fleet"))
    (hosts,) = (panel for panel in made["panels"] if panel["title"] == "Each edge host")
    links = [
        link["url"]
        for override in hosts["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "instance"
        for link in override["properties"][0]["value"]
    ]
    edge = json.loads(document("edge"))
    assert links == [f"/d/{edge['uid']}?var-instance=${{__value.raw}}&${{__url_time_range}}"]


def test_the_verb_prints_one_for_each_name_and_links_where_it_is_told_to(tmp_path: Path) -> None:
    edge = resolverd("template", "grafana", cwd=tmp_path)
    fleet = resolverd("template", "grafana", "fleet", "--docs", "https://d.example/", cwd=tmp_path)
    assert (edge.status, fleet.status) == (0, 0)
    assert edge.json()["uid"] == "resolverd-edge"
    assert "docs/probing.md" in edge.out
    assert fleet.json()["uid"] == "resolverd-fleet"
    assert "https://d.example/probing/" in fleet.out
    assert "docs/probing.md" not in fleet.out
    assert resolverd("template", "grafana", "none", cwd=tmp_path).status == 2
    assert resolverd("template", "grafana", "--docs", "here", cwd=tmp_path).status == 2
