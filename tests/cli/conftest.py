"""A directory with a configuration, a zone and a city database, as an operator would have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from cli.live import Live, live
from harness.config import config_text


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory in which every verb works: Tokyo is 1.0.0.0/8 and Frankfurt 2.0.0.0/8."""
    write_place(tmp_path)
    (tmp_path / "resolverd.toml").write_text(
        config_text(SERVICES, server=SERVER, domain="gpus.example")
    )
    return tmp_path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One daemon for the whole module; each test leaves it as it was."""
    place = tmp_path_factory.mktemp("served")
    write_place(place)
    with live(place, SERVICES, SERVER + "watch = false\n") as found:
        yield found
