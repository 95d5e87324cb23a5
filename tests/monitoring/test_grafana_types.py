"""Dashboards are what Grafana 11, 12 and 13 declare a dashboard to be.

`@grafana/schema` has the types of each release; TypeScript holds the JSON against them, with no
property that they have not, and each panel's options against its own type.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from resolverd.monitoring.dashboard import DASHBOARDS, to_grafana
from resolverd.monitoring.panel import Json

HERE = Path(__file__).parent / "grafana"
FETCHED = HERE.parents[2] / ".cache" / "grafana"
RELEASES = (11, 12, 13)
OPTIONS = {
    "stat": ("stat", "Stat"),
    "timeseries": ("timeseries", "TimeSeries"),
    "table": ("table", "Table"),
    "state-timeline": ("statetimeline", "StateTimeline"),
    "bargauge": ("bargauge", "BarGauge"),
}
_CHECK = [
    "node", str(FETCHED / "node_modules/typescript/bin/tsc"), "--noEmit", "--strict",
    "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler",
]  # fmt: skip
PROGRAM = """\
import type { Dashboard, Panel, RowPanel, AnnotationQuery } from "grafana-%(release)d";
import type { Strict } from "./written";
%(imports)s
type Options = { %(options)s };
export const made: Strict<Dashboard, Panel, RowPanel, AnnotationQuery, Options> = %(dashboard)s;
"""

pytestmark = pytest.mark.skipif(
    not (FETCHED / "ready").exists(), reason="no npm here: .ci/grafana fetches Grafana's types"
)


def _program(release: int, dashboard: Json) -> str:
    types = FETCHED / "node_modules" / f"grafana-{release}" / "dist"
    imports, options = [], []
    for type_, (folder, name) in OPTIONS.items():
        declared = sorted(types.glob(f"*/raw/composable/{folder}/panelcfg/x/*.gen.d.ts"))
        found = declared[-1].with_suffix("").with_suffix("")  # esm, or in later ones types
        imports.append(f'import type {{ Options as {name} }} from "{found}";')
        options.append(f'"{type_}": {name}')
    return PROGRAM % {
        "release": release,
        "imports": "\n".join(imports),
        "options": "; ".join(options),
        "dashboard": json.dumps(dashboard, indent=1),
    }


def _faults(folder: Path, dashboard: Json) -> str:
    """What TypeScript says against it, for any release."""
    (folder / "node_modules").symlink_to(FETCHED / "node_modules")
    (folder / "written.ts").write_text((HERE / "written.ts").read_text())
    programs = []
    for release in RELEASES:
        programs.append(f"release{release}.ts")
        (folder / programs[-1]).write_text(_program(release, dashboard))
    checked = subprocess.run(
        [*_CHECK, *programs],
        cwd=folder, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert checked.returncode in (0, 1, 2), checked.stderr
    return str(checked.stdout)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_it_is_a_dashboard_to_every_release(name: str, tmp_path: Path) -> None:
    assert _faults(tmp_path, to_grafana(DASHBOARDS[name], "https://docs.example/")) == ""


def test_what_no_release_knows_is_found(tmp_path: Path) -> None:
    dashboard = to_grafana(DASHBOARDS["edge"])
    dashboard["panels"][1]["options"]["graphMode"] = "sketch"
    said = _faults(tmp_path, dashboard)
    assert all(f"release{release}.ts" in said for release in RELEASES)
    assert "sketch" in said
