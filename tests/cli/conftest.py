"""A directory with a configuration, a zone and a city database, as an operator would have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from harness.config import config_text


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory in which every verb works: Tokyo is 1.0.0.0/8 and Frankfurt 2.0.0.0/8."""
    write_place(tmp_path)
    (tmp_path / "resolverd.toml").write_text(
        config_text(SERVICES, server=SERVER, domain="gpus.example")
    )
    return tmp_path
