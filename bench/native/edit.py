"""How long an edit of one large zone takes to be on the wire, beside gdnsd, by turns.

    python -m bench.native.edit [--names 100000] [--rounds 3] [--servers NAME …] [--stages]

Each kind of edit is saved, and adopted by a reload that is asked for (gdnsd knows no other way).
One daemon notices them itself, with `server.settle` at 0, which is a pause that operators choose.
Time counts from the save, or from the request, to the first answer with the new serial. CPU is
that of the whole server. Meanwhile the event loop is asked again and again: its slowest answer
bounds how long anything held it. `--stages` tells what the parts of a reload cost.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from bench.native.edit_stages import stages
from bench.native.edit_world import Edited, edits, first, with_serial
from bench.native.run import DATABASE
from bench.native.start import opened
from bench.peers.ask import serial, until
from bench.peers.gdnsd import Gdnsd
from bench.peers.process import cpu_ns
from bench.peers.resolverd import Resolverd, link
from bench.peers.server import FailedError, Running, Server, Site, running
from bench.peers.world import World
from bench.report import machine, show, write

BAR_S = 0.5
"""Seconds from an edit of one name to the answer, with a core free."""
BROAD = frozenset({"$TTL"})
"""Edits that change every record, for which the bar is none."""
_LIMIT = 60.0
_ASK_INTERVAL = 0.01


class _Large(Server):
    """A server whose one zone is large; `text` is what it serves now, of the file `path`.

    With `watches` it adopts what it notices, and else what it is asked to.
    """

    includes = True
    watches = False
    names = 100_000
    text: Edited
    path: Path

    def write_zones(
        self, site: Site, geo: str | Callable[[int], str], name: Callable[[str], str] = str
    ) -> None:
        """The first state of the zone."""
        site.zones.mkdir(exist_ok=True)
        (origin,) = site.world.origins()
        lines = geo if isinstance(geo, str) else geo(0)
        self.text = first(origin, self.names, lines, includes=self.includes)
        self.path = site.zones / name(origin)
        self.text.write(self.path)


class LargeGdnsd(_Large, Gdnsd):
    """gdnsd, to which every file beside the zone would be a zone."""

    includes = False


class LargeResolverd(_Large, Resolverd):
    """resolverd, which adopts a file when it is asked to, or once it notices it."""

    def __init__(self, engine: Literal["native", "reference"], *, watches: bool = False) -> None:
        super().__init__(engine)
        self.watches = watches
        self.name += ", watching" if watches else ""

    def command(self, site: Site) -> list[str]:
        """Either way without a pause."""
        words = ['server.settle="0s"', f"server.watch={str(self.watches).lower()}"]
        return super().command(site) + [part for word in words for part in ("--set", word)]


def main() -> int:
    """Measure, print, write."""
    options = _options()
    _Large.names = options.names
    known: list[Server] = [
        LargeGdnsd(),
        LargeResolverd("native"),
        LargeResolverd("native", watches=True),
        LargeResolverd("reference"),
    ]
    chosen = [s for s in known if not options.servers or s.name in options.servers]
    rows: list[dict[str, Any]] = []
    with opened(lambda text: print(text, file=sys.stderr)) as bench, ExitStack() as stack:
        servers: list[Running] = []
        for server in chosen:
            try:
                site = bench.site(server.name, World(DATABASE if DATABASE.exists() else None))
                servers.append(stack.enter_context(running(server, site)))
            except FailedError as error:
                bench.say(f"{server.name} is left out: {error}")
        for number in range(options.rounds):
            for kind in edits(number, options.names):
                rows += [_edited(served, kind, number, options.names) for served in servers]
    shown = ["kind", "server", "s", "cpu_s", "lag_ms", "bar_s", "met"]
    table = list(_summary(rows))
    show("save to answer, medians", [shown, *([row[key] for key in shown] for row in table)])
    measured: dict[str, Any] = {"names": options.names, "rounds": options.rounds, "rows": table}
    if options.stages:
        measured["stages"] = stages(options.names)
        listed = [[name, *cells] for name, cells in measured["stages"].items()]
        show("CPU s of a reload's parts", [["part", *edits(0, options.names)], *listed])
    print(f"written: {write('native-edit', {**machine(), **measured})}")
    return 0


def _edited(served: Running, kind: str, number: int, names: int) -> dict[str, Any]:
    """One edit of that kind, in place each second time."""
    server = served.server
    assert isinstance(server, _Large)
    edited, wanted = edits(number, names)[kind](server.text), served.site.serial + 1
    served.site = replace(served.site, serial=wanted)
    server.text = with_serial(edited, wanted)
    (origin,) = served.site.world.origins()
    cpu = cpu_ns(served.pid)
    with _asked(served) as lags:
        start = time.monotonic()
        server.text.write(server.path, in_place=number % 2 == 1)
        asked = threading.Thread(target=server.reload, args=(served.site, served.pid))
        if not server.watches:
            start = time.monotonic()
            asked.start()
        port = served.site.port
        if until(lambda: serial(port, origin) == wanted, _LIMIT, served.lives) is None:
            raise FailedError(f"{server.name} did not adopt an edit\n{served.last_words()}")
        taken = time.monotonic() - start
        if asked.ident is not None:
            asked.join()
    return {
        "kind": kind,
        "server": server.name,
        "s": taken,
        "cpu_s": (cpu_ns(served.pid) - cpu) / 1e9,
        "lag_ms": max(lags, default=0.0) * 1000,
    }


@contextmanager
def _asked(served: Running) -> Iterator[list[float]]:
    """Ask the event loop of resolverd again and again; seconds of each answer."""
    lags: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(_ASK_INTERVAL):
            start = time.monotonic()
            link(served.site).get("/healthz")
            lags.append(time.monotonic() - start)

    if not isinstance(served.server, Resolverd):
        yield lags
        return
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield lags
    finally:
        ended.set()
        thread.join()


def _summary(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The medians of each kind by each server; of lags the longest."""
    for kind, server in dict.fromkeys((row["kind"], row["server"]) for row in rows):
        these = [row for row in rows if (row["kind"], row["server"]) == (kind, server)]
        taken = statistics.median(row["s"] for row in these)
        bar = None if kind in BROAD or server == Gdnsd.name else BAR_S
        yield {
            "kind": kind,
            "server": server,
            "s": round(taken, 3),
            "cpu_s": round(statistics.median(row["cpu_s"] for row in these), 3),
            "lag_ms": round(max(row["lag_ms"] for row in these), 1),
            "bar_s": bar,
            "met": "" if bar is None else "yes" if taken <= bar else "no",
        }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="edits of one large zone, beside gdnsd")
    parser.add_argument("--names", type=int, default=100_000, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--servers", nargs="*", default=[], help="by name; all where none is given")
    parser.add_argument("--stages", action="store_true", help="what the parts of a reload cost too")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
