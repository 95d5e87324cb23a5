"""Fixtures: servers of a tiny model. Every start costs half a minute, so sound ones are shared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from figures import Figures
from real_vllm import PYTHON, QUEUE, Vllm, vllm
from tiny_llama import write_model

_FIGURES = Figures()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was measured."""
    if _FIGURES:
        terminalreporter.section("measured against the bars of docs/health.md")
        for figure in _FIGURES:
            terminalreporter.write_line(str(figure))


@pytest.fixture
def figures() -> Figures:
    """Where measurements are recorded."""
    return _FIGURES


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    assert PYTHON.exists(), f"there is no {PYTHON}; `make test-vllm` makes it"
    folder = tmp_path_factory.mktemp("vllm") / "tiny"
    folder.mkdir()
    write_model(folder)
    return folder


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def far(model: Path) -> AsyncIterator[Vllm]:
    """A server to which no harm is done."""
    async with vllm(model) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def near(model: Path) -> AsyncIterator[Vllm]:
    """A server to do mendable harm to: two requests run at once, and it takes `QUEUE`."""
    options = ("--max-num-seqs", "2", "--max-num-queued-reqs", str(QUEUE))
    async with vllm(model, *options) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a connection from before, as each user's is."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session
