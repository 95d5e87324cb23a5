"""The round-trip times that this edge learns by itself, kept as one table in `server.state`.

    own probes (landmark) ──┐
    pages of regions (rtt) ─┴─► rtt.csv, written whole ─► adopted like an edited file of [rtt]

It is written where it says something else (`rtt.kept_table`), at most once in `rtt.keep_interval`,
and once an hour for the ages of what it says. Without `server.state` all is known and nothing kept.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path

from resolverd import log
from resolverd.config.model import Config
from resolverd.files.threads import detached
from resolverd.files.writing import why_not
from resolverd.health.monitor import Monitor
from resolverd.kept.directory import NOT_SET, StateDirectory
from resolverd.rtt.kept_table import (
    HEADER,
    KEPT_NAME,
    KeptRow,
    Rows,
    has_changed,
    lines_of,
    rows_of,
)
from resolverd.rtt.landmark import EdgeTime, edge_times_in_steps, landmark
from resolverd.rtt.light import places_by
from resolverd.rtt.page_watch import PageState, PageWatch, RttPage
from resolverd.rtt.region_times import MAX_KEPT, PageContent, RegionTimes, rows_to_keep
from resolverd.snapshot.inputs import Inputs
from resolverd.turns import at_once, in_turns

# Seconds between two looks at the configuration, and after which ages alone are written.
_LOOK, _REFRESH = 5.0, 3600.0
# Seconds after a start before what is known is believed to be complete.
_FIRST = 30.0

Packed = dict[str, bytes]
"""The lines of each region, compressed, for there may be a million."""


class RoundTrips:
    """What probes of `monitor` measured and `pages` say under `inputs`, kept in `directory`.

    `write_error` is why the table cannot be kept, empty while it can or need not be. `clock` is
    monotonic, `wall` Unix; both in seconds.
    """

    def __init__(
        self,
        directory: StateDirectory,
        monitor: Monitor,
        inputs: Callable[[], Inputs],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.pages = PageWatch(places_by(lambda: inputs().locator), wall)
        self.write_error = ""
        self._directory, self._monitor, self._inputs = directory, monitor, inputs
        self._clock, self._wall = clock, wall
        self._kept: Packed = {}
        self._judged: dict[str, RegionTimes] = {}
        self._written_at = self._evaluated_at = -_REFRESH
        self._implausible: dict[str, str] = {}
        self._log = log.get("rtt")

    @property
    def file(self) -> Path | None:
        """Where the table is; None where nothing is kept."""
        return self._directory.path / KEPT_NAME if self._directory.path else None

    @property
    def where(self) -> str:
        """How a table names this edge."""
        server = self._inputs().config.server
        return landmark(server.coordinates, server.country)

    def edge(self) -> dict[str, EdgeTime]:
        """What this host's own probes say now, by region."""
        return at_once(self._edge_in_steps())

    def _edge_in_steps(self) -> Generator[None, None, dict[str, EdgeTime]]:
        inputs = self._inputs()
        targets = inputs.targets.by_id
        connections = (
            (targets[id_].region, known)
            for id_, known in self._monitor.each_connection()
            if id_ in targets
        )
        places = {name: region.coordinates for name, region in inputs.config.region.items()}
        here, now = inputs.config.server.coordinates, self._clock()
        return (yield from edge_times_in_steps(connections, here, places, now))

    async def keep(self) -> None:
        """Read pages, evaluate and write, now and then; never returns."""
        try:
            await self._restore()
            while True:
                await self.look()
                await asyncio.sleep(min(_LOOK, self._inputs().config.rtt.keep_interval))
        finally:
            await self.pages.stop()

    async def look(self) -> None:
        """Follow the configuration, report what is implausible, and write the table when due."""
        times = await in_turns(self._edge_in_steps())
        config, now = self._inputs().config, self._clock()
        self.pages.interval = config.rtt.fetch_interval
        self.pages.replace(_pages(config))
        self._report_implausible(
            {region: time.implausible for region, time in times.items() if time.implausible}
        )
        if self._directory.path is None:
            self._report_failure(NOT_SET if self.pages.states() else "")
        elif now - self._evaluated_at >= config.rtt.keep_interval:
            self._evaluated_at = now
            await self.write()

    async def write(self) -> None:
        """Write the table where it says something else than the one that is kept."""
        times = await in_turns(self._edge_in_steps())
        config, now = self._inputs().config, self._clock()
        due = now - self._written_at >= _REFRESH
        known = self._regions(config, times)
        merging = partial(self._merge, known, config.rtt.stale_after, due=due)
        table = await detached(merging)
        if table is None:
            return
        try:
            await detached(partial(self._put, table))
        except OSError as error:
            self._report_failure(why_not(error))
            self._judged.clear()  # so that the next look finds the same news
            return
        self._report_failure("")
        self._kept, self._written_at = table, now
        self._log.info("rtt.kept", file=str(self.file), regions=[*table])

    def _regions(self, config: Config, times: Mapping[str, EdgeTime]) -> dict[str, RegionTimes]:
        """What is known of each region of the configuration."""
        wall = self._wall()
        states: dict[str, list[PageState]] = {}
        for page, state in self.pages.states().items():
            states.setdefault(page.region, []).append(state)
        known = {}
        for region in config.region:
            time = times.get(region)
            believed = time is not None and not time.implausible
            pages = states.get(region, ())
            known[region] = RegionTimes(
                KeptRow(time.ms, time.handshakes, wall - time.age) if time and believed else None,
                time is not None and not believed,
                [PageContent(s.content, None if s.read_at is None else s.as_of) for s in pages],
            )
        return known

    def _merge(
        self, known: Mapping[str, RegionTimes], stale_after: float, *, due: bool
    ) -> Packed | None:
        """The table that is to be written; None where it says what the kept one does.

        With `due` it is written for its ages, if it has a row. A region of which nothing else is
        known than the last time is not merged again: a million rows take seconds.
        """
        oldest, most = self._wall() - stale_after, _share(known)
        changed = bool(self._kept.keys() - known.keys())
        table: Packed = {}
        for region, times in known.items():
            judged = self._judged.get(region)
            if not due and judged is not None and times.same_but_for_age(judged):
                table |= {region: self._kept[region]} if region in self._kept else {}
                continue
            self._judged[region] = times  # which stays, or small steps would never add up
            before = self._rows_kept(region)
            after = rows_to_keep(times, before, self.where, oldest, most)
            changed = changed or has_changed(before, after)
            if after:
                lines = "".join(f"{line}\n" for line in lines_of(region, after))
                table[region] = zlib.compress(lines.encode(), 1)
        return table if changed or (due and table) else None

    def _rows_kept(self, region: str) -> Rows:
        packed = self._kept.get(region)
        if packed is None:
            return {}
        lines = zlib.decompress(packed).decode().splitlines()
        return rows_of(lines, self._wall()).get(region, {})

    async def _restore(self) -> None:
        """Begin with what an earlier process kept, and leave time for what is new to be known."""
        interval = self._inputs().config.rtt.keep_interval
        self._evaluated_at = self._clock() - interval + min(_FIRST, interval)
        try:
            content = await detached(partial(self._directory.read, KEPT_NAME))
        except OSError:  # not there, or cannot be read: it is written anew
            return
        lines = content.decode("utf-8", "replace").splitlines()[1:]
        for region, rows in rows_of(lines, self._wall()).items():
            text = "".join(f"{line}\n" for line in lines_of(region, rows))
            self._kept[region] = zlib.compress(text.encode(), 1)
        self._written_at = self._clock()

    def _put(self, table: Packed) -> None:
        lines = (zlib.decompress(packed) for packed in table.values())
        self._directory.write_in_time(KEPT_NAME, b"".join([f"{HEADER}\n".encode(), *lines]))

    def _report_implausible(self, implausible: dict[str, str]) -> None:
        """One event when a region's time becomes implausible, and one when it no longer is."""
        for region in implausible.keys() - self._implausible.keys():
            self._log.warning("rtt.implausible", region=region, reason=implausible[region])
        for region in self._implausible.keys() - implausible.keys():
            self._log.info("rtt.plausible", region=region)
        self._implausible = implausible

    def _report_failure(self, reason: str) -> None:
        if reason and reason != self.write_error:
            self._log.warning("rtt.not_kept", file=str(self.file or KEPT_NAME), reason=reason)
        self.write_error = reason


def _pages(config: Config) -> list[RttPage]:
    return [
        RttPage(name, url, region.coordinates, config.rtt.stale_after)
        for name, region in config.region.items()
        for url in region.rtt
    ]


def _share(known: Mapping[str, RegionTimes]) -> int:
    """How many rows each region with pages may have."""
    return MAX_KEPT // max(1, sum(bool(times.pages) for times in known.values()))
