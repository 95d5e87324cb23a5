"""A place with a zone that external-dns keeps a part of, and a provider of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from external_dns.provider_process import Provider, running
from harness.config import config_text


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A configuration whose zone includes the fragment, which is not there yet."""
    write_place(tmp_path)
    with (tmp_path / "zones" / "inference.zone").open("a") as zone:
        zone.write('$INCLUDE "external-dns.records"\n')
    (tmp_path / "resolverd.toml").write_text(config_text(SERVICES, server=SERVER))
    return tmp_path


@pytest.fixture
def provider(place: Path) -> Iterator[Provider]:
    """A provider of that place."""
    with running(place) as process:
        yield process
