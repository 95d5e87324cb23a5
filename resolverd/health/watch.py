"""The probing of one target: when the next probe starts, and what its outcome changes.

Start to start, the next probe begins

    after a success while settled    interval × (0.9 … 1.0), so that targets drift apart
    after a hold while settled       the same: it neither shakes the state nor is in haste
    after anything else              fast_interval, exactly

Settled is up with no failure that still counts. "Anything else" includes a probe that has not
answered by then: probes of one target may overlap, `fall` at most, and only while the target
serves. Both together bound the time from the start of the first failed probe to down by
(fall - 1) × fast_interval + timeout, however long the timeout is.

Outcomes count in the order in which their probes started: once one has counted, those still
in flight that started before it are superseded. So the outcomes that count started at least
fast_interval apart, which is what `Verdict.no_flip_before` promises. What a failure supersedes is
cancelled; what a success supersedes goes on, for that it hangs is a fact, which the success of
another does not undo (one of two engines behind one address): should it fail, it counts in the
bucket of failures that are not in a row.

New settings that judge otherwise are tried at once: probes under way are cancelled, the monitor
starts another, and until its outcome has counted the verdict promises nothing.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import replace

from resolverd import log
from resolverd.health import machine
from resolverd.health.connection import Connection
from resolverd.health.families import FamilyEvidence, FamilyHealth
from resolverd.health.isolation import Cause
from resolverd.health.machine import EndpointHealth
from resolverd.health.outcome import Outcome
from resolverd.health.pending import PendingHealth
from resolverd.health.probes import Ask
from resolverd.health.probes.per_family import PerFamily, run_any
from resolverd.health.readings import Readings
from resolverd.health.target import Counters, Target
from resolverd.health.verdict import State, Verdict

# Seconds that a busy host may add to a schedule before probing counts as stuck.
_LATE = 5.0
# Seconds in which only one event tells that an endpoint fails now and then.
_EVENT_INTERVAL = 600.0


class Watch:
    """One target's schedule and health; `report(before, after)` hears of each new verdict.

    `readings` are the latest that its probes brought, if they bring any; `heard` is whether the
    last probe that ended heard anything from the far end, `connection` and `families` what is known
    of the way there.
    `ended(watch, outcome, started)` is called for each probe that counts and has to `settle` the
    watch; without it every silence is the target's own fault. `overridden(target)` is whether an
    operator's override is in force, under which no fall is held against it.

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
        overridden: Callable[[Target], bool] = lambda _: False,
        evidence: FamilyEvidence | None = None,
    ) -> None:
        self.target = target
        self.counters = Counters()
        self.first = asyncio.Event()
        self.judged = asyncio.Event()
        self._ask = ask
        self._clock = clock
        self._rng = rng
        self._report = report
        self._ended = ended
        self._overridden = overridden
        self._evidence = evidence or FamilyEvidence()
        self._pending = PendingHealth(EndpointHealth())
        self._held = False
        self._asked_anew = ""
        self.verdict = self._pending.verdict(target.settings, clock())
        self.readings: Readings | None = None
        self.responded = True
        self.connection = Connection()
        self.families = FamilyHealth()
        self._tasks: dict[asyncio.Task[Outcome], float] = {}
        self._superseded: dict[asyncio.Task[Outcome], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._overdue = False
        self._started = self._due_at = self._reported_at = -math.inf

    def restore(self, health: EndpointHealth) -> None:
        """Begin with what an earlier process knew, which promises nothing until it is probed."""
        self._pending = PendingHealth(health)
        self._asked_anew = "asked anew, as the daemon was started again"
        self.first.set()
        self.verdict = self._judge()

    @property
    def health(self) -> EndpointHealth | None:
        """What a later process may begin with; None where that would not be all that is known.

        A family that is withheld has a health of its own, which is not kept.
        """
        shown = self._pending.effective
        known = shown.state is not State.UNKNOWN and not self.families.withholds
        return shown if known else None

    def probe(self) -> None:
        """Start a probe now. The schedule goes on from here by itself."""
        started = self._clock()
        self._started = started
        self._drop_superseded(len(self._tasks) + 1)
        task = asyncio.create_task(run_any(self._ask, self.target.settings.longest))
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
        return self._pending.effective.state.serves

    def settle(self, cause: Cause, *, held: bool = False) -> None:
        """Show what is known now that `fault` says whose the silence is, if there is one."""
        before, now, self._held = self.verdict, self._clock(), held
        if cause is Cause.REMOTE:
            self._pending.confirm(now)
        elif cause is Cause.LOCAL:
            self._pending.discard(now)
        self._show(before)

    def clear_penalty(self) -> bool:
        """Hold no fall against it any more; whether it was held down for one."""
        held = self.verdict.held_until is not None
        self._revise(machine.without_penalty)
        return held

    @property
    def waits(self) -> bool:
        """Whether its present settings have yet to be tried, and no probe is under way."""
        return not self.judged.is_set() and not self._tasks

    def late(self, now: float) -> bool:
        """Whether the next probe should have started long ago: the loop is stuck."""
        due = max(self._due_at, self._started + self.target.settings.longest)
        return not math.isinf(due) and now - due > _LATE

    def adopt(self, target: Target, ask: Ask | PerFamily) -> None:
        """Go on with new settings; health stays, for no endpoint changed by it.

        Where they judge otherwise, the watch `waits` to be probed now, and promises nothing before.
        """
        known, self.target, self._ask = self.target.settings, target, ask
        if target.settings.asks_alike(known):
            self._revise(lambda health: health)
            self._respread()
            return
        self.judged.clear()
        if type(target.settings) is not type(known):
            self.readings = None  # another kind's
        self._asked_anew = "asked anew, as how it is probed has changed"
        self._cancel(math.inf)
        self._drop_superseded(math.inf)
        self._revise(machine.without_penalty)
        wait = target.settings.fast_interval + target.settings.interval * self._rng.random()
        self._next_at(self._clock() + wait)  # should nobody probe it

    def _respread(self) -> None:
        """Be due anywhere in the new interval, or soon, but never too soon after the last probe."""
        settings = self.target.settings
        if self.first.is_set() and not self._tasks:
            up = self._pending.effective.state is State.UP
            wait = settings.interval * self._rng.random() if up else 0.0
            self._next_at(max(self._started + settings.fast_interval, self._clock() + wait))

    def close(self) -> list[asyncio.Task[Outcome]]:
        """Stop; returns the cancelled probes, for whoever wants to see them end."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [*self._cancel(math.inf), *self._superseded]
        for task in self._superseded:
            task.cancel()
        self._superseded.clear()
        self.first.set()
        self.judged.set()
        return tasks

    def _cancel(self, before: float) -> list[asyncio.Task[Outcome]]:
        """Cancel the probes that started before the clock read `before`."""
        tasks = [task for task, started in self._tasks.items() if started < before]
        for task in tasks:
            del self._tasks[task]
            task.cancel()
        return tasks

    def _supersede(self, before: float) -> None:
        """Let the probes that started before go on, as ones that a success has superseded."""
        for task in [task for task, started in self._tasks.items() if started < before]:
            self._superseded[task] = self._tasks.pop(task)
            self._pending.revise(
                lambda health: machine.superseded(health, self.target.settings, self._clock())
            )
        self._drop_superseded(len(self._tasks))

    def _drop_superseded(self, others: float) -> None:
        """Cancel the youngest of the superseded until, with `others`, no more than `fall` are."""
        while self._superseded and len(self._superseded) + others > self.target.settings.fall:
            task = max(self._superseded, key=self._superseded.__getitem__)
            del self._superseded[task]
            task.cancel()
            self.counters.overtaken += 1
            self._pending.revise(
                lambda health: machine.superseded_ended(
                    health, None, self.target.settings, self._clock()
                )
            )

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
        if self._superseded.pop(task, None) is not None:
            self._end_superseded(task)
            return
        started = self._tasks.pop(task, None)
        if started is None or task.cancelled():
            return
        outcome = self._outcome(task)
        self._count(outcome)
        tried, known = self.judged.is_set(), self.first.is_set()
        self.judged.set()
        try:
            self._observe(outcome, started)
            self._reschedule(outcome, started, tried=tried, known=known)
        finally:
            self.first.set()  # whatever a defect of ours, nobody waits for ever

    def _end_superseded(self, task: asyncio.Task[Outcome]) -> None:
        """One that was superseded has ended: its failure is a fact, and anything else is old."""
        outcome, now = self._outcome(task), self._clock()
        self._count(outcome)
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
        self._revise(
            lambda health: machine.superseded_ended(health, outcome, self.target.settings, now)
        )

    def _count(self, outcome: Outcome) -> None:
        self.counters.probes += 1
        self.counters.failures += not outcome.ok
        self.counters.latency = outcome.latency
        self.counters.latency_sum += outcome.latency

    def _outcome(self, task: asyncio.Task[Outcome]) -> Outcome:
        """What the probe saw. A defect of ours is a failure too, and is shown whole."""
        defect = task.exception()
        if defect is None:
            return task.result()
        log.get("health").error("probe.defect", **self.target.labels, exc_info=defect)
        return Outcome(False, f"defect in the probe: {type(defect).__name__}")

    def _observe(self, outcome: Outcome, started: float) -> None:
        known = self.readings
        self.readings = outcome.readings or (known and known.after_silence())
        self.responded = outcome.responded
        self.connection = self.connection.after(outcome)
        now, settings = self._clock(), self.target.settings
        self.families.observe(
            self.target.id,
            outcome.families,
            settings,
            now,
            started,
            self._evidence,
            first=not self.first.is_set(),
        )
        self._pending.observe(outcome, settings, now, started)
        if (outcome.ok or outcome.condition.holds) and not self._held:
            self._supersede(started)
        else:
            self.counters.overtaken += len(self._cancel(started))
        if self._overridden(self.target):
            self._pending.revise(machine.without_penalty)
        if self._ended is None:
            self.settle(Cause.REMOTE)
        else:
            self._ended(self, outcome, started)
        if self.readings is None:
            return
        if news := self.readings.news(known):
            log.get("health").info(news.event, **self.target.labels, **news.fields)
        if self.readings.identity not in (None, known and known.identity):
            self._report(self.target, self.verdict, self.verdict)

    def _revise(self, change: Callable[[EndpointHealth], EndpointHealth]) -> None:
        """Change the health otherwise than by a probe that counts, and show what follows."""
        before = self.verdict
        self._pending.revise(change)
        self._show(before)

    def _show(self, before: Verdict) -> None:
        """Take the health for the verdict, and report it where that is news."""
        self.verdict = self._judge()
        if self._held or not self.serves:
            # This host may be at fault; or nobody is sent there, and failures do not add up.
            self._drop_superseded(math.inf)
        if _shown(before) != _shown(self.verdict):
            self._report(self.target, before, self.verdict)

    def _judge(self) -> Verdict:
        """What is known; of settings that were never tried, nothing is promised."""
        now = self._clock()
        verdict = self._pending.verdict(self.target.settings, now, held=self._held)
        verdict = self.families.over(verdict, self.target.settings)
        if self.judged.is_set() or not self.first.is_set():
            return verdict
        reason = f"{verdict.reason}; {self._asked_anew}"
        return replace(verdict, reason=reason, min_until_flip=0.0, probed_at=now)

    @property
    def _unsettled(self) -> bool:
        """Whether a failure still counts, of the endpoint or of one of its families."""
        return self._pending.effective.level > 0 or self.families.unsettled

    def _reschedule(self, outcome: Outcome, started: float, *, tried: bool, known: bool) -> None:
        """Slow down after the newest probe's success; start at once what had to wait."""
        settings = self.target.settings
        newest = started == self._started
        unshaken = (outcome.ok or outcome.condition.holds) and not outcome.again
        up = self._pending.effective.state is State.UP
        if not tried and unshaken and up:
            # Spread the targets: they all began together, or were all edited at once.
            self._next_at(self._clock() + settings.interval * self._rng.random())
        elif not known:
            self._next_at(self._clock() + settings.fast_interval)
        elif newest and unshaken and up and not self._unsettled:
            self._next_at(started + settings.interval * self._rng.uniform(0.9, 1.0))
        elif self._overdue:
            self._due()


def _shown(verdict: Verdict) -> tuple[object, ...]:
    """What of a verdict is worth a report when it changes."""
    return (
        verdict.state,
        verdict.changed_at,
        verdict.min_until_flip,
        verdict.condition,
        verdict.held_until,
        verdict.withheld,
    )
