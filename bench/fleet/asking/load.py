"""The program `ask` in a namespace: started, read while it runs, ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench.fleet.asking.records import Record, count, read
from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import ANYCAST4, ANYCAST6, ASKING, NAME
from bench.fleet.lab.processes import Process
from bench.load.build import compiled
from bench.report import ROOT

SOURCES = (ROOT / "bench/fleet/asking/ask.c", ROOT / "bench/load/query.c")
"""Of the program."""


class Load:
    """Queries at `rate` a second, of both families by turns, for all clients of `ASKING`."""

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        rate: float,
        *,
        seconds: float = 600.0,
        addresses: Sequence[str] = (ANYCAST4, ANYCAST6),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._records, clients = folder / "records", folder / "clients"
        clients.write_text("".join(f"{client.subnet}\n" for client in ASKING))
        self.began = time.monotonic()
        self._process = Process(
            namespace,
            [
                *("nice", "-n", "-5", str(compiled("ask", SOURCES))),
                *(f"--records={self._records}", f"--clients={clients}", f"--qname={NAME}"),
                *(f"--rate={rate:g}", f"--seconds={seconds:g}", *addresses),
            ],
            folder / "ask.log",
        )
        self._process.until(lambda: self._records.stat().st_size > 0, "its records", 10)

    def records(self) -> list[Record]:
        """Those so far."""
        return list(read(self._records))

    @property
    def sent(self) -> int:
        """How many have left so far."""
        return count(self._records)

    def last(self, seconds: float) -> list[Record]:
        """Those of the last seconds that can have been answered."""
        now = time.monotonic()
        return [r for r in self.records() if now - seconds <= r.sent < now - 0.1]

    def stop(self) -> list[Record]:
        """End it, late answers awaited; all records."""
        self._process.stop(10)
        return self.records()

    def close(self) -> None:
        """End it at once."""
        self._process.kill()
