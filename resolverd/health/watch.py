"""The probing of one target: when the next probe starts, and what its outcome changes.

Start to start, the next probe begins

    after a success while up         interval × (0.9 … 1.0), so that targets drift apart
    after a hold while up            the same: it neither shakes the state nor is in haste
    after anything else              fast_interval, exactly

and "anything else" includes a probe that has not answered by then: probes of one target may
overlap, `fall` at most, and only while the target serves. Both together bound the time from
the start of the first failed probe to down by (fall - 1) × fast_interval + timeout, however
long the timeout is.

Outcomes count in the order in which their probes started: once one has counted, those still
in flight that started before it are old news and are cancelled. So the outcomes that count
started at least fast_interval apart, which is what `Verdict.earliest` promises.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from resolverd import log
from resolverd.config.probe import Probe
from resolverd.health.doubt import Fault
from resolverd.health.identity import Identity
from resolverd.health.machine import EndpointHealth
from resolverd.health.outcome import Canaries, Outcome
from resolverd.health.probes import Ask, run
from resolverd.health.readings import Readings
from resolverd.health.trial import Trial
from resolverd.health.verdict import State, Verdict

# Seconds that a busy host may add to a schedule before probing counts as stuck.
_LATE = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint to probe. `id` is unique among all; `region` and `endpoint` are names."""

    id: str
    region: str
    endpoint: str
    url: str
    settings: Probe


@dataclass(slots=True)
class Counters:
    """Running totals of one target; `latency` is the last probe's, in seconds.

    `latency_sum` is that of all the probes that came to an end.

    `probes` that came to an end, `failures` among them, and those `overtaken` by the outcome
    of a later probe, which were cancelled.
    """

    probes: int = 0
    failures: int = 0
    overtaken: int = 0
    latency: float = math.nan
    latency_sum: float = 0.0


