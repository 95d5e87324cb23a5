"""A machine without one of the programs is told which package has it."""

from __future__ import annotations

import shutil

import pytest
from harness.programs import PACKAGES, program


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_program_fails_and_names_its_package(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never skipped: a test that did not run proves nothing."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(pytest.fail.Exception, match=f"apt-get install {PACKAGES[name]}"):
        program(name)
