"""Databases that several geography tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # mmdb_writer, whatever pytest's import mode


@pytest.fixture(scope="session")
def corpus() -> Path:
    """MaxMind's own small test databases (LICENSE-APACHE, LICENSE-MIT beside them)."""
    return HERE / "mmdb-test"
