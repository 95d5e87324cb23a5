"""The two dashboards: one edge host, and a fleet of them, as Grafana 11 and newer load them.

`EDGE` and `FLEET` are the layout: rows in the order of an operator's questions. The rest follows
from it, so that two runs give the same octets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resolverd.admin.metrics import files, process, regions
from resolverd.admin.metrics.family import Family
from resolverd.monitoring.panel import AMBER, BLUE, DATASOURCE, Json, Panel, link, to_json
from resolverd.monitoring.rows import (
    answering,
    anycast,
    fleet,
    generations,
    health,
    load,
    other_edges,
)
from resolverd.monitoring.rows import files as served

SCHEMA_VERSION = 39
"""That of Grafana 11, which later ones bring up to theirs as they load it."""

_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, and the panels under it, laid from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. `several`: its variable for the edge host takes more than one."""

    name: str
    title: str
    doc: str
    several: bool
    rows: tuple[Row, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Those of all rows."""
        return tuple(panel for row in self.rows for panel in row.panels)


_COMMON = (
    Row("Who is sent where?", answering.WHERE),
    Row("What is down?", health.DOWN),
    Row("What moves?", health.MOVES),
    Row("TTLs", answering.TTL),
    Row("Probes", health.PROBES),
    Row("Load and spill", load.LOAD),
    Row("Round-trip times", load.RTT),
    Row("Anycast", anycast.ANYCAST),
    Row("Do edges reach one another?", (*fleet.SHARED, *other_edges.OTHER_EDGES)),
    Row("Files and reloads", served.FILES),
    Row("Published generations", generations.GENERATIONS),
    Row("The process", served.PROCESS),
)
EDGE = Dashboard(
    "edge",
    "resolverd: one edge host",
    "One authoritative DNS daemon: whether it answers, where clients go, and why.",
    False,
    (Row("Is it answering?", answering.ANSWERING), *_COMMON),
)
FLEET = Dashboard(
    "fleet",
    "resolverd: all edge hosts",
    "All edge hosts together: which answer, where they send clients, and where they disagree.",
    True,
    (
        Row("Which edge hosts answer?", fleet.FLEET),
        Row("Is it answering?", answering.ANSWERING),
        *_COMMON,
    ),
)
DASHBOARDS = {dashboard.name: dashboard for dashboard in (EDGE, FLEET)}


def to_grafana(dashboard: Dashboard, docs: str = "") -> Json:
    """The dashboard for Grafana's import, its API and its provisioning.

    `docs` is the URL of the documentation's site; empty, panels name the pages by their files.
    """
    return {
        "uid": f"resolverd-{dashboard.name}",
        "title": dashboard.title,
        "description": dashboard.doc,
        "tags": ["resolverd", "dns"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "links": _links(docs),
        "templating": {"list": _variables(dashboard)},
        "annotations": {"list": _annotations()},
        "panels": list(_panels(dashboard, docs)),
    }


def _panels(dashboard: Dashboard, docs: str) -> Iterator[Json]:
    """Rows and panels, numbered from 1, packed into the grid."""
    number = top = 0
    for row in dashboard.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1},
            "panels": [],
        }
        left, top, height = 0, top + 1, 0
        for panel in row.panels:
            number += 1
            if left + panel.width > _COLUMNS:
                left, top, height = 0, top + height, 0
            at = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield to_json(panel, number, at, docs)
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _variables(dashboard: Dashboard) -> list[Json]:
    return [
        {
            "name": "datasource",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
            "hide": 0,
        },
        _variable("instance", "Edge host", process.build, several=dashboard.several),
        _variable("service", "Service", regions.serving, several=True),
        _variable("region", "Region", regions.serving, several=True),
    ]


def _variable(label: str, title: str, of: Family, *, several: bool) -> Json:
    query = f"label_values({of.name}, {label})"
    made: Json = {
        "name": label,
        "label": title,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": label},
        "refresh": 2,  # with each change of the time range
        "sort": 1,
        "hide": 0,
        "multi": several,
        "includeAll": several,
    }
    if several:
        # Answers that lead to no region have an empty one, and they are to be seen too.
        made |= {"allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    return made


def _annotations() -> list[Json]:
    """What explains a step in every panel: starts and adopted edits."""
    return [
        {
            "builtIn": 1,
            "name": "Annotations & Alerts",
            "type": "dashboard",
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": True,
            "hide": True,
            "iconColor": BLUE,
        },
        _annotation("Starts", process.started, AMBER),
        _annotation("Edits adopted", files.plan_generation, BLUE),
    ]


def _annotation(name: str, of: Family, color: str) -> Json:
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": f'changes({of.name}{{instance=~"$instance"}}[2m]) > 0',
        "step": "60s",
        "titleFormat": name,
        "textFormat": "{{instance}}",
    }


def _links(docs: str) -> list[Json]:
    """To the other dashboard, with the same time range, and to the documentation."""
    others = {
        **link("resolverd", ""),
        "type": "dashboards",
        "tags": ["resolverd"],
        "keepTime": True,
        "targetBlank": False,
    }
    return [others, link("Documentation", docs)] if docs else [others]
