"""A running daemon with both listeners of its admin API open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from admin_client import ADMIN, SERVICES, ZONE, AdminClient, opened
from harness.daemon import Endpoints, endpoints, running, write_files


@pytest.fixture
async def played() -> AsyncIterator[Endpoints]:
    """The endpoints of every region."""
    async with endpoints() as playing:
        yield playing


@pytest.fixture
def config(tmp_path: Path, played: Endpoints) -> Path:
    """A configuration whose admin API has a socket, a port and a token."""
    (tmp_path / "token").write_text("open-sesame\n")
    return write_files(
        tmp_path, {"inference.example.": ZONE}, played, services=SERVICES, admin=ADMIN
    )


@pytest.fixture
async def admin(config: Path) -> AsyncIterator[AdminClient]:
    """The admin API of a daemon that is ready."""
    async with running(config) as daemon, opened(daemon, config) as found:
        yield found
