"""Where a real vLLM cannot be had, its set-up says why and changes nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_machine_that_cannot_have_it_is_told_why(tmp_path: Path) -> None:
    """Status 3 is what .ci/run takes for a reason to skip, and nothing else."""
    tried = subprocess.run(
        [ROOT / ".ci" / "vllm", tmp_path / "venv"],
        env={**os.environ, "VLLM_PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 3
    assert tried.stderr.startswith("no vLLM here: ")
    assert not list(tmp_path.iterdir())
