"""When a death is answered by a daemon that has more queries than its one core can answer.

    python -m bench.native.saturated [--rounds 2]

The daemon and its probes have one core, the generator another. The endpoint of a region is stopped,
so that it hangs; from then on it counts until that region's clients are given another: asked at a
twentieth of its rate, asked for as much as it can answer, and that while a zone of 100,000 names is
reloaded as well. Each round has a daemon of its own, in which a region dies for each of the three.
All three take what `probe.interval`, its timeout and its failures take; what is more than in the
first is what the load costs.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from signal import SIGCONT, SIGSTOP

from bench.load import generator
from bench.load.build import build
from bench.native.meanwhile import Meanwhile, reloading, repeated
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
# Where this is asked for, one after another, to find clients of a region.
_SUBNETS = tuple(f"{n}.{m}.0.0" for n in range(20, 220, 7) for m in (16, 80, 144, 208))
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
    found: dict[str, list[float]] = {}
    with opened(lambda text: print(text, file=sys.stderr)) as bench:
        for number in range(options.rounds):
            bench.say(f"round {number + 1} of {options.rounds}")
            for name, seconds in _round(bench):
                bench.say(f"{name}: {seconds:.2f} s")
                found.setdefault(name, []).append(seconds)
    rows = [
        {
            "asked": name,
            "median s": round(statistics.median(took), 2),
            "most s": round(max(took), 2),
        }
        for name, took in found.items()
    ]
    show("seconds from a death to another answer", [[*rows[0]], *([*r.values()] for r in rows)])
    print(f"written: {write('native-saturated', {**machine(), 'rows': rows})}")
    return 0


def _round(bench: Bench) -> Iterator[tuple[str, float]]:
    world = replace(World(DATABASE), names=_NAMES)
    with ExitStack() as stack:
        doomed = [stack.enter_context(_endpoint()) for _ in world.places()]
        site = bench.site("resolverd", world)
        site = replace(site, health=tuple(port for _, port in doomed))
        served = stack.enter_context(running(Resolverd("native"), site))
        keep_on(served.pid, [SERVER_CPU])
        rate = sample(served, Mode.GEO, 1.0).rate
        for (name, asked, what), (process, _), region in zip(
            (
                ("little", rate / 20, None),
                ("all it can answer", 0.0, None),
                ("that, and reloading", 0.0, reloading(served)),
            ),
            doomed,
            world.places(),
            strict=False,
        ):
            yield name, _death(served, process, region.address, asked, what)


@contextmanager
def _endpoint() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A healthy one of its own process, and its port."""
    words = [*ENDPOINT, "1"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.send_signal(SIGCONT)
            process.terminate()


def _death(
    served: Running,
    endpoint: subprocess.Popen[str],
    region: str,
    rate: float,
    what: Meanwhile | None,
) -> float:
    """Seconds from a stop to the first answer of that region's clients that is not its address."""
    subnet = next(subnet for subnet in _SUBNETS if _answer(served, subnet) == region)
    with repeated(what), _loaded(served, rate):
        time.sleep(_BEFORE)
        endpoint.send_signal(SIGSTOP)
        return _until(lambda: _answer(served, subnet) not in (None, region))


@contextmanager
def _loaded(served: Running, rate: float) -> Iterator[None]:
    words = generator.command(load_for(served, Mode.GEO, _LIMIT, rate=rate), GENERATOR_CPU)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, process_group=0) as loading:
        try:
            yield
        finally:
            loading.terminate()


def _until(holds: Callable[[], bool]) -> float:
    """Seconds until it does. Raises FailedError where that takes longer than the limit."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > _LIMIT:
            raise FailedError(f"a death was not answered within {_LIMIT:g} s")
        time.sleep(_PACE)
    return time.monotonic() - start


def _answer(served: Running, subnet: str) -> str | None:
    return address(ask(served.site.port, "geo.z0000.example", subnet=subnet, wait=0.2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="deaths while there is too much to answer")
    parser.add_argument("--rounds", type=int, default=2, help="(%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
