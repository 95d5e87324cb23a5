"""Checksums of what is published, and a signature over them (minisign).

    python -m release.checksums [--folder dist] [--sign KEY]

`make dist` writes them for what it made. Debian packages are made later and elsewhere: then this
writes them anew, for all that lies there of the version of this checkout.

minisign needs no network and no account: who has the public key can verify a release wherever it
was copied to. The secret key is the maintainers', and is named, never made, here.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

from release.compiler import ROOT

SUMS = "SHA256SUMS"
_PUBLISHED = ("resolverd-{}-py3-none-*.whl", "resolverd-{}.tar.gz", "resolverd-{}.cdx.json")
_DEBIAN = ("resolverd_{}[+]*.deb", "resolverd-common_{}[+]*.deb")


def main() -> int:
    """Write the checksums, signed where a key is named; 2 where there is nothing to publish."""
    chosen = _options()
    published = of_version(chosen.folder, _version())
    if not published:
        print(f"release: nothing of version {_version()} in {chosen.folder}: run make dist first")
        return 2
    sums = write(chosen.folder, published)
    print(sums.read_text(), end="")
    if chosen.sign is not None:
        print(sign(sums, chosen.sign, f"resolverd {_version()}"))
    return 0


def of_version(folder: Path, version: str) -> list[Path]:
    """What lies in the folder of this version: wheels, sources, bill of materials, packages."""
    # A candidate, 1.0rc1, is 1.0~rc1 to Debian: lower than its release.
    patterns = [each.format(version) for each in _PUBLISHED]
    patterns += [each.format(version.replace("rc", "~rc")) for each in _DEBIAN]
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


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


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m release.checksums",
        description="checksums of all that lies in dist/ of this version",
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "dist", help="where it lies (dist)")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="a secret key of minisign")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
