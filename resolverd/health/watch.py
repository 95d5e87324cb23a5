"""The probing of one target: when the next probe starts, and what its outcome changes.

Start to start, the next probe begins

    after a success while settled    interval × (0.9 … 1.0), so that targets drift apart
    after a hold while settled       the same: it neither shakes the state nor is in haste
    after anything else              fast_interval, exactly

Settled is up with no failure that still counts. "Anything else" includes a probe that has not
answered by then: probes of one target may overlap, `fall` at most, and only while the target
serves. But one that has its answer over one family is waited for, an interval at most, while the
other is known to be silent, unless another is asked for. Both together bound the time from the
start of the first failed probe to down by (fall - 1) × fast_interval + timeout. Outcomes that count
started at least fast_interval apart, which is what `Verdict.no_flip_before` promises.

What an outcome means, and which probes under way it supersedes, is decided in `target_health` and
`all_targets`; here are attempts and timers. What can count no more is cancelled.

New settings that judge otherwise are tried at once: probes under way are cancelled, the monitor
starts another, and until its outcome has counted the verdict promises nothing.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable

from resolverd import log
from resolverd.health.alone import judged_alone
from resolverd.health.connection import Connection, ConnectionRecord
from resolverd.health.grid import Grid
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Ask
from resolverd.health.probes.per_family import PerFamily, run_any
from resolverd.health.probes.run import Attempt
from resolverd.health.readings import Readings
from resolverd.health.target import Counters, Target
from resolverd.health.target_health import KeptHealth, TargetChange, TargetHealth
from resolverd.health.timers import Timer, Timers
from resolverd.health.verdict import Verdict

# Seconds that a busy host may add to a schedule before probing counts as stuck.
_LATE = 5.0
# Seconds by which a probe may be late and still begin beside another of its target: a host with too
# much to do would only have more.
_HASTE = 0.05
# Seconds in which only one event tells that an endpoint fails now and then.
_EVENT_INTERVAL = 600.0


class Watch:
    """One target's schedule and health; `report(before, after)` hears of each new verdict.

    `readings` are the latest that its probes brought, if they bring any; `responded` is whether the
    last probe that ended got a response, `judged_health` what its outcomes make of it.

    `ended(watch, outcome, started)` is called for each probe that counts, and has the outcome taken
    in and the change of each target handed to `apply`; without it the watch is judged alone, and
    every missing response is its target's own fault. `repeated(id, outcome, started, now)` takes an
    outcome in by itself where it is what the last one was (`AllTargetsHealth.repeat`). No fall is
    held against a target while an operator's override is in force (`overridden(target)`). `timers`
    and `grid` are those that several watches share. `late(id)` is called where a probe has taken a
    fast_interval, of a target whose probes take less than half of that; `settled(id, verdict)` with
    what `TargetHealth.settled` may have become.

    `first` is set once there is a verdict, `judged` while it comes from the present settings.
    """

    def __init__(
        self,
        target: Target,
        ask: Ask | PerFamily,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        report: Callable[[Target, Verdict, Verdict], None],
        ended: Callable[[Watch, Outcome, float], None] | None = None,
        repeated: Callable[[str, Outcome, float, float], bool] | None = None,
        overridden: Callable[[Target], bool] = lambda _: False,
        timers: Timers | None = None,
        grid: Grid | None = None,
        late: Callable[[str], None] = lambda _: None,
        settled: Callable[[str, Verdict], None] = lambda *_: None,
    ) -> None:
        self._late, self._settled = late, settled
        self.target = target
        self.counters = Counters()
        self.first = asyncio.Event()
        self.judged = asyncio.Event()
        self._ask, self._begin = ask, getattr(ask, "begin", None)
        self._clock = clock
        self._rng = rng
        self._report = report
        self._overridden = overridden
        self.judged_health = TargetHealth(target.settings, clock())
        self._repeated = repeated
        self._ended = ended or judged_alone(target, self.judged_health, clock)
        self.readings: Readings | None = None
        self.responded = True
        self._connection = ConnectionRecord()
        self._attempts: dict[Attempt | asyncio.Task[Outcome], float] = {}
        self._timers, self._grid = timers or Timers(clock), grid or Grid()
        self._timer: Timer | None = None
        self._overdue = self._early = False
        self._started = self._due_at = self._reported_at = -math.inf

    def restore(self, kept: KeptHealth) -> None:
        """Begin with what an earlier process knew, which promises nothing until it is probed."""
        self.judged_health.restore(kept, self._clock())
        self.first.set()

    @property
    def verdict(self) -> Verdict:
        """What is published of the target now."""
        return self.judged_health.verdict

    @property
    def health(self) -> KeptHealth | None:
        """What a later process may begin with; None while it is unknown."""
        return self.judged_health.kept

    @property
    def connection(self) -> Connection:
        """What is known of the way there."""
        return self._connection.known

    @property
    def overridden(self) -> bool:
        """Whether an operator's override is in force, so that no fall is held against it."""
        return self._overridden(self.target)

    def probe(self) -> None:
        """Start a probe now. The schedule goes on from here by itself."""
        started = self._started = self._clock()
        self._early = False
        if dropped := self.judged_health.begin(started):
            self._cancel_superseded(dropped)
        settings = self.target.settings
        begin = self._begin
        attempt: Attempt | None = begin and begin(settings.longest, self._finished)
        if attempt is None:
            task = asyncio.create_task(run_any(self._ask, settings.longest))
            task.add_done_callback(self._finished_task)
            self._attempts[task] = started
        else:
            self._attempts[attempt] = started
        self._next_after(settings.fast_interval, started)

    def probe_early(self) -> None:
        """Probe now instead of when it is due, if fast_interval has passed since the last start."""
        fast = self.target.settings.fast_interval
        if self.first.is_set() and self._clock() - self._started >= fast:
            self._early = True
            self._due()

    def probe_soon(self) -> None:
        """As `probe_early`, or as soon as that may be."""
        soon = self._started + self.target.settings.fast_interval
        if self.first.is_set() and self._clock() < soon <= self._due_at:
            self._next_at(soon)
            self._early = True
        self.probe_early()

    def apply(self, change: TargetChange) -> None:
        """Publish the new verdict, as news where it is any, and cancel what can count no more."""
        self._cancel_superseded(change.superseded)
        self._settled(self.target.id, self.judged_health.settled)
        if change.is_news:
            self._report(self.target, change.before, change.after)

    def clear_penalty(self) -> bool:
        """Hold no fall against it any more, if one keeps it down or would; whether one did."""
        now = self._clock()
        if damped := self.judged_health.damped(now):
            self.apply(self.judged_health.forgive(now))
            self.probe_soon()
        return damped

    @property
    def waits(self) -> bool:
        """Whether its present settings have yet to be tried, and no probe is under way."""
        return not self.judged.is_set() and not self.judged_health.under_way

    def late(self, now: float) -> bool:
        """Whether the next probe should have started long ago: the loop is stuck."""
        due = max(self._due_at, self._started + self.target.settings.longest)
        return not math.isinf(due) and now - due > _LATE

    def adopt(self, target: Target, ask: Ask | PerFamily) -> None:
        """Go on with new settings; health stays, for no endpoint changed by it.

        Where they judge otherwise, the watch `waits` to be probed now, and promises nothing before.
        """
        known, self.target = self.target.settings, target
        self._ask, self._begin = ask, getattr(ask, "begin", None)
        change = self.judged_health.adopt(target.settings, self._clock())
        if target.settings.asks_alike(known):
            self.apply(change)
            self._respread()
            return
        self.judged.clear()
        if type(target.settings) is not type(known):
            self.readings = None  # another kind's
        self.apply(change)
        self._cancel_all()
        wait = target.settings.fast_interval + target.settings.interval * self._rng.random()
        self._next_at(self._clock() + wait)  # should nobody probe it

    def _respread(self) -> None:
        """Be due anywhere in the new interval, or soon, but never too soon after the last probe."""
        settings = self.target.settings
        if self.first.is_set() and not self.judged_health.under_way:
            wait = settings.interval * self._rng.random() if self.judged_health.up else 0.0
            self._next_at(max(self._started + settings.fast_interval, self._clock() + wait))

    def close(self) -> list[asyncio.Task[Outcome]]:
        """Stop; returns the tasks of cancelled probes, for whoever wants to see them end."""
        if self._timer is not None:
            self._timer.cancel()
        self.first.set()
        self.judged.set()
        return self._cancel_all()

    def _cancel_all(self) -> list[asyncio.Task[Outcome]]:
        """Cancel every probe under way."""
        attempts = list(self._attempts)
        self._attempts.clear()
        for attempt in attempts:
            attempt.cancel()
        tasks = [a if isinstance(a, asyncio.Task) else a.task for a in attempts]
        return [task for task in tasks if task is not None]

    def _cancel_superseded(self, starts: tuple[float, ...]) -> None:
        """Cancel the probes that began then, as a later one has had its outcome."""
        if not starts:
            return
        for attempt in [a for a, started in self._attempts.items() if started in starts]:
            del self._attempts[attempt]
            attempt.cancel()
            self.counters.superseded += 1

    def _next_at(self, when: float) -> None:
        self._overdue = False
        self._due_at = when
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timers.at(when, self._due)

    def _next_after(self, delay: float, start: float) -> None:
        """Be due so long after a start that is now, if nothing moves it."""
        self._overdue = False
        self._due_at = start + delay
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timers.after(delay, start, self._due)

    def _next_on_grid(self, earliest: float, latest: float) -> None:
        """Be due on the grid at random between the two, or just then where they are too close."""
        self._next_at(self._grid.within(earliest, latest, self._rng.random()))

    def _due(self) -> None:
        now, settings = self._clock(), self.target.settings
        under_way, later = self.judged_health.under_way, self._started + settings.interval
        answered = under_way and self._waits_for_silence()
        if answered and not self._early and now < later:
            self._next_at(later)
            self._overdue = True
        elif not under_way or (self.judged_health.serves and under_way < settings.fall):
            if under_way and now - self._due_at > _HASTE:
                self._next_after(settings.fast_interval, now)
            else:
                waited = under_way and not answered
                if waited and not self.counters.latency >= settings.fast_interval / 2:
                    self._late(self.target.id)
                self.probe()
        else:
            self._overdue = True

    def _waits_for_silence(self) -> bool:
        """Whether the last probe has its answer, but from a family that was silent before."""
        ask, health = self._ask, self.judged_health
        answered = isinstance(ask, PerFamily) and ask.answered and health.up
        return answered and health.families.silent and not health.unsettled

    def _finished_task(self, task: asyncio.Task[Outcome]) -> None:
        if not task.cancelled():
            self._finished(task, task.exception() or task.result())
        elif (started := self._attempts.pop(task, None)) is not None:
            self.judged_health.forget(started, self._clock())

    def _finished(
        self, attempt: Attempt | asyncio.Task[Outcome], ended: Outcome | BaseException
    ) -> None:
        started = self._attempts.pop(attempt, None)
        if started is None:
            return
        outcome = ended if isinstance(ended, Outcome) else self._defect(ended)
        self._count(outcome)
        if started == self._started and self._repeats(outcome, started):
            return
        if self.judged_health.is_superseded(started):
            self._end_superseded(outcome, started)
            return
        tried, known = self.judged.is_set(), self.first.is_set()
        self.judged.set()
        try:
            self._observe(outcome, started)
            self._reschedule(outcome, started, tried=tried, known=known)
        finally:
            self.first.set()  # whatever a defect of ours, nobody waits for ever

    def _repeats(self, outcome: Outcome, started: float) -> bool:
        """Take in an outcome that says what the one before said of a settled target, and no more.

        That is nearly each. False where it may mean something else, and nothing is taken in: a
        certificate comes closer to its end by time alone.
        """
        known, readings = self.readings, outcome.readings
        if outcome.again or (readings is None and known is not None):
            return False
        connection = self._connection
        if outcome.certificate_expires is not None or connection.certificate_expires is not None:
            return False
        now = self._clock()
        if self._repeated is None or not self._repeated(self.target.id, outcome, started, now):
            return False
        self.responded = True
        connection.note(outcome, now)
        if readings is not None:
            self.readings = readings
            self._tell(readings, known)
        interval = self.target.settings.interval
        self._next_on_grid(started + 0.9 * interval, started + interval)
        return True

    def _end_superseded(self, outcome: Outcome, started: float) -> None:
        """One that was superseded has ended: its failure is a fact, and anything else is old."""
        now = self._clock()
        if not outcome.ok and not outcome.condition.holds:
            self.counters.superseded_failures += 1
            if now - self._reported_at >= _EVENT_INTERVAL:
                self._reported_at = now
                log.get("health").warning(
                    "endpoint.intermittent",
                    **self.target.labels,
                    reason=outcome.reason,
                    meanwhile=self.verdict.reason,
                )
        self.apply(self.judged_health.end_superseded(outcome, started, now))

    def _count(self, outcome: Outcome) -> None:
        counters = self.counters
        counters.probes += 1
        counters.failures += not outcome.ok
        counters.latency = outcome.latency
        counters.latency_sum += outcome.latency

    def _defect(self, defect: BaseException) -> Outcome:
        """A defect of ours is a failure too, and is shown whole."""
        log.get("health").error("probe.defect", **self.target.labels, exc_info=defect)
        return Outcome(False, f"defect in the probe: {type(defect).__name__}")

    def _observe(self, outcome: Outcome, started: float) -> None:
        known = self.readings
        self.readings = outcome.readings or (known and known.after_silence())
        self.responded = outcome.responded
        self._connection.note(outcome, self._clock())
        self._ended(self, outcome, started)
        if self.readings is not None:
            self._tell(self.readings, known)

    def _tell(self, readings: Readings, known: Readings | None) -> None:
        """Tell what of the readings is news."""
        if news := readings.news(known):
            log.get("health").info(news.event, **self.target.labels, **news.fields)
        if readings.identity not in (None, known and known.identity):
            self._report(self.target, self.verdict, self.verdict)

    def _reschedule(self, outcome: Outcome, started: float, *, tried: bool, known: bool) -> None:
        """Slow down after the newest probe's success; start at once what had to wait."""
        settings = self.target.settings
        unshaken = (outcome.ok or outcome.condition.holds) and not outcome.again
        up = self.judged_health.up
        if not tried and unshaken and up:
            # Spread the targets: they all began together, or were all edited at once.
            now = self._clock()
            self._next_on_grid(now, now + settings.interval)
        elif not known:
            self._next_at(self._clock() + settings.fast_interval)
        elif started == self._started and unshaken and up and not self.judged_health.unsettled:
            self._next_on_grid(started + 0.9 * settings.interval, started + settings.interval)
        elif self._overdue:
            self._due()
