"""What daemons of these tests ask: endpoints, and a page of round-trip times."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from harness.daemon import Endpoints, endpoints
from page_server import Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server of a page."""
    async with serving() as made:
        yield made


@pytest.fixture
async def played() -> AsyncIterator[Endpoints]:
    """The endpoints of every region."""
    async with endpoints() as playing:
        yield playing
