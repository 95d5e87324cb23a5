"""One daemon process for all the programs that only ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from clients.client_world import ZONE, prepare
from harness.daemon import Asked, endpoints, serving, write_files


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    """Where the daemon process listens."""
    folder = tmp_path_factory.mktemp("daemon")
    async with endpoints() as served:
        path = write_files(folder, {"inference.example.": ZONE}, served, server=prepare(folder))
        async with serving(path) as process:
            yield process.asked
