"""What a panel of a dashboard is, and its form in Grafana's JSON.

A panel says its queries and what an operator learns of them; its unit and the rest of its
description come from the metrics that it reads. Raises UndeclaredError where a legend has a label
that its query does not give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from resolverd.monitoring.promql import Expression, UndeclaredError

Kind = Literal["stat", "timeseries", "table", "state-timeline", "bargauge"]
Json = dict[str, Any]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_UNITS = {"per second": "cps", "ratio": "percentunit", "seconds": "s", "bytes": "bytes", "": "none"}
# An edge host's name leads to the dashboard of that one.
_TO_EDGE = {
    "matcher": {"id": "byName", "options": "instance"},
    "properties": [
        {
            "id": "links",
            "value": [
                {
                    "title": "This edge host",
                    "url": "/d/resolverd-edge?var-instance=${__value.raw}&${__url_time_range}",
                }
            ],
        }
    ],
}
_LEGEND = {"displayMode": "list", "placement": "bottom", "calcs": []}
GREEN, AMBER, RED, BLUE, GREY = "green", "orange", "red", "blue", "#808080"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel. `legend` names its series, or in a table its column."""

    expression: Expression
    legend: str = ""

    def __post_init__(self) -> None:
        labels = set(re.findall(r"\{\{(\w+)\}\}", self.legend))
        if unknown := labels - self.expression.labels:
            raise UndeclaredError(f'the legend "{self.legend}" has {unknown}, of no series')


