"""CONTRIBUTING.md: each patch applies to a copy of this commit, and what it adds is there then."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command import environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
COPIED = ("resolverd", "contract", "native/src", "zones")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What is imported and written here, in a directory of its own."""
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__", "_native*")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copyfile(ROOT / "resolverd.toml", tmp_path / "resolverd.toml")
    return tmp_path


def _patch(copy: Path, title: str) -> None:
    """Apply the patch under that heading; it has to fit."""
    part = PAGE.partition(f"### {title}\n")[2].partition("\n### ")[0]
    (patch,) = re.findall(r"```diff\n(.*?)```", part, re.DOTALL)
    subprocess.run(
        ["git", "apply", "--unidiff-zero", "-"], input=patch, cwd=copy, text=True, check=True,
        timeout=60, env={**environment(), "GIT_CEILING_DIRECTORIES": str(copy.parent)},
    )  # fmt: skip


def _ran(copy: Path, *arguments: str) -> str:
    """What a module of the copy prints, on both streams."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=copy, capture_output=True, text=True, check=False,
        timeout=120, env=environment(PYTHONPATH=str(copy)),
    )  # fmt: skip
    return done.stdout + done.stderr


def _options(copy: Path) -> set[str]:
    printed = json.loads(_ran(copy, "resolverd", "template", "--json"))
    return {option["option"] for option in printed["options"]}


def test_an_option_is_declared_read_and_refused_out_of_range(copy: Path) -> None:
    _patch(copy, "An option")
    assert "negative_ttl_ceiling" in _options(copy)
    wrong = _ran(copy, "resolverd", "check", "--set", "server.negative_ttl_ceiling=100000")
    assert "negative_ttl_ceiling is over its maximum" in wrong
    compiled = _ran(copy, "resolverd", "check", "--set", "server.negative_ttl_ceiling=30")
    assert "good" in compiled


def test_a_probe_kind_has_its_options(copy: Path) -> None:
    _patch(copy, "A probe kind")
    kind = ROOT / "tests" / "harness" / "banner_kind.py"
    shutil.copyfile(kind, copy / "resolverd" / "health" / "kinds" / "banner.py")
    assert {"greeting", "banner_octets"} <= _options(copy)
    assert "greetings" in _ran(
        copy, "resolverd", "check", "--set", 'probe.kind="banner"', "--set", 'probe.greetings="x"'
    )


def test_a_policy_orders_regions_by_what_they_cost(copy: Path) -> None:
    _patch(copy, "A policy")
    set_ = [
        f"region.{region}.gpus.usd_per_hour={price}"
        for region, price in (("us-east", 3), ("us-west", 1), ("eu-west", 4), ("ap-northeast", 2))
    ]
    options = [word for each in set_ for word in ("--set", each)]
    explained = _ran(
        copy, "resolverd", "explain", "--files", "chat.inference.example", "133.11.1.0/24",
        "--set", 'service.chat.policy="cheapest"', *options,
    )  # fmt: skip
    assert "policy cheapest" in explained
    ranks = re.findall(r"^\d+ +(\S+)", explained, re.MULTILINE)
    assert ranks == ["us-west", "ap-northeast", "us-east", "eu-west"]


def test_an_rr_type_has_a_number_a_check_and_an_example(copy: Path) -> None:
    _patch(copy, "An RR type")
    _ran(copy, "contract")
    for written in ("resolverd/dns/codes.py", "native/src/wire/codes.rs"):
        assert re.search(r"\bKX\b.*\b36\b", (copy / written).read_text()), written
    zone = copy / "zones" / "inference.example.zone"
    zone.write_text(f"{zone.read_text()}\nb KX 10 nowhere\nc KX\n")
    said = _ran(copy, "resolverd", "check")
    assert "zone-missing-address: KX points to nowhere.inference.example." in said
    assert "write it like KX 10 gateway" in said
