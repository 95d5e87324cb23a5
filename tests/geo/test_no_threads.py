"""Where no thread can be started the library refuses a database or map, and the process goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from resolverd.abi.library import why_not

pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason="the native library is not built"),
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become a user of few threads"),
]

# RLIMIT_NPROC (setrlimit(2)) counts a user's threads, and is not for root. All is loaded before.
_PROGRAM = """
import os, resource
from resolverd.abi.map import Geography, NativeMap, Region
from resolverd.errors import GeoError
from resolverd.geo import embedded
from resolverd.geo.database import Database

geography = Geography(
    policy="nearest", block_v4=24, block_v6=48, edge=(50.0, 8.0),
    regions=[Region(1.0, 103.0, 1, 1)], pins=[], subnets=[], countries=[], continents=[],
    biases=[(1.0, 0.0)],
)
content = embedded.content()
database = Database.of(content, "it")
places = database.place_index()
with database.lend() as lent:
    whole = NativeMap([(lent, places)], geography)
    os.setgid(65534)
    os.setuid(4_000_000_001)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    for refused in (
        lambda: NativeMap([(lent, places)], geography),
        lambda: Database.of(content, "it").place_index(),
    ):
        try:
            refused()
        except GeoError as error:
            print(error)
    print(NativeMap.restored(bytes(whole.saved()), geography))
"""


def test_no_thread_for_a_map_or_a_check_is_a_refusal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    compiled, checked, restored = done.stdout.splitlines()
    for refused in (compiled, checked):
        assert "the native library gave up: " in refused
        assert "thread" in refused
    assert restored == "None"
