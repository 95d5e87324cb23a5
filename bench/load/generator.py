"""One run of the load generator: what to ask, and what came back."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from typing import Any, Literal

from bench.load.build import build

Mix = Literal["plain", "edns", "ecs"]


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of 127.0.0.1:`port`.

    A run of ``#`` in `qname` stands for a number below `names`. With `rate`, that many queries a
    second leave by the clock; else `window` are in flight at any moment. One query in 16 comes
    from the /24 of `watch`, and each change of its answer is noted. `sink` waits for no answers.
    `subnets` is a file of those /24s that are asked for, as numbers of 32 bits; else all are.
    `stamped` also counts answers by the time from a query's sending until the kernel had its answer
    (`stamped_ns`), in which the generator has no part.
    """

    port: int
    qname: str
    mix: Mix = "plain"
    seconds: float = 1.0
    window: int = 128
    sockets: int = 4
    names: int = 1
    rate: float = 0.0
    watch: str = ""
    sink: bool = False
    subnets: str = ""
    stamped: bool = False

    def lasting(self, seconds: float) -> Load:
        """The same for another time."""
        return replace(self, seconds=seconds)


def command(load: Load, cpu: int | None = None) -> list[str]:
    """The command line; `cpu` is the core that it stays on."""
    words = ["taskset", "-c", str(cpu)] if cpu is not None else []
    words += [str(build().load), f"--port={load.port}", f"--qname={load.qname}"]
    words += [f"--mix={load.mix}", f"--seconds={load.seconds:g}", f"--window={load.window}"]
    words += [f"--sockets={load.sockets}", f"--names={load.names}", f"--rate={load.rate:g}"]
    if load.watch:
        words.append(f"--watch={load.watch}")
    if load.sink:
        words.append("--sink")
    if load.stamped:
        words.append("--stamped")
    if load.subnets:
        words.append(f"--subnets={load.subnets}")
    return words


def run(load: Load, cpu: int | None = None) -> dict[str, Any]:
    """Run it to its end; its JSON. Raises CalledProcessError when it could not start."""
    words = command(load, cpu)
    done = subprocess.run(words, check=True, capture_output=True, text=True, process_group=0)
    report: dict[str, Any] = json.loads(done.stdout)
    return report
