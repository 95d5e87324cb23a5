"""Probe every target on its own schedule, and tell whoever steers when a verdict changes.

Targets are independent: each has its own schedule, and each probe its own connection, so one that
hangs, lies or floods delays no other. All state lives in one event loop; nothing here
locks.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from yarl import URL

from resolverd import log
from resolverd.dns.hostnames import is_address, normal_host
from resolverd.health.addresses import AddressBook, Lookup
from resolverd.health.attribution import FailureAttribution
from resolverd.health.canary_turns import CanaryTurns
from resolverd.health.connection import Connection
from resolverd.health.events import EndpointEvents
from resolverd.health.family import Family, FamilyState
from resolverd.health.grid import Grid
from resolverd.health.identity import Identity
from resolverd.health.isolation import IsolationDetector
from resolverd.health.kept import KeptAddresses
from resolverd.health.kinds.kind import reads
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Ask, Tools
from resolverd.health.probes.per_family import PerFamily
from resolverd.health.probes.prepare import prepare
from resolverd.health.readings import LoadReadings, Readings
from resolverd.health.target import Counters, Target
from resolverd.health.target_health import KeptHealth
from resolverd.health.timers import Timers
from resolverd.health.verdict import UNKNOWN, Verdict
from resolverd.health.watch import Watch
from resolverd.patience.timeout import PatientTimeout

__all__ = ["Counters", "Monitor", "Target"]

OnChange = Callable[[str, Verdict, Verdict], None]

# First probes, of targets and of new settings, begin in waves, so that a thousand connections
# opened at once do not make one another late. A wave waits for its probes, but never long for one
# that hangs; longer only where this host is late itself.
_WAVE = 200
_WAVE_TIMEOUT = 0.25


class Monitor:
    """The verdicts on a set of targets.

    `on_change(target id, before, after)` is called whenever a state, its `changed_at`, its
    `min_until_flip` or its condition changes, or who a server says it is. `verdicts()` also carries
    fresher reasons in between. `clock` gives seconds, monotonic. `lookup` resolves hostnames in
    URLs; by default as this host does. `isolation_window` is `IsolationDetector`'s, in seconds.
    `grace` and `kept` are those of the `AddressBook` of the URLs' hosts. `overridden(target)` is
    whether an operator's override is in force: no fall under one is held against its target.
    `restored(target)` is what an earlier process knew of a target, where that may be believed.
    `turns` are those of a fleet at canaries, and `late(id)` is a watch's.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        *,
        on_change: OnChange,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        lookup: Lookup | None = None,
        isolation_window: float = 0.0,
        overridden: Callable[[Target], bool] = lambda _: False,
        grace: float = 15.0,
        kept: KeptAddresses | None = None,
        restored: Callable[[Target], KeptHealth | None] = lambda _: None,
        turns: CanaryTurns | None = None,
        late: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._restored, self._turns, self._late = restored, turns, late
        self._wanted = tuple(targets)
        self._on_change = on_change
        self._clock = clock
        self._rng = rng or random.Random()
        self._lookup = lookup
        self._grace, self._kept = grace, kept
        self._watches: dict[str, Watch] = {}
        self._settled: dict[str, Verdict] = {}  # of each watch, as it changes
        self._readers: dict[str, Watch] = {}  # those whose probes read anything
        self._events = EndpointEvents(clock, time.time)
        self._attribution = FailureAttribution(self._watches, isolation_window, clock)
        self._overridden = overridden
        self._tools: Tools | None = None
        self._timers, self._grid = Timers(clock), Grid()
        self._beginnings: set[asyncio.Task[None]] = set()
        self._log = log.get("health")

    async def start(self) -> None:
        """Begin the first round; returns at once.

        Raises ValueError when a target's URL does not suit its kind of probe.
        """
        book = AddressBook(
            _hostnames(self._wanted),
            lookup=self._lookup,
            on_change=self._moved,
            grace=self._grace,
            local=True,
            kept=self._kept,
        )
        self._tools = Tools(book, turns=self._turns)
        await book.start()
        try:
            self.replace(self._wanted)
        except ValueError:
            await self.stop()
            raise
        self._restored = lambda _: None  # what comes by an edit was never probed

    async def first_round(self) -> None:
        """Wait until each present target has its first verdict.

        Takes at most the longest timeout, and 0.25 s more for each 200 targets.
        """
        await asyncio.gather(*[watch.first.wait() for watch in self._watches.values()])

    def verdicts(self) -> Mapping[str, Verdict]:
        """The verdict on each target now, by target id."""
        return MappingProxyType({id_: watch.verdict for id_, watch in self._watches.items()})

    def verdict(self, id_: str) -> Verdict:
        """The verdict on one target now; unknown where it is not probed."""
        watch = self._watches.get(id_)
        return UNKNOWN if watch is None else watch.verdict

    def settled(self) -> dict[str, Verdict]:
        """The same, each the same object for as long as nothing of it changes but `probed_at`."""
        return dict(self._settled)

    def tried(self) -> dict[str, tuple[Target, Verdict]]:
        """`settled`, with the targets, of those that have been probed by their present settings."""
        return {
            id_: (watch.target, watch.judged_health.settled)
            for id_, watch in self._watches.items()
            if watch.judged_health.tried
        }

    def is_tried(self, id_: str) -> bool:
        """Whether a probe by its present settings has had an outcome."""
        watch = self._watches.get(id_)
        return watch is not None and watch.judged_health.tried

    def probe_soon(self, ids: Iterable[str]) -> None:
        """Probe these now, or once fast_interval has passed since the last probe of each.

        None once it is stopped, for what is asked with is closed: other edges of a fleet may still
        have something to tell.
        """
        if self._tools is None:
            return
        for watch in [self._watches[id_] for id_ in ids if id_ in self._watches]:
            watch.probe_soon()

    def ids(self) -> list[str]:
        """The ids of the targets that are probed now."""
        return list(self._watches)

    def health(self, id_: str) -> tuple[Target, KeptHealth] | None:
        """What a later process may begin with; None where that is not known."""
        watch = self._watches.get(id_)
        health = None if watch is None else watch.health
        return None if watch is None or health is None else (watch.target, health)

    def revision(self, id_: str) -> int | None:
        """A number that is another once `health` may differ in more than its age."""
        watch = self._watches.get(id_)
        return None if watch is None else watch.judged_health.revision

    def readings(self) -> Mapping[str, Readings]:
        """The latest readings of each target whose probe takes any, by target id."""
        return MappingProxyType(
            {id_: w.readings for id_, w in self._readers.items() if w.readings is not None}
        )

    def loads(self) -> Mapping[str, LoadReadings]:
        """How loaded each target is, by target id, where its probe reads that."""
        return MappingProxyType(
            {
                id_: r.load
                for id_, watch in self._readers.items()
                if (r := watch.readings) is not None and r.load is not None
            }
        )

    def identities(self) -> Mapping[str, Identity]:
        """Who each target says it is, by target id; those of whom nothing is known are left out."""
        known = self.readings().items()
        return MappingProxyType({id_: r.identity for id_, r in known if r.identity is not None})

    def responded(self) -> Mapping[str, bool]:
        """Whether the last probe of each target got any response, by target id."""
        return MappingProxyType({id_: watch.responded for id_, watch in self._watches.items()})

    def connections(self) -> Mapping[str, Connection]:
        """What is known of the connections to each target, by target id."""
        return MappingProxyType(dict(self.each_connection()))

    def each_connection(self) -> Iterator[tuple[str, Connection]]:
        """The same one after another, for who lets others work in between."""
        for id_, watch in list(self._watches.items()):
            yield id_, watch.connection

    def families(self) -> Mapping[str, Mapping[Family, FamilyState]]:
        """What is known of each family of each target that is asked over both, by target id."""
        known = ((id_, w.judged_health.known_of_families()) for id_, w in self._watches.items())
        return MappingProxyType({id_: families for id_, families in known if families})

    @property
    def isolation(self) -> IsolationDetector:
        """Whether this host, and not every region, is taken to be at fault."""
        return self._attribution.isolation

    def counters(self) -> Mapping[str, Counters]:
        """The running totals of each target, by target id."""
        return MappingProxyType({id_: watch.counters for id_, watch in self._watches.items()})

    def late(self, now: float) -> list[str]:
        """The ids of targets whose next probe should have started long ago."""
        return [id_ for id_, watch in self._watches.items() if watch.late(now)]

    def replace(self, targets: Iterable[Target]) -> None:
        """Probe exactly `targets` from now on.

        An unchanged target keeps its health and schedule; one whose settings alone changed
        keeps its health, and is probed at once if they judge otherwise; a new one, or one with a
        new URL, starts unknown and is probed at once. Raises ValueError, with nothing changed, as
        `start` does.
        """
        wanted = {target.id: target for target in targets}
        tools = self._started_tools()
        asks = {
            target.id: prepare(target, tools)
            for target in wanted.values()
            if self._target(target.id) != target
        }
        tools.book.replace(_hostnames(wanted.values()))
        for id_ in self._watches.keys() - wanted.keys():
            self._watches.pop(id_).close()
            self._events.forget(id_)
            del self._settled[id_]
        self._grid.suit(sum(1 / target.settings.interval for target in wanted.values()))
        begun = set(self._watches.values())
        present = [self._put(wanted[id_], ask) for id_, ask in asks.items()]
        self._readers = {
            id_: watch for id_, watch in self._watches.items() if reads(watch.target.settings)
        }
        new = [watch for watch in present if watch not in begun]
        self._attribution.replaced([watch.target.id for watch in new])
        self._begin([watch for watch in present if watch.waits])

    def clear_penalties(self, ids: Iterable[str]) -> list[str]:
        """Hold no fall against those of these targets that one keeps down, or would; their ids."""
        known = [id_ for id_ in ids if id_ in self._watches]
        return [id_ for id_ in known if self._watches[id_].clear_penalty()]

    async def stop(self) -> None:
        """Stop probing and close every connection; verdicts stay readable."""
        tools, self._tools = self._tools, None
        tasks: list[asyncio.Task[object]] = [*self._beginnings]
        for beginning in self._beginnings:
            beginning.cancel()
        for watch in self._watches.values():
            tasks += watch.close()
        self._timers.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tools is not None:
            await tools.book.stop()
            await tools.close()

    def grace(self, seconds: float) -> None:
        """Keep the addresses of a URL's host so long once they are said to be gone."""
        self._grace = seconds
        if self._tools is not None:
            self._tools.book.grace = seconds

    def _moved(self, hostname: str, before: tuple[str, ...], _after: tuple[str, ...]) -> None:
        """A host that is asked has other addresses: what is believed of it is of elsewhere."""
        for watch in self._watches.values() if before and self._tools else ():
            if hostname in map(normal_host, _hostnames([watch.target])):
                watch.probe_early()

    def _target(self, id_: str) -> Target | None:
        watch = self._watches.get(id_)
        return watch.target if watch else None

    def _put(self, target: Target, ask: Ask | PerFamily) -> Watch:
        """The watch of `target`: the present one where it asks the same URL, else a new one."""
        present = self._watches.get(target.id)
        if present is not None:
            if present.target.url == target.url:
                present.adopt(target, ask)
                return present
            present.close()
        watch = Watch(
            target,
            ask,
            clock=self._clock,
            rng=self._rng,
            report=self._changed,
            settled=self._settled.__setitem__,
            ended=self._ended,
            repeated=self._attribution.repeated,
            overridden=self._overridden,
            timers=self._timers,
            grid=self._grid,
            late=self._late,
        )
        if (known := self._restored(target)) is not None:
            watch.restore(known)
        self._watches[target.id] = watch
        self._settled[target.id] = watch.judged_health.settled
        return watch

    def _begin(self, watches: list[Watch]) -> None:
        task = asyncio.create_task(in_waves(watches))
        self._beginnings.add(task)
        task.add_done_callback(self._beginnings.discard)

    def _ended(self, watch: Watch, outcome: Outcome, started: float) -> None:
        self._attribution.ended(watch, outcome, started)
        self._events.certificate(watch.target, watch.connection)

    def _changed(self, target: Target, before: Verdict, after: Verdict) -> None:
        self._events.verdict(target, before, after)
        self._on_change(target.id, before, after)

    def _started_tools(self) -> Tools:
        if self._tools is None:
            raise RuntimeError("the monitor is not started")
        return self._tools


async def in_waves(watches: list[Watch]) -> None:
    """Probe those that wait for it, so many at a time."""
    for start in range(0, len(watches), _WAVE):
        wave = [watch for watch in watches[start : start + _WAVE] if watch.waits]
        for watch in wave:
            watch.probe()
        waiters = [asyncio.ensure_future(watch.judged.wait()) for watch in wave]
        try:
            async with PatientTimeout(asyncio.get_running_loop().time() + _WAVE_TIMEOUT):
                await asyncio.gather(*waiters)
        except TimeoutError:
            pass  # by which `gather` has been cancelled, and so have they


def _hostnames(targets: Iterable[Target]) -> Iterator[str]:
    """The names that have to be resolved: in the targets' URLs, and in those of their probes."""
    for target in targets:
        for url in target.settings.urls(target.url):
            host = URL(url).host
            if host and not is_address(host):
                yield host
