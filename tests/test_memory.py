"""What a start has freed is the kernel's again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resolverd import memory

MIB = 2**20
# Blocks as a load makes them: large ones, the first of which would raise glibc's own threshold for
# mapping them, and then small ones on top, some of which stay.
PROGRAM = """
import re, sys, threading
from resolverd import memory

def anonymous():
    with open("/proc/self/smaps_rollup") as rollup:
        return int(re.search(r"^Anonymous: +([0-9]+) kB", rollup.read(), re.M)[1]) * 1024

def load(kept):
    for _ in range(3):
        large = [bytearray(24 * 2**20) for _ in range(2)]
        kept.append(bytearray(4000))
        del large

if sys.argv[1] == "little":
    memory.keep_little()
kept = []
before = anonymous()
for _ in range(3):
    thread = threading.Thread(target=load, args=[kept])
    thread.start()
    thread.join()
if sys.argv[1] == "little":
    memory.give_back()
print(anonymous() - before)
"""


def left_by(how: str) -> int:
    """Octets that a process has after a load and had not before, under either policy."""
    words = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def test_what_was_loaded_and_dropped_goes_back() -> None:
    assert left_by("little") < 2 * MIB < left_by("as it comes")


def test_nothing_happens_where_the_c_library_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    memory.keep_little()
    memory.give_back()
