"""The firewall's rate limit of docs/threat-model.md is one that nft takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "threat-model.md"


def test_nft_takes_the_rules_of_the_page() -> None:
    program = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None or os.geteuid() != 0:
        pytest.skip("it wants nft, and root")
    [rules] = re.findall(r"^```nft\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [program, "--check", "--file", "-"], input=rules, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