@dataclass(frozen=True, slots=True)
class Names:
    """What values are called, each in a colour; for states and switches."""

    of: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `doc` is what an operator learns and does; `page` has more, such as ``load``.

    `warn` and `bad` colour values from there on; where `bad` is the lesser, from there down.
    """

    title: str
    doc: str
    queries: tuple[Query, ...]
    page: str
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 7
    unit: str = ""
    warn: float | None = None
    bad: float | None = None
    names: Names | None = None
    stacked: bool = False
    show_names: bool = False
    hidden: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """What it shows, and what its metrics are declared to mean."""
        families = dict.fromkeys(f for query in self.queries for f in query.expression.families)
        told = "\n".join(f"- `{family.name}`: {family.text}" for family in families)
        return f"{self.doc}\n\n{told}".strip()

    @property
    def none(self) -> str:
        """What stands there where there is no series: what its metrics are declared to lack."""
        reasons = dict.fromkeys(
            f.absent for query in self.queries for f in query.expression.families if f.absent
        )
        return f"Nothing: none is there {'; '.join(reasons)}" if reasons else "Nothing to show"


def to_json(panel: Panel, id_: int, at: Mapping[str, int], docs: str) -> Json:
    """The panel as Grafana has it, `at` a place of the grid; `docs` is the URL of the pages."""
    page = f"{docs.rstrip('/')}/{panel.page}/" if docs else ""
    more = "" if page else f"\n\nMore: docs/{panel.page}.md"
    made: Json = {
        "id": id_,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description + more,
        "datasource": DATASOURCE,
        "gridPos": dict(at),
        "targets": [_target(panel, query, index) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": {**_options(panel), **panel.options},
    }
    if page:
        made["links"] = [link(f"About: {panel.page}", page)]
    if panel.kind == "table":
        made["transformations"] = _transformations(panel)
    return made


def link(title: str, url: str) -> Json:
    """A link that opens beside the dashboard."""
    return {
        "type": "link",
        "title": title,
        "url": url,
        "tooltip": "",
        "icon": "external link",
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": True,
    }


def _target(panel: Panel, query: Query, index: int) -> Json:
    table = panel.kind == "table"
    return {
        "refId": _ref(index),
        "datasource": DATASOURCE,
        "expr": query.expression.text,
        "legendFormat": query.legend or "__auto",
        "format": "table" if table else "time_series",
        "instant": table,
        "range": not table,
        "editorMode": "code",
    }


def _ref(index: int) -> str:
    return chr(ord("A") + index)


def _unit(panel: Panel) -> str:
    return panel.unit or _UNITS[panel.queries[0].expression.unit]


def _defaults(panel: Panel) -> Json:
    made: Json = {
        "unit": _unit(panel),
        "noValue": panel.none,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": _steps(panel)},
        "mappings": _mappings(panel.names),
    }
    if _unit(panel) == "percentunit":
        made |= {"min": 0, "max": 1} if panel.kind != "timeseries" else {"min": 0}
    if panel.kind == "timeseries":
        made["min"] = 0
        made["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 40 if panel.stacked else 8,
            "showPoints": "auto",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off" if panel.bad is None else "dashed"},
        }
    if panel.kind == "state-timeline":
        made["custom"] = {"fillOpacity": 75, "lineWidth": 0}
    return made


def _steps(panel: Panel) -> list[Json]:
    if panel.bad is None:
        return [{"value": None, "color": BLUE}]
    warn = panel.bad if panel.warn is None else panel.warn
    if panel.bad < warn:  # the more the better
        return [
            {"value": None, "color": RED},
            {"value": panel.bad, "color": AMBER},
            {"value": warn, "color": GREEN},
        ]
    steps: list[Json] = [{"value": None, "color": GREEN}]
    if warn != panel.bad:
        steps.append({"value": warn, "color": AMBER})
    return [*steps, {"value": panel.bad, "color": RED}]


def _mappings(names: Names | None) -> list[Json]:
    if names is None:
        return []
    texts = {
        value: {"text": text, "color": color, "index": index}
        for index, (value, (text, color)) in enumerate(names.of.items())
    }
    return [{"type": "value", "options": texts}]


def _options(panel: Panel) -> Json:
    shown = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match panel.kind:
        case "stat":
            return {
                "reduceOptions": shown,
                "colorMode": "background" if panel.names or panel.bad is not None else "value",
                "graphMode": "none" if panel.names or panel.show_names else "area",
                "textMode": "name" if panel.show_names else "auto",
                "justifyMode": "auto",
                "orientation": "auto",
                "percentChangeColorMode": "standard",
                "showPercentChange": False,
                "wideLayout": True,
            }
        case "bargauge":
            return {
                "reduceOptions": shown,
                "orientation": "horizontal",
                "displayMode": "basic",
                "showUnfilled": True,
                "valueMode": "color",
                "namePlacement": "auto",
                "sizing": "auto",
                "minVizHeight": 16,
                "minVizWidth": 8,
                "maxVizHeight": 300,
                "legend": {**_LEGEND, "showLegend": False},
            }
        case "table":
            return {"showHeader": True, "cellHeight": "sm", "frameIndex": 0}
        case "state-timeline":
            return {
                "showValue": "auto",
                "mergeValues": True,
                "rowHeight": 0.8,
                "legend": {**_LEGEND, "showLegend": False},
                "tooltip": {"mode": "single", "sort": "none"},
            }
        case "timeseries":
            return {
                "legend": {**_LEGEND, "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }


def _overrides(panel: Panel) -> list[Json]:
    """In a table each query is a column, with its own name and unit."""
    if panel.kind != "table":
        return []
    several = len(panel.queries) > 1
    hosts = any("instance" in query.expression.labels for query in panel.queries)
    columns: list[Json] = [
        {
            "matcher": {
                "id": "byName",
                "options": f"Value #{_ref(index)}" if several else "Value",
            },
            "properties": [
                {"id": "displayName", "value": query.legend or "value"},
                {"id": "unit", "value": _UNITS[query.expression.unit]},
                {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            ],
        }
        for index, query in enumerate(panel.queries)
    ]
    return [_TO_EDGE, *columns] if hosts else columns


def _transformations(panel: Panel) -> list[Json]:
    left_out = ("Time", "__name__", "job", *panel.hidden)
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": dict.fromkeys(left_out, True)}},
    ]
