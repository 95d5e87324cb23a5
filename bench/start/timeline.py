"""What a start spends its time on: when each stage of a daemon begins and ends, in which thread.

    python -m bench.start.timeline [full|small] [--again] [--rounds 5]

A daemon starts in an interpreter that notes when the functions of `STAGES` begin and end, and how
long the imports of `MODULES` take; seconds count from just before its spawn. A note takes
microseconds, so that a start is as long as any other. Rows that overlap are of threads side by
side; what stands inside another row of its thread is a part of that. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.native.start import Bench, opened
from bench.peers.resolverd import Resolverd
from bench.peers.server import Site, running
from bench.peers.world import World
from bench.report import show
from bench.start.run import DATABASE, STATE
from resolverd.geo import embedded

# By module: functions, and methods by their classes.
STAGES = {
    "resolverd.geo.preload": ["begin", "_open_all"],
    "resolverd.files.large": ["copy_into_memory", "_digest_in_memory"],
    "resolverd.geo.database": ["Database.copied", "Database.place_index"],
    "resolverd.config.load": ["load_config", "_validate"],
    "resolverd.config.sources": ["read_sources"],
    "resolverd.config.checks": ["cross_check"],
    "resolverd.config.targets": ["probe_targets"],
    "resolverd.snapshot.inputs": ["load_inputs", "zone_files", "open_databases", "check_together"],
    "resolverd.zone.files": ["match_files"],
    "resolverd.restoration": ["Restoration.holding"],
    "resolverd.snapshot.precompile": ["_Maps._make", "_Maps.help"],
    "resolverd.snapshot.kept_maps": ["KeptMaps.find", "KeptMaps.keep", "key_of"],
    "resolverd.abi.map": ["NativeMap.__init__", "NativeMap.saved", "PlaceIndex.__init__"],
    "resolverd.observation": ["Observation.__init__", "Observation.start", "Observation.tick"],
    "resolverd.health.monitor": ["Monitor.start", "Monitor.first_round"],
    "resolverd.snapshot.compile": ["compile_plan", "compile_services"],
    "resolverd.snapshot.steer": ["steer"],
    "resolverd.snapshot.verify": ["verify"],
    "resolverd.engine.image": ["plan_image", "steering_image"],
    "resolverd.abi.tables": ["PlanTables.__init__", "SnapshotTables.__init__"],
    "resolverd.engine.native": ["NativeEngine.staged", "NativeEngine.start"],
    "resolverd.publication": ["Publication.first"],
    "resolverd.handover.succession": ["Succession.succeed"],
    "resolverd.supervision": ["Supervision.ready"],
    "resolverd.daemon": ["Daemon._restored", "Daemon.start"],
}
MODULES = ("resolverd.cli", "resolverd.geo.preload", "resolverd.daemon", "uvloop", "aiohttp")

# Seconds after the first answer until the files of the next start are written.
_KEPT = 2.0

# Runs in the daemon's interpreter. Rows go to a file, as JSON, one a line.
_PROGRAM = """
import functools, importlib._bootstrap_external as external, inspect, json, sys, threading, time
since, said = float(sys.argv[1]), open(sys.argv[2], "w", buffering=1)
stages, modules = json.loads(sys.argv[3]), json.loads(sys.argv[4])
sys.argv[:5] = ["resolverd"]

def note(name, begun, cpu):
    thread = threading.current_thread().name
    row = [name, thread, begun - since, time.time() - since, time.thread_time() - cpu]
    said.write(json.dumps(row) + "\\n")

def noted(name, function):
    @functools.wraps(function)
    async def waited(*args, **kwargs):
        begun, cpu = time.time(), time.thread_time()
        try:
            return await function(*args, **kwargs)
        finally:
            note(name, begun, cpu)
    @functools.wraps(function)
    def called(*args, **kwargs):
        begun, cpu = time.time(), time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            note(name, begun, cpu)
    return waited if inspect.iscoroutinefunction(function) else called

def wrap(module):
    for path in stages.get(module.__name__, ()):
        owner, _, name = path.rpartition(".")
        holder = getattr(module, owner) if owner else module
        found = inspect.getattr_static(holder, name)
        if isinstance(found, classmethod):
            setattr(holder, name, classmethod(noted(path, found.__func__)))
        else:
            setattr(holder, name, noted(path, found))

def measured(loader):
    execute = loader.exec_module
    def exec_module(self, module):
        begun, cpu = time.time(), time.thread_time()
        execute(self, module)
        if module.__name__ in modules:
            note("import " + module.__name__, begun, cpu)
        wrap(module)
    loader.exec_module = exec_module

note("interpreter", since, 0.0)
measured(external.SourceFileLoader)
measured(external.ExtensionFileLoader)
from resolverd.__main__ import main
sys.exit(main())
"""


class Stage(NamedTuple):
    """One stage: seconds from the spawn, and CPU seconds of its own thread."""

    begun: float
    ended: float
    cpu: float
    thread: str = ""


class Noted(Resolverd):
    """The native engine in an interpreter that notes its stages."""

    def __init__(self) -> None:
        super().__init__("native", own_state=True)

    def command(self, site: Site) -> list[str]:
        """Seconds count from now on."""
        python, _, _, *words = super().command(site)
        tables = json.dumps(STAGES), json.dumps(MODULES)
        return [python, "-c", _PROGRAM, str(time.time()), str(_said(site)), *tables, *words]


def main() -> int:
    """Start again and again, and print the stages in the order in which they begin."""
    options = _options()
    with opened(lambda text: print(text, file=sys.stderr)) as bench:
        rounds = list(_rounds(bench, options))
    rows = []
    for name in dict.fromkeys(name for stages in rounds for name in stages):
        of = [stages[name] for stages in rounds if name in stages]
        columns = ([stage.begun for stage in of], [s.ended for s in of], [s.cpu for s in of])
        begun, ended, cpu = (round(statistics.median(column), 3) for column in columns)
        rows.append((begun, ended, cpu, of[0].thread, name))
    show("stages", [("from", "to", "cpu", "thread", "what"), *sorted(rows)])
    return 0


def _rounds(bench: Bench, options: argparse.Namespace) -> Iterator[dict[str, Stage]]:
    """The stages of each start, by name; of what begins again, with a number."""
    small = bench.place / "small.mmdb"
    small.write_bytes(embedded.content())
    database = DATABASE if options.database == "full" else small
    world = World(database, options.zones, options.regions, options.services)
    server, site = Noted(), bench.site("timeline", world)
    for number in range(options.rounds + options.again):
        if not options.again:
            shutil.rmtree(site.place / STATE, ignore_errors=True)
        with running(server, site) as served:
            time.sleep(_KEPT)
        if number or not options.again:
            yield {"first right answer": Stage(0.0, served.start_s, 0.0), **_stages(site)}


def _stages(site: Site) -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    for line in _said(site).read_text().splitlines():
        name, thread, begun, ended, cpu = json.loads(line)
        before = sum(known.partition(" #")[0] == name for known in found)
        found[f"{name} #{before + 1}" if before else name] = Stage(begun, ended, cpu, thread)
    return found


def _said(site: Site) -> Path:
    return site.place / "stages"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the stages of a start")
    parser.add_argument("database", nargs="?", choices=("full", "small"), default="full")
    parser.add_argument("--again", action="store_true", help="later starts, with all kept")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    for name, count in (("zones", 1), ("regions", 4), ("services", 1)):
        parser.add_argument(f"--{name}", type=int, default=count, help="(%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
