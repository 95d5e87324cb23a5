"""The laboratory, made once for a file of tests, or why it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.fleet.lab.lab import Lab
from bench.fleet.lab.needs import missing


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Five edges that answer; nothing of it is left afterwards."""
    yield from _made(tmp_path_factory.mktemp("lab"), published=False)


@pytest.fixture(scope="module")
def published_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same, whose configuration comes from the fleet."""
    yield from _made(tmp_path_factory.mktemp("published"), published=True)


def _made(folder: Path, *, published: bool) -> Iterator[Lab]:
    if lacks := missing():
        pytest.skip(f"NO FLEET IS TESTED IN NAMESPACES. It needs: {'; '.join(lacks)}")
    with Lab(folder, published=published) as made:
        yield made
