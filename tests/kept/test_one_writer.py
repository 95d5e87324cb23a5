"""A disk that is slow has one writing at a time, and what is newest on it in the end."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest
from harness.waiting import until_holds
from structlog.testing import capture_logs

from resolverd.health.overrides import Override, OverrideKind
from resolverd.kept import keeper as module
from resolverd.kept.directory import StateDirectory
from resolverd.kept.document import KeptState
from resolverd.kept.keeper import NAME, Keeper


class SlowDirectory(StateDirectory):
    """One whose first write waits for the disk; `at_once` are the most that were under way."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.disk = threading.Event()
        self.begun, self.at_once = 0, 0
        self._lock, self._under_way = threading.Lock(), 0

    def write(self, name: str, content: bytes) -> None:
        """As its parent, one day."""
        with self._lock:
            self._under_way += 1
            self.begun += 1
            first, self.at_once = self.begun == 1, max(self.at_once, self._under_way)
        if first:
            self.disk.wait(60)
        super().write(name, content)
        with self._lock:
            self._under_way -= 1


@pytest.mark.parametrize("end", ["too late", "cancelled"])
async def test_what_is_written_late_comes_before_what_is_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """As where a drive stands still for seconds, or a stop comes while ages are written."""
    directory, overrides = SlowDirectory(tmp_path), dict[str, Override]()

    async def current() -> KeptState:
        return KeptState(dict(overrides))

    keeper = Keeper(directory, tmp_path / "resolverd.toml")
    keeper.follow(current)
    with monkeypatch.context() as patch, capture_logs():
        if end == "too late":
            patch.setattr(module, "WRITE_TIMEOUT", 1.0)  # which is for the thread to begin in, too
        first = asyncio.create_task(keeper.write())
        await until_holds(lambda: directory.begun == 1, within=30)
        if end == "cancelled":
            first.cancel()
        await asyncio.wait([first])
    overrides["eu-west"] = Override(OverrideKind.DRAIN, "ann", "new racks", 0.0)
    newer = asyncio.create_task(keeper.write())
    await asyncio.wait([newer], timeout=0.1)
    directory.disk.set()
    await newer
    await until_holds(lambda: directory.begun == 2, within=30)
    assert directory.at_once == 1
    assert json.loads((tmp_path / NAME).read_text())["overrides"].keys() == {"eu-west"}
