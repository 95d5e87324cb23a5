"""The texts that `resolverd template` prints for Prometheus and Grafana."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from resolverd.config.model import Config
from resolverd.monitoring.dashboard import DASHBOARDS, to_grafana
from resolverd.monitoring.scrape import scraping
from resolverd.monitoring.yaml import to_yaml

RULES = "resolverd.rules.yml"

_HEAD = """\
# What Prometheus reads of resolverd and of the regions' servers, by resolverd.toml; print it anew
# with `resolverd template prometheus` when that changes. `promtool check config` checks it.
# Every edge host of a fleet has to be named: --edge HOST:PORT for each. The alert rules come from
# `resolverd template alerts`."""


def dashboard(name: str, docs: str = "") -> str:
    """The dashboard of that name as JSON. Raises KeyError where there is none."""
    return json.dumps(to_grafana(DASHBOARDS[name], docs), indent=2, ensure_ascii=False) + "\n"


def alert_rules() -> str:
    """The alert rules as they are shipped."""
    return files("resolverd.monitoring").joinpath(RULES).read_text(encoding="utf-8")


def prometheus(config: Config, edges: Iterable[str] = (), *, jobs: bool = False) -> str:
    """A whole configuration of Prometheus; its `jobs` alone, as scrape_config_files reads them."""
    found = scraping(config, edges)
    notes = ["# Left out:", *(f"#   {note}" for note in found.left_out)] if found.left_out else []
    body: dict[str, Any] = {"scrape_configs": list(found.jobs)}
    if not jobs:
        intervals = {"scrape_interval": "15s", "evaluation_interval": "15s"}
        body = {"global": intervals, "rule_files": [RULES], **body}
    return "\n".join([_HEAD, *notes, "", to_yaml(body)])
