"""A start tries `server.state` out: each of its steps ends in time on a disk that hangs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from resolverd.files.writing import WRITES
from resolverd.kept.directory import StateDirectory

TIMEOUT = 20.0


@pytest.mark.parametrize("step", ["replace", "unlink"])
def test_a_trial_says_which_file_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    answers, call = threading.Event(), getattr(Path, step)

    def late(path: Path, *given: Any, **named: Any) -> Any:
        if step == "replace" or path.name == "trial":
            answers.wait(TIMEOUT)
        return call(path, *given, **named)

    monkeypatch.setattr(Path, step, late)
    monkeypatch.setattr(WRITES, "limit", 0.05)
    try:
        trouble = StateDirectory(tmp_path).try_out()
        assert f"{tmp_path / 'trial'}: " in trouble
        assert "does not answer" in trouble
    finally:
        answers.set()


def test_a_trial_leaves_nothing(tmp_path: Path) -> None:
    assert StateDirectory(tmp_path).try_out() == ""
    assert not [*tmp_path.iterdir()]
