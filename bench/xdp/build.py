"""Compiles the C and the BPF of this directory into `build/` beside it."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "build"
PROGRAMS: dict[str, tuple[str, ...]] = {
    "echo_socket": (),
    "echo_xsk": ("-lxdp", "-lbpf"),
    "load": ("-lxdp", "-lbpf"),
    "answer": ("-lbpf",),
    "longest": ("-lbpf",),
}
STRICT = ("-O2", "-Wall", "-Wextra", "-Werror")
# Debian keeps asm/types.h where only the compiler of the machine itself looks.
HEADERS = f"-I/usr/include/{platform.machine()}-linux-gnu"
BPF = ("clang", *STRICT, "-g", "-target", "bpf", HEADERS, "-c")


def build() -> None:
    """Everything anew; `subprocess.CalledProcessError` where a compiler objects."""
    BUILD.mkdir(exist_ok=True)
    for name, libraries in PROGRAMS.items():
        source, program = str(HERE / f"{name}.c"), str(BUILD / name)
        subprocess.run(["cc", *STRICT, source, "-o", program, *libraries], check=True)
    for text in sorted(HERE.glob("*.bpf.c")):
        _build_bpf(text, text.stem)
    _build_bpf(HERE / "answer.bpf.c", "answer_blocks.bpf", "-DBLOCKS")


def _build_bpf(source: Path, name: str, *options: str) -> None:
    subprocess.run([*BPF, *options, str(source), "-o", str(BUILD / f"{name}.o")], check=True)
