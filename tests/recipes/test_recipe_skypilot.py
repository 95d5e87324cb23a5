"""docs/recipes/skypilot.md: followed but for its cloud, and read by SkyPilot itself."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli.command import ROOT, TIMEOUT
from harness.namespace import needs_root
from recipes.page import blocks, follow, servers

TWO = ("192.0.2.10", "192.0.2.20")
LLAMA = "meta-llama/Llama-3.1-70B-Instruct"
UP = "sky serve up --service-name chat-us-east --infra aws/us-east-1 --yes chat.yaml"
PYTHON = Path(os.environ.get("SKYPILOT_VENV", ROOT / ".venv-skypilot")) / "bin" / "python"
needs_skypilot = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"there is no {PYTHON}; `make test-skypilot` makes it"
)

_READ = """
import json, sky
task = sky.Task.from_yaml("chat.yaml")
resources = [*task.resources][0]
print(json.dumps({
    "replicas": task.service.min_replicas, "probe": task.service.readiness_path,
    "ports": resources.ports, "accelerators": resources.accelerators, "version": sky.__version__,
}))
"""
_PARSED = """
import json, sys
from sky.client.cli import command
for words in json.loads(sys.stdin.read()):
    group, context = command.cli, None
    while hasattr(group, "commands"):
        name, *words = words
        group = group.commands[name]
    print(name, sorted(group.make_context(name, words, resilient_parsing=False).params))
"""
_RECORD = """
import inspect, json
from sky.serve import replica_managers, serve_state
info = replica_managers.ReplicaInfo(1, "chat-1", "8000", False, None, 1, None)
made = info.to_info_dict(with_handle=True, cluster_record=None)
source = inspect.getsource(replica_managers.ReplicaInfo.to_info_dict)
print(json.dumps([made, "info_dict['region'] = handle.launched_resources.region" in source],
                 default=str))
"""


@needs_root
def test_the_page_of_skypilot_leads_to_answers(tmp_path: Path) -> None:
    with servers() as hosts:
        elsewhere = {
            f"$ {UP}": lambda: hosts.start(LLAMA, *TWO),
            "$ python sky_records.py > records.json": lambda: None,
            "$ sky serve down chat-eu-west --replica-id 1 --yes": lambda: hosts.stop("192.0.2.20"),
        }
        follow("skypilot.md", tmp_path, hosts.place, elsewhere)


@needs_skypilot
def test_skypilot_reads_the_service_of_the_page(tmp_path: Path) -> None:
    (text,) = (block.text for block in blocks("skypilot.md") if block.title == "chat.yaml")
    (tmp_path / "chat.yaml").write_text(text)
    read = json.loads(_skypilot(_READ, tmp_path))
    assert read == {
        "replicas": 2,
        "probe": "/health",
        "ports": ["8000"],
        "accelerators": {"H100": 2},
        "version": "0.14.1",
    }


@needs_skypilot
def test_skypilot_knows_the_commands_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "chat.yaml").touch()
    shown = [block.text for block in blocks("skypilot.md") if block.language == "console"]
    rows = [shlex.split(row)[2:] for text in shown for row in text.splitlines() if " sky " in row]
    rows.append(["status", "--endpoint", "8000", "CLUSTER"])
    assert len(rows) == 4
    parsed = _skypilot(_PARSED, tmp_path, json.dumps(rows)).splitlines()
    assert len(parsed) == len(rows)


@needs_skypilot
def test_skypilot_s_records_have_what_the_page_reads(tmp_path: Path) -> None:
    record, has_region = json.loads(_skypilot(_RECORD, tmp_path))
    assert record.keys() >= {"replica_id", "name", "endpoint"}
    assert record["endpoint"] is None
    assert has_region


def _skypilot(program: str, folder: Path, told: str = "") -> Any:
    """What a program prints that SkyPilot's Python runs, without its account or cloud."""
    ran = subprocess.run(
        [PYTHON, "-c", program],
        cwd=folder,
        env={
            "HOME": str(folder),
            "SKYPILOT_DISABLE_USAGE_COLLECTION": "1",
            "PATH": "/usr/bin:/bin",
        },
        input=told,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
