"""The native library for one target, linked against the oldest glibc that it is to run with.

`zig cc` links, since it has the symbols of each glibc for each architecture; the machine's own
linker would ask for the glibc of this machine. Two builds of one commit give the same octets: no
path of this machine is in them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from release.compiler import ROOT, compiler
from release.targets import Target

_BUILD = (
    *(os.environ.get("CARGO", "cargo"), "build", "--manifest-path", "native/Cargo.toml"),
    *("--release", "--lib", "--locked", "--quiet"),
)
_BUILT = ROOT / "build" / "release"


def library(target: Target, *, built: Path = _BUILT) -> Path:
    """Compile it, and give the path.

    Raises NoCompilerError, CalledProcessError where cargo fails.
    """
    rustc = compiler(target)
    upper = target.triple.upper().replace("-", "_")
    subprocess.run(
        [*_BUILD, "--target", target.triple],
        cwd=ROOT,
        check=True,
        env=os.environ
        | rustc.variables
        | {
            "RUSTC": rustc.rustc,
            "CARGO_TARGET_DIR": str(built / "native"),
            f"CARGO_TARGET_{upper}_LINKER": str(_linker(target, built)),
            # 1 MB in place of 8. `zig cc` takes the symbols too, so a profile names functions of
            # the library of a checkout alone.
            f"CARGO_TARGET_{upper}_RUSTFLAGS": f"--remap-path-prefix={ROOT}=. -Cstrip=debuginfo",
        },
    )
    return built / "native" / target.triple / "release" / "libresolverd_native.so"


def _linker(target: Target, built: Path) -> Path:
    """A program that links for the target, as cargo wants it: one word."""
    built.mkdir(parents=True, exist_ok=True)
    path = built / f"link-{target.machine}"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ziglang cc -target {target.zig} "$@"\n')
    path.chmod(0o755)
    return path
