"""A process that ends while a thread of it is in the library ends soundly."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resolverd.abi.library import why_not

pytestmark = pytest.mark.skipif(
    why_not() is not None, reason=f"the native engine is not tested: {why_not()}"
)

PROGRAM = """
import threading
from resolverd.geo.locator import Locator
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins
from resolverd.snapshot.clientmap import Ranking
from resolverd.snapshot.compiledmap import CompiledClientMap

names = tuple(f"r{n}" for n in range(40))
spots = {name: (n * 3.0 - 60, n * 8.0 - 160) for n, name in enumerate(names)}
ranking = Ranking("nearest", names, spots, dict.fromkeys(names, 1), 24, 48)
edge = Place(50.1, 8.7, None, None, "edge")
made = CompiledClientMap(ranking, [], GeoPins({}, {}), Locator.embedded(), edge)
begun = threading.Event()

def keep():
    while True:
        begun.set()
        made.native.saved()

threading.Thread(target=keep, daemon=True).start()
begun.wait()
"""


def test_a_map_that_is_being_kept_outlives_the_interpreter() -> None:
    for _ in range(5):  # which thread has the lock as Python ends is chance
        ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, b"")
