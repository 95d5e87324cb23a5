"""Fixtures: a booted systemd, and resolverd installed in it but not started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from systemd.box import ROOT, Box, boot, library_path, why_not
from systemd.service import Endpoint, Service
from systemd.shown_journal import pytest_runtest_makereport as pytest_runtest_makereport

NEWER = ROOT / ".cache/systemd-newer"
"""Where `.ci/systemd` unpacks a systemd that is newer than the machine's."""


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A real systemd with the shipped units. Skips, and says why, where it cannot be had."""
    with _booted(tmp_path_factory.mktemp("box")) as booted:
        yield booted


@pytest.fixture(scope="session")
def newer_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """The same with a newer systemd."""
    if not NEWER.exists():
        pytest.skip("NO NEWER SYSTEMD TESTED: it is not unpacked here; see .ci/systemd")
    with _booted(tmp_path_factory.mktemp("newer-box"), NEWER) as booted:
        yield booted


@contextmanager
def _booted(folder: Path, layer: Path | None = None) -> Iterator[Box]:
    reason = why_not()
    if reason:
        pytest.skip(f"NO SYSTEMD TESTED: {reason}")
    shipped = (ROOT / "systemd").iterdir()
    units = {f"/usr/lib/systemd/system/{path.name}": path.read_text() for path in shipped}
    found = library_path()
    interpreter = f"[Service]\nEnvironment=LD_LIBRARY_PATH={found}\n" if found else ""
    units["/etc/systemd/system/resolverd.service.d/interpreter.conf"] = interpreter
    with boot(folder, units, layer) as booted:
        yield booted


@pytest.fixture
def endpoint(box: Box) -> Iterator[Endpoint]:
    """What every region's probe asks."""
    made = Endpoint(box)
    yield made
    made.close()


@pytest.fixture
def service(box: Box, endpoint: Endpoint) -> Iterator[Service]:
    """The units, not started, on a host that nobody has served from; stopped at the end."""
    made = Service(box, endpoint)
    # What an earlier test left would be served in place of files that are refused.
    box.run("sh", "-c", "rm -rf /var/lib/resolverd/*")
    made.install()
    yield made
    endpoint.gate.set()
    made.systemctl("stop", "resolverd.service", "resolverd.socket")
    made.box.run("systemctl", "unmask", "resolverd.socket")
    made.box.run("systemctl", "reset-failed")