class Watch:
    """One target's schedule and health; `report(before, after)` hears of each new verdict.

    `readings`, `identity` and `canaries` are the latest that its probes brought, if they bring any;
    `heard` is whether the last probe that ended heard anything from the far end.
    `ended(watch, outcome, started)` is called for each probe that counts and has to `settle` the
    watch; without it every silence is the target's own fault.
    """

    def __init__(
        self,
        target: Target,
        ask: Ask,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        report: Callable[[Target, Verdict, Verdict], None],
        ended: Callable[[Watch, Outcome, float], None] | None = None,
    ) -> None:
        self.target = target
        self.counters = Counters()
        self.first = asyncio.Event()
        self._ask = ask
        self._clock = clock
        self._rng = rng
        self._report = report
        self._ended = ended
        self._trial = Trial(EndpointHealth())
        self._unsure = False
        self.verdict = self._trial.verdict(target.settings, clock())
        self.readings: Readings | None = None
        self.identity: Identity | None = None
        self.canaries: Canaries | None = None
        self.heard = True
        self._tasks: dict[asyncio.Task[Outcome], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._overdue = False
        self._started = self._due_at = -math.inf

    def probe(self) -> None:
        """Start a probe now. The schedule goes on from here by itself."""
        started = self._clock()
        self._started = started
        task = asyncio.create_task(run(self._ask, self.target.settings.timeout))
        self._tasks[task] = started
        task.add_done_callback(self._finished)
        self._next_at(started + self.target.settings.fast_interval)

    def probe_early(self) -> None:
        """Probe now instead of when it is due, if fast_interval has passed since the last start."""
        fast = self.target.settings.fast_interval
        if self.first.is_set() and self._clock() - self._started >= fast:
            self._due()

    @property
    def serves(self) -> bool:
        """Whether traffic may be sent there."""
        return self._trial.shown.state.serves

    def settle(self, fault: Fault, *, unsure: bool = False) -> None:
        """Show what is known now that `fault` says whose the silence is, if there is one."""
        before, now, self._unsure = self.verdict, self._clock(), unsure
        if fault is Fault.TARGET:
            self._trial.convict(now)
        elif fault is Fault.HOST:
            self._trial.acquit(now)
        self.verdict = self._trial.verdict(self.target.settings, now, unsure=unsure)
        self._announce(before)

    def late(self, now: float) -> bool:
        """Whether the next probe should have started long ago: the loop is stuck."""
        due = max(self._due_at, self._started + self.target.settings.timeout)
        return not math.isinf(due) and now - due > _LATE

    def adopt(self, target: Target, ask: Ask) -> None:
        """Go on with new settings; health stays, for no endpoint changed by it."""
        before, self.target, self._ask = self.verdict, target, ask
        self.verdict = self._trial.verdict(target.settings, self._clock(), unsure=self._unsure)
        self._announce(before)
        if self.first.is_set() and not self._tasks:
            # Anywhere in the new interval, or soon, but never too soon after the last probe.
            up = self._trial.shown.state is State.UP
            wait = target.settings.interval * self._rng.random() if up else 0.0
            self._next_at(max(self._started + target.settings.fast_interval, self._clock() + wait))

    def close(self) -> list[asyncio.Task[Outcome]]:
        """Stop; returns the cancelled probes, for whoever wants to see them end."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = self._cancel(math.inf)
        self.first.set()
        return tasks

    def _cancel(self, before: float) -> list[asyncio.Task[Outcome]]:
        """Cancel the probes that started before the clock read `before`."""
        tasks = [task for task, started in self._tasks.items() if started < before]
        for task in tasks:
            del self._tasks[task]
            task.cancel()
        return tasks

    def _next_at(self, when: float) -> None:
        self._overdue = False
        self._due_at = when
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, when - self._clock()), self._due)

    def _due(self) -> None:
        most = self.target.settings.fall if self.serves else 1
        if len(self._tasks) < most:
            self.probe()
        else:
            self._overdue = True

    def _finished(self, task: asyncio.Task[Outcome]) -> None:
        started = self._tasks.pop(task, None)
        if started is None or task.cancelled():
            return
        outcome = self._outcome(task)
        self.counters.probes += 1
        self.counters.failures += not outcome.ok
        self.counters.latency = outcome.latency
        self.counters.latency_sum += outcome.latency
        self.counters.overtaken += len(self._cancel(started))
        self._observe(outcome, started)
        self._reschedule(outcome, started)
        self.first.set()

    def _outcome(self, task: asyncio.Task[Outcome]) -> Outcome:
        """What the probe saw. A defect of ours is a failure too, and is shown whole."""
        defect = task.exception()
        if defect is None:
            return task.result()
        log.get("health").error("probe.defect", target=self.target.id, exc_info=defect)
        return Outcome(False, f"defect in the probe: {type(defect).__name__}")

    def _observe(self, outcome: Outcome, started: float) -> None:
        self.readings = outcome.readings or self.readings
        known, self.identity = self.identity, outcome.identity
        self.canaries = outcome.canaries or self.canaries
        self.heard = outcome.heard
        self._trial.observe(outcome, self.target.settings, self._clock(), started)
        if self._ended is None:
            self.settle(Fault.TARGET)
        else:
            self._ended(self, outcome, started)
        if self.identity not in (None, known):
            self._report(self.target, self.verdict, self.verdict)

    def _announce(self, before: Verdict) -> None:
        after = self.verdict
        if (before.state, before.since, before.soonest, before.condition) != (
            after.state,
            after.since,
            after.soonest,
            after.condition,
        ):
            self._report(self.target, before, after)

    def _reschedule(self, outcome: Outcome, started: float) -> None:
        """Slow down after the newest probe's success; start at once what had to wait."""
        settings = self.target.settings
        newest = started == self._started
        unshaken = outcome.ok or outcome.condition.holds
        if not self.first.is_set():
            # Spread the targets: they all began together.
            up = self._trial.shown.state is State.UP
            wait = settings.interval * self._rng.random() if up else settings.fast_interval
            self._next_at(self._clock() + wait)
        elif newest and unshaken and self._trial.shown.state is State.UP:
            self._next_at(started + settings.interval * self._rng.uniform(0.9, 1.0))
        elif self._overdue:
            self._due()
