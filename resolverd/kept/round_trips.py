"""The round-trip times that this edge learns by itself, kept as one table in `server.state`.

    own probes (landmark) ──┐
    pages of regions (rtt) ─┴─► rtt.csv, written whole ─► adopted like an edited file of [rtt]

It is written where it says something else (`rtt.kept_table`), at most once in `rtt.keep_interval`,
and once an hour for the ages of what it says. Without `server.state` all is known and nothing kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from resolverd import log
from resolverd.files.threads import detached
from resolverd.health.monitor import Monitor
from resolverd.kept.directory import StateDirectory
from resolverd.rtt.kept_table import HEADER, KeptRow, is_news, lines_of, rows_of
from resolverd.rtt.landmark import EdgeTime, edge_times, landmark
from resolverd.snapshot.inputs import Inputs

NAME = "rtt.csv"

# Seconds between two evaluations, and after which ages alone are written.
_LOOK, _REFRESH = 5.0, 3600.0
# Seconds after a start before this host's own row is believed to be complete.
_FIRST = 30.0

Table = dict[str, dict[str, KeptRow]]


class RoundTrips:
    """What probes of `monitor` measured under `inputs`, kept in `directory` by `keep`.

    `trouble` is why the table cannot be written, empty while it can. `clock` is monotonic, `wall`
    Unix; both in seconds.
    """

    def __init__(
        self,
        directory: StateDirectory,
        monitor: Monitor,
        inputs: Callable[[], Inputs],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._monitor, self._inputs = directory, monitor, inputs
        self._clock, self._wall = clock, wall
        self._written: Table = {}
        self._written_at = -_REFRESH
        self._doubted: dict[str, str] = {}
        self.trouble = ""
        self._log = log.get("rtt")

    @property
    def file(self) -> Path | None:
        """Where the table is; None where nothing is kept."""
        return self._directory.path / NAME if self._directory.path else None

    @property
    def where(self) -> str:
        """How a table names this edge."""
        return landmark(self._inputs().config.server.coordinates)

    def edge(self) -> dict[str, EdgeTime]:
        """What this host's own probes say now, by region."""
        inputs = self._inputs()
        targets = inputs.targets.by_id
        connections = [
            (targets[id_].region, known)
            for id_, known in self._monitor.connections().items()
            if id_ in targets
        ]
        places = {name: region.coordinates for name, region in inputs.config.region.items()}
        return edge_times(connections, inputs.config.server.coordinates, places, self._clock())

    async def keep(self) -> None:
        """Evaluate and write, now and then; never returns."""
        await self._restore()
        if not self._written:
            await asyncio.sleep(min(_FIRST, self._inputs().config.rtt.keep_interval))
        while True:
            await self.look()
            await asyncio.sleep(_LOOK)

    async def look(self) -> None:
        """Report what is doubted, and write the table where that is due."""
        times = self.edge()
        self._report_doubts({region: time.doubt for region, time in times.items() if time.doubt})
        config, now = self._inputs().config, self._clock()
        if self._directory.path is None or now - self._written_at < config.rtt.keep_interval:
            return
        table = self._table(times)
        if await detached(partial(self._is_due, table, now)):
            await self._write(table)

    def _table(self, times: dict[str, EdgeTime]) -> Table:
        """What is to be kept: of each region of the configuration what is known and believed."""
        config, wall = self._inputs().config, self._wall()
        where, oldest = self.where, wall - config.rtt.stale_after
        table: Table = {}
        for region in config.region:
            rows: dict[str, KeptRow] = {}
            if (known := self._written.get(region, {}).get(where)) and known.measured >= oldest:
                rows[where] = known  # until it is measured again
            if (measured := times.get(region)) is not None:
                rows.pop(where, None)
                if not measured.doubt:
                    rows[where] = KeptRow(measured.ms, measured.handshakes, wall - measured.age)
            if rows:
                table[region] = rows
        return table

    def _is_due(self, table: Table, now: float) -> bool:
        regions = {*table, *self._written}
        if any(is_news(self._written.get(r, {}), table.get(r, {})) for r in regions):
            return True
        return bool(table) and now - self._written_at >= _REFRESH

    async def _restore(self) -> None:
        """Begin with what an earlier process kept."""
        try:
            content = await detached(partial(self._directory.read, NAME))
        except OSError:  # not there, or cannot be read: it is written anew
            return
        lines = content.decode("utf-8", "replace").splitlines()[1:]
        self._written = rows_of(lines, self._wall())
        self._written_at = self._clock()

    async def _write(self, table: Table) -> None:
        try:
            await detached(partial(self._put, table))
        except OSError as error:
            self._report_failure(error.strerror or type(error).__name__)
            return
        self._report_failure("")
        self._written, self._written_at = table, self._clock()
        count = sum(map(len, table.values()))
        self._log.info("rtt.kept", file=str(self.file), row_count=count, regions=[*table])

    def _put(self, table: Table) -> None:
        lines = [
            HEADER,
            *(line for region, rows in table.items() for line in lines_of(region, rows)),
        ]
        self._directory.write(NAME, ("\n".join(lines) + "\n").encode())

    def _report_doubts(self, doubted: dict[str, str]) -> None:
        """One event when a region's time begins to be doubted, and one when it no longer is."""
        for region in doubted.keys() - self._doubted.keys():
            self._log.warning("rtt.doubted", region=region, reason=doubted[region])
        for region in self._doubted.keys() - doubted.keys():
            self._log.info("rtt.plausible", region=region)
        self._doubted = doubted

    def _report_failure(self, reason: str) -> None:
        if reason and reason != self.trouble:
            self._log.warning("rtt.not_kept", file=str(self.file), reason=reason)
        self.trouble = reason
