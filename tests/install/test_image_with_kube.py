"""The image that docs/kubernetes.md has made of the shipped one fits it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from release.notices import locked

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "Containerfile").read_text()
DOCUMENTED = re.findall(
    r"```dockerfile\n(.*?)```", (ROOT / "docs/kubernetes.md").read_text(), re.DOTALL
)


def test_what_the_verb_needs_is_put_into_the_environment_that_the_shipped_image_has() -> None:
    (text,) = DOCUMENTED
    (home,) = re.findall(r"-m venv (\S+)", SHIPPED)
    assert f"{home}/bin/pip uninstall" in SHIPPED, "so another pip has to do it"
    installs = re.findall(r"pip --python (\S+) install .*'resolverd\[(\w+)\]'", text)
    ((python, extra),) = installs
    assert python == f"{home}/bin/python"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "kubernetes-asyncio" in "".join(project["optional-dependencies"][extra])
    assert set(re.findall(r"COPY --from=(?:resolverd|build) (\S+) (\S+)", text)) == {(home, home)}


def test_both_are_made_with_the_interpreter_of_one_release() -> None:
    (text,) = DOCUMENTED
    (base,) = re.findall(r"^ARG BASE=(\S+)", SHIPPED, re.MULTILINE)
    assert f"FROM {base} AS build" in text


def test_the_library_of_the_verb_is_the_one_that_tests_run_with() -> None:
    """The lock file of what is shipped has it not, so nothing else would pin it."""
    (text,) = DOCUMENTED
    (version,) = re.findall(r"kubernetes-asyncio==(\S+)", text)
    tried, shipped = (
        dict(locked((ROOT / f"requirements{kind}.lock").read_text())) for kind in ("-dev", "")
    )
    assert tried["kubernetes-asyncio"] == version
    assert "kubernetes-asyncio" not in shipped
