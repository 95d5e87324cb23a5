"""The fleet of published sets, made once for a file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from published_lab import Lab, published_lab


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The fleet, as the tests before have left it."""
    with published_lab(tmp_path_factory.mktemp("fleet")) as made:
        yield made


@pytest.fixture
def lab(fleet: Lab) -> Lab:
    """The same, with everything running, its files as they were first."""
    fleet.restore()
    return fleet
