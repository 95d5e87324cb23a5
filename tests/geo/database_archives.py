"""Databases and archives of them, as servers have them; and what a directory holds."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from mmdb_writer import Record, mmdb_bytes

SG: Record = {"country_code": "SG", "latitude": 1.35, "longitude": 103.82}
SOUND = mmdb_bytes({f"10.{i}.0.0/16": {**SG, "city": str(i)} for i in range(200)})
BROKEN = bytes(5000) + SOUND[5000:]
ASN = mmdb_bytes({"10.0.0.0/8": SG}, "domain ipv4")


def tarball(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def silent(stage: str, done: int, total: int | None) -> None:
    assert stage in ("download", "check")
    assert done >= 0
    assert total is None or done <= total


def contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.iterdir()}
