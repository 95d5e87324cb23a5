"""Checksums of what is published, and a signature over them (minisign).

minisign needs no network and no account: who has the public key can verify a release wherever it
was copied to. The secret key is the maintainers', and is named, never made, here.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

SUMS = "SHA256SUMS"


def write(folder: Path, files: Iterable[Path]) -> Path:
    """Write ``SHA256SUMS`` of them, as ``sha256sum --check`` reads it."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    path = folder / SUMS
    path.write_text("".join(sorted(lines, key=lambda line: line.split()[1])))
    return path


def sign(sums: Path, key: Path, comment: str) -> Path:
    """Sign them with the secret key, whose password minisign asks for; gives the signature's path.

    Raises FileNotFoundError without minisign, CalledProcessError where it refuses.
    """
    subprocess.run(["minisign", "-S", "-s", key, "-t", comment, "-m", sums], check=True)
    return sums.with_name(f"{sums.name}.minisig")
