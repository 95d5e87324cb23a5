"""When a death is answered by a daemon that has more queries than its one core can answer.

    python -m bench.native.saturated [--deaths 3]

The daemon and its probes have one core, the generator another. An endpoint is stopped, so that it
hangs; from then on it counts until that region's clients are given another: asked at a twentieth of
its rate, asked for as much as it can answer, and that while a zone of 100,000 names is reloaded as
well. All three take what `probe.interval`, its timeout and its failures take; what is more than in
the first is what the load costs.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from signal import SIGCONT, SIGSTOP
from typing import Any

from bench.load import generator
from bench.load.build import build
from bench.native.meanwhile import Meanwhile, reloading, repeated, stand_back
from bench.native.run import DATABASE
from bench.native.sample import GENERATOR_CPU, SERVER_CPU, load_for, sample
from bench.native.start import Bench, opened
from bench.peers.ask import address, ask
from bench.peers.process import keep_on
from bench.peers.resolverd import Resolverd
from bench.peers.server import FailedError, Mode, Running, running
from bench.peers.world import World
from bench.report import ENDPOINT, ROOT, machine, show, write

_NAMES = 100_000
# Where clients of the first region are, by the full city database.
_SUBNET = "198.82.0.0"
# Seconds within which a death must be answered, for the bench to go on.
_LIMIT = 60.0
# Seconds of load before a death: a reload is under way by then.
_BEFORE = 1.0
# Seconds between two questions.
_PACE = 0.02


def main() -> int:
    """Measure, print, write."""
    options = _options()
    build()
    with opened(lambda text: print(text, file=sys.stderr)) as bench:
        stand_back()
        rows = list(_rows(bench, options.deaths))
    show("seconds from a death to another answer", [[*rows[0]], *([*r.values()] for r in rows)])
    print(f"written: {write('native-saturated', {**machine(), 'rows': rows})}")
    return 0


def _rows(bench: Bench, deaths: int) -> Iterator[dict[str, Any]]:
    words = [*ENDPOINT, "1"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as endpoint:
        try:
            assert endpoint.stdout is not None
            health = (int(endpoint.stdout.readline()), *bench.health[1:])
            site = bench.site("resolverd", replace(World(DATABASE), names=_NAMES))
            with running(Resolverd("native"), replace(site, health=health)) as served:
                keep_on(served.pid, [SERVER_CPU])
                yield from _measured(bench, served, endpoint, deaths)
        finally:
            endpoint.send_signal(SIGCONT)
            endpoint.terminate()


def _measured(
    bench: Bench, served: Running, endpoint: subprocess.Popen[str], deaths: int
) -> Iterator[dict[str, Any]]:
    rate = sample(served, Mode.GEO, 1.0).rate
    for name, asked, what in (
        ("little", rate / 20, None),
        ("all it can answer", 0.0, None),
        ("that, and reloading", 0.0, reloading(served)),
    ):
        bench.say(name)
        found = [_death(served, endpoint, asked, what) for _ in range(deaths)]
        yield {
            "asked": name,
            "median s": round(statistics.median(found), 2),
            "most s": round(max(found), 2),
        }


def _death(
    served: Running, endpoint: subprocess.Popen[str], rate: float, what: Meanwhile | None
) -> float:
    """Seconds from a stop to the first other answer of that region's clients."""
    before = _answer(served)
    with repeated(what), _loaded(served, rate):
        time.sleep(_BEFORE)
        endpoint.send_signal(SIGSTOP)
        took = _until(lambda: _answer(served) not in (None, before))
    endpoint.send_signal(SIGCONT)
    _until(lambda: _answer(served) == before)
    return took


@contextmanager
def _loaded(served: Running, rate: float) -> Iterator[None]:
    words = generator.command(load_for(served, Mode.GEO, _LIMIT, rate=rate), GENERATOR_CPU)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as loading:
        try:
            yield
        finally:
            loading.terminate()


def _until(holds: Callable[[], bool]) -> float:
    """Seconds until it does. Raises FailedError where that takes longer than the limit."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > _LIMIT:
            raise FailedError(f"the answer has not changed in {_LIMIT:g} s")
        time.sleep(_PACE)
    return time.monotonic() - start


def _answer(served: Running) -> str | None:
    return address(ask(served.site.port, "geo.z0000.example", subnet=_SUBNET, wait=0.2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="deaths while there is too much to answer")
    parser.add_argument("--deaths", type=int, default=3, help="of each (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
