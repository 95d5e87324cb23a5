"""The fleet of published sets, made once for a file of tests, and a link that is none."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from published_lab import Lab, published_lab

from resolverd.fleet.link import Link


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


@pytest.fixture
def link() -> Link:
    """One that has a quorum, and knows of nothing."""
    state = SimpleNamespace(quorum=True, since=0.0)
    store = SimpleNamespace(known=lambda _: {}, follow=lambda *_: None)
    return cast(Link, SimpleNamespace(state=state, store=store))
