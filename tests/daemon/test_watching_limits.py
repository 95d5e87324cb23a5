"""Edits are adopted where inotify cannot be had, for want of instances or of permission."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from harness.daemon import endpoints, serving, write_files
from harness.server import HEAD

NO_INSTANCES = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"',
    "sh",
)
"""In a user namespace that may have no inotify instance (user_namespaces(7))."""

NO_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""As a user for whom permissions count, root included."""

ZONE = f"{HEAD}chat 60 DYNA chat\n"


def _possible(through: Sequence[str]) -> None:
    try:
        subprocess.run([*through, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as wrong:
        pytest.skip(f"{through[0]}: {wrong}")


async def test_without_an_inotify_instance_files_are_scanned(tmp_path: Path) -> None:
    _possible(NO_INSTANCES)
    async with endpoints() as served:
        path = write_files(tmp_path, {"inference.example.": ZONE}, served)
        async with serving(path, through=NO_INSTANCES) as process:
            event = await process.until("edits.polling")
            assert "Too many open files" in event["reason"]
            _raise_serial(tmp_path / "0.zone")
            await process.until("reload.adopted")


async def test_an_included_file_may_lie_where_nothing_may_be_listed(tmp_path: Path) -> None:
    _possible(NO_CAPABILITIES)
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "more.inc").write_text("more 60 A 192.0.2.90\n")
    parts.chmod(0o300)
    try:
        async with endpoints() as served:
            path = write_files(tmp_path, {"inference.example.": ZONE}, served)
            async with serving(path, through=NO_CAPABILITIES) as process:
                zone = tmp_path / "0.zone"
                _raise_serial(zone)
                zone.write_text(f"{zone.read_text()}$INCLUDE parts/more.inc\n")
                await process.until("reload.adopted")
                (parts / "more.inc").write_text("more 60 A 192.0.2.91\n")
                await process.until("reload.adopted", 2)
    finally:
        parts.chmod(0o700)


def _raise_serial(zone: Path) -> None:
    text = zone.read_text()
    assert " 7 " in text
    zone.write_text(text.replace(" 7 ", " 8 "))
