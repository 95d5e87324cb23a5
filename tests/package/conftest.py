"""Fixtures: a booted Debian of each release, and the packages of two versions in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from package.installation import Installation
from package.roots import SUITES, Packages, built, later, unpacked, why_not
from systemd.box import boot
from systemd.box import why_not as why_no_box
from systemd.service import Endpoint, Service
from systemd.shown_journal import pytest_runtest_makereport as pytest_runtest_makereport


@pytest.fixture(scope="session", params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    """A release of Debian. Skips, and says why, where the packages cannot be tried."""
    reason = why_not() or why_no_box()
    if reason:
        pytest.skip(f"NO PACKAGE TESTED: {reason}")
    return str(request.param)


@pytest.fixture(scope="session")
def root(suite: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its root, unpacked; nobody writes there."""
    return unpacked(suite, tmp_path_factory.mktemp("roots"))


@pytest.fixture(scope="session")
def now(suite: str) -> Packages:
    """The packages."""
    return built(suite)


@pytest.fixture(scope="session")
def next_version(now: Packages, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Those of a later version."""
    return later(now, tmp_path_factory.mktemp("later") / "debs")


@pytest.fixture
def installation(root: Path, tmp_path: Path) -> Iterator[Installation]:
    """A freshly booted system without the packages."""
    with boot(tmp_path, {}, lower=root) as box:
        yield Installation(box)


@pytest.fixture
def endpoint(installation: Installation) -> Iterator[Endpoint]:
    """What every region's probe asks."""
    made = Endpoint(installation.box)
    yield made
    made.close()


@pytest.fixture
def service(installation: Installation, endpoint: Endpoint) -> Service:
    """The daemon of the package, which is not installed yet."""
    return Service(installation.box, endpoint)
