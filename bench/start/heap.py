"""What the memory of a serving daemon is: by mapping, by what Python holds, and by import.

    python -m bench.start.heap [small|full] [native|reference]

The first table is of a daemon that serves and has settled (smaps, proportional set). The second and
the third are of a process that imports as a daemon does: what code and classes take, and by how
much the proportional set grew while each package was imported, less what that imported in turn.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bench.native.start import opened
from bench.peers.resolverd import Resolverd
from bench.peers.server import running
from bench.peers.world import World
from bench.report import ROOT, show
from bench.start.run import DATABASE, SETTLED
from resolverd.geo import embedded

_ROWS = 24
_LINE = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$")
# Runs in an interpreter of its own, so that it imports everything anew.
_IMPORTS = """
import gc, importlib._bootstrap_external as external, re, sys, types
from collections import Counter

def pss():
    with open("/proc/self/smaps_rollup") as file:
        return int(re.search(r"^Pss:\\s+(\\d+)", file.read(), re.M)[1])

grown, inner = Counter(), []

def measured(loader):
    execute = loader.exec_module
    def exec_module(self, module):
        inner.append(0)
        before = pss()
        try:
            return execute(self, module)
        finally:
            whole = pss() - before
            parts = module.__name__.split(".")
            name = ".".join(parts[: 2 if parts[0] == "resolverd" else 1])
            grown[name] += whole - inner.pop()
            if inner:
                inner[-1] += whole
    loader.exec_module = exec_module

measured(external.SourceFileLoader)
measured(external.ExtensionFileLoader)
from resolverd import memory
memory.keep_little()
import resolverd.cli
from resolverd.imports import sparing
with sparing():
    import resolverd.daemon, uvloop
kinds, seen = Counter(), set()

def code(one):
    if id(one) in seen:
        return
    seen.add(id(one))
    kinds["code"] += sys.getsizeof(one)
    kinds["line tables"] += sys.getsizeof(one.co_linetable)
    kinds["names and constants"] += sys.getsizeof(one.co_names) + sys.getsizeof(one.co_consts)
    if one.co_consts and isinstance(one.co_consts[0], str):
        kinds["docstrings"] += sys.getsizeof(one.co_consts[0])
    for constant in one.co_consts:
        if isinstance(constant, types.CodeType):
            code(constant)

gc.unfreeze()  # what is frozen is left out of the objects, too
for one in gc.get_objects():
    name = type(one).__name__
    if isinstance(one, type):
        kinds["classes"] += sys.getsizeof(one)
    elif name in ("dict", "function"):
        kinds[name + "s"] += sys.getsizeof(one)
    if isinstance(one, types.FunctionType):
        code(one.__code__)
for name, octets in kinds.most_common():
    print("kind", name, octets // 1024, sep="\\t")
for name, kib in grown.most_common():
    print("import", name, kib, sep="\\t")
"""


def main() -> int:
    """Print all three."""
    options = _options()
    with opened(lambda text: print(text, file=sys.stderr)) as bench:
        small = bench.place / "small.mmdb"
        small.write_bytes(embedded.content())
        world = World(DATABASE if options.database == "full" else small)
        server = Resolverd(options.engine, own_state=True)
        site = bench.site("heap", world)
        # The second start is one of a host that has started before.
        for last in (False, True):
            with running(server, site) as served:
                time.sleep(SETTLED)
                if last:
                    _show("by mapping, KiB of PSS", _mappings(served.pid))
    words = [sys.executable, "-c", _IMPORTS]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in said.splitlines()]
    for title, kind in (("what Python holds, KiB", "kind"), ("by import, KiB of PSS", "import")):
        _show(title, Counter({name: int(kib) for what, name, kib in rows if what == kind}))
    return 0


def _mappings(pid: int) -> Counter[str]:
    found: Counter[str] = Counter()
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if begun := _LINE.match(line):
            name = Path(begun[1]).name or "anonymous: Python's objects, maps, large blocks"
        elif line.startswith("Pss:"):
            found[name] += int(line.split()[1])
    return found


def _show(title: str, found: Counter[str]) -> None:
    show(title, [("what", "KiB"), *found.most_common(_ROWS), ("all", found.total())])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="what the memory of a serving daemon is")
    parser.add_argument("database", nargs="?", choices=("full", "small"), default="full")
    parser.add_argument("engine", nargs="?", choices=("native", "reference"), default="native")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
