"""What a start lays over files that are refused, and `check` and `doctor` foretell."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.published import RECORD
from resolverd.errors import ConfigError, Problem
from resolverd.kept.directory import StateDirectory
from resolverd.kept.files import Adopted, KeptFiles
from resolverd.restoration import replays_of

ZONES = {"/etc/resolverd/a.zone": b"a", "/etc/resolverd/b.zone": b"b"}
CONFIG = "/etc/resolverd/resolverd.toml"


@pytest.mark.parametrize(
    ("more", "laid_over"),
    [
        ({}, [["/etc/resolverd/a.zone"], sorted([CONFIG, *ZONES])]),
        ({f"/state/{RECORD}": b"{}"}, [sorted([CONFIG, *ZONES, f"/state/{RECORD}"])]),
    ],
    ids=["of an operator", "a published set, whole or not at all"],
)
async def test_what_a_start_lays_over_a_refused_zone(
    tmp_path: Path, more: dict[str, bytes], laid_over: list[list[str]]
) -> None:
    kept = KeptFiles(StateDirectory(tmp_path), Path(CONFIG))
    manifest = kept.save(
        Adopted({CONFIG: b"", **ZONES, **more}, {path: [path] for path in ZONES}, {}, {})
    )
    assert manifest is not None
    found = Problem("/etc/resolverd/a.zone", 1, 1, "zone-bad-rdata", "wrong")
    replays = await replays_of(kept, manifest, ConfigError([found]))
    assert [files for files, _ in replays] == laid_over
