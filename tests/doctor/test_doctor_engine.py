"""Which engine would serve: every state of the option, of the library and of the platform."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Literal

import pytest
from doctor.tables import assert_finding

from resolverd.doctor.engines import CARGO, engine, installing
from resolverd.engine.choice import would_serve

Wanted = Literal["auto", "native", "reference"]
NONE = "it was not built"


@pytest.mark.parametrize(
    ("wanted", "why_not", "serves", "level", "seen", "hint"),
    [
        ("auto", None, "native", "ok", "the native engine would serve", "server.engine=reference"),
        ("auto", NONE, "reference", "warning", "it was not built; an answer costs", "cargo-web"),
        ("native", None, "native", "ok", "the native engine would serve", "engine=reference"),
        ("native", NONE, None, "fault", "no engine would serve", "engine=reference  # or: apt-get"),
        ("reference", None, "reference", "advice", "the native one is here", "engine=native"),
        ("reference", NONE, "reference", "ok", "the reference engine would", "pip install"),
    ],
)
def test_the_engine_that_would_serve_and_how_to_get_the_other(
    wanted: Wanted, why_not: str | None, serves: str | None, level: str, seen: str, hint: str
) -> None:
    assert would_serve(wanted, why_not) == serves
    assert_finding(engine(wanted, why_not), level, seen, hint)


def test_a_checkout_is_installed_by_make_and_anything_else_by_the_pip_of_this_python(
    tmp_path: Path,
) -> None:
    package = tmp_path / "resolverd"
    assert installing(package).startswith(f"{sys.executable} -m pip install")
    (tmp_path / "Makefile").touch()
    assert installing(package) == "make demo"
    assert "gcc && make demo  #" in engine("auto", NONE, install=installing(package)).hint


def test_off_linux_nobody_is_advised_to_build() -> None:
    found = engine("auto", "it serves on Linux only, and this is Darwin", linux=False)
    assert_finding(found, "advice", "this is Darwin", "on Linux only")
    assert "pip" not in found.hint


def test_the_cargo_told_is_the_one_that_the_crate_asks_for() -> None:
    crate = Path(__file__).parents[2] / "native" / "Cargo.toml"
    assert tomllib.loads(crate.read_text())["package"]["rust-version"] == CARGO
