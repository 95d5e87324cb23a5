"""What a daemon knows of the world: verdicts of probes, overrides, resolved hostnames.

An edit changes what is observed in two steps, so that the Plan in service never loses sight of
its endpoints: `stage` observes the old and the new together until the new is known, `commit`
keeps one of them. `tick` moves on to a moment and judges it; `seen` changes nothing.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from resolverd import log
from resolverd.config.targets import ProbeTarget, ProbeTargets, endpoint_and_probe
from resolverd.health.addresses import AddressBook, Entry
from resolverd.health.family import Family, families_of
from resolverd.health.kept import KeptAddresses
from resolverd.health.mismatch import PeerMismatches
from resolverd.health.monitor import Monitor, Target
from resolverd.health.other_edges import OtherEdges
from resolverd.health.overrides import Orders, Override, OverrideKind, Overrides
from resolverd.health.peers import contradicted, find_outliers, identified, urls_asked
from resolverd.health.service_windows import ServiceWindows
from resolverd.health.verdict import UNKNOWN, Verdict
from resolverd.kept.document import KeptRate, KeptState, digest
from resolverd.kept.verdicts import KeptVerdicts
from resolverd.load import LoadController
from resolverd.policy.operator_rules import OperatorRule, in_words
from resolverd.snapshot.inputs import Inputs
from resolverd.snapshot.model import Plan
from resolverd.snapshot.orphans import orphaned, orphaned_rules, override_keys, rule_keys
from resolverd.snapshot.regions import Judgement, World, judge, judge_regions
from resolverd.snapshot.transitions import TransitionLog
from resolverd.turns import in_turns

# A failed endpoint lookup must not keep the daemon from serving the other regions.
HOSTNAME_TIMEOUT = 5.0


class Observation:
    """The probes and look-ups of one configuration; `changed` is called at each news.

    It begins with how things stood `earlier`, as far as that can still be believed. `others` are
    the other edges of a fleet, None without one.
    """

    def __init__(
        self,
        inputs: Inputs,
        changed: Callable[[], None],
        earlier: KeptState | None = None,
        others: OtherEdges | None = None,
    ) -> None:
        earlier = earlier or KeptState()
        self.others = others
        self._log = log.get("daemon")
        self.overrides = Overrides()
        self.spill_rules: Orders[OperatorRule] = Orders()
        self.overrides.resume(earlier.ended)
        self._restore(earlier.overrides, inputs)
        self._restore_rules(earlier.spill_rules, inputs)
        self.transitions = TransitionLog()
        self.monitor = Monitor(
            _targets(inputs.targets),
            on_change=self._verdict_changed,
            isolation_window=inputs.config.server.isolation_window,
            overridden=self._overridden,
            grace=inputs.config.server.name_grace,
            kept=_kept(inputs, "names-probed.json"),
            restored=lambda target: earlier.health_of(target, time.monotonic()),
            turns=others.turns if others else None,
            late=others.late if others else lambda _: None,
        )
        self.load = LoadController(self.monitor, changed)
        self.load.spilling.resume(earlier.shares)
        self.load.weighing.resume(earlier.positions, earlier.shares)
        self.load.flows.resume(earlier.rates_of(_targets(inputs.targets), time.monotonic()))
        self.service_windows = _service_windows(inputs)
        self._inputs = self._after = inputs
        self.staged: Callable[[], object] = _nothing
        """Called once an edit's targets are observed too, before they are served."""
        self._mismatches = PeerMismatches(earlier.mismatches)
        self._book = AddressBook(
            _hostnames(inputs),
            on_change=lambda *_: changed(),
            grace=inputs.config.server.name_grace,
            kept=_kept(inputs, "names-answered.json"),
        )
        self._changed = changed
        self._held: dict[str, Verdict] = {}
        self._judgement: Judgement | None = None  # the last
        self._kept = KeptVerdicts(self.monitor, earlier.verdicts)
        if others is not None:
            others.join(self.monitor, changed, self._saturations)
            others.observe(inputs.config, inputs.targets)

    async def start(self) -> None:
        """Probe and resolve; returns after the first round of both."""
        await self.monitor.start()
        await self._book.start()
        if self.others is not None:
            await self.others.start()
        await self._first_rounds()

    async def stop(self) -> None:
        """Stop probing and resolving; what is known stays readable."""
        if self.others is not None:
            await self.others.stop()
        await asyncio.gather(self._book.stop(), self.monitor.stop())  # each has names to keep

    async def stage(self, before: Inputs, after: Inputs) -> None:
        """Observe both; returns once there is a first verdict on everything new."""
        self._held = dict(self.monitor.verdicts())
        both = {t.id: t for t in (*_targets(before.targets), *_targets(after.targets))}
        self.monitor.replace(both.values())
        self._book.replace({*_hostnames(before), *_hostnames(after)})
        self._after = after
        self.staged()
        self._changed()
        await self._first_rounds()

    def commit(self, inputs: Inputs) -> None:
        """Observe just what `inputs` name."""
        self.monitor.isolation.window = inputs.config.server.isolation_window
        self.monitor.grace(inputs.config.server.name_grace)
        self._book.grace = inputs.config.server.name_grace
        self.service_windows = _service_windows(inputs)
        self._inputs = self._after = inputs
        if self.others is not None:
            self.others.observe(inputs.config, inputs.targets)
        self.monitor.replace(_targets(inputs.targets))
        self._book.replace(_hostnames(inputs))
        self._changed()

    def tick(self, inputs: Inputs, plan: Plan, now: float) -> World:
        """Move on to `now` (monotonic seconds): the world, judged under `plan`, which is served.

        This alone changes what is known by its being looked at: overrides end, servers begin and
        cease to differ from their peers, shares move. `inputs` are those of the Plan.
        """
        self._expire(now)
        identities, own = self.monitor.identities(), self._own_verdicts(now)
        if self.others is not None:
            self.others.record(own, self._out(now), now)
        verdicts = self._with_others(own, now)
        self.transitions.record_outliers(find_outliers(inputs.config, inputs.targets, identities))
        config, targets = self._inputs.config, self._inputs.targets
        known = self._mismatches.differences()
        wrong = contradicted(config, targets, identities, verdicts, known, self._withdrawn(now))
        asked = urls_asked(config, targets, {*self._mismatches.by_target(), *wrong})
        self._mismatches.record(wrong, identified(identities), asked, now)
        world = self._seen(plan, now, verdicts)
        self.load.obey(self.spill_rules.active(now))
        self.load.update(inputs.config, inputs.targets, plan, judge_regions(plan, world, now))
        return world._replace(shares=self.load.shares())

    def seen(self, plan: Plan, now: float) -> World:
        """What is known at `now` (monotonic seconds), judged under `plan`; nothing is changed."""
        return self._seen(plan, now, self._with_others(self._own_verdicts(now), now))

    def _seen(self, plan: Plan, now: float, verdicts: Mapping[str, Verdict]) -> World:
        world = World(
            verdicts,
            self.overrides.copy(),
            self._book.as_known(),
            shares=self.load.shares(),
            service_windows=self.service_windows.at(now, time.time()),
            mismatches=self._mismatches.by_target(),
        )
        judged = judge(plan, world, now, self._judgement)
        self._judgement = judged.judgement
        return judged

    def names(self) -> dict[str, Entry]:
        """What is known of each hostname whose addresses are handed out."""
        return self._book.entries()

    def override_keys(self) -> set[str]:
        """All that an override may be set on, of an edit on its way too."""
        return {*override_keys(self._inputs), *override_keys(self._after)}

    def rule_keys(self) -> set[str]:
        """All that a spill rule may be of, of an edit on its way too."""
        return {*rule_keys(self._inputs), *rule_keys(self._after)}

    def forget_orphans(self, before: Inputs, inputs: Inputs) -> None:
        """End overrides and spill rules whose targets an edit took away; one event for each."""
        now = time.monotonic()
        # In a fleet a word on a number stands until it is cleared, and is the same after a return.
        moved_from = before if self.others is None else None
        for key in orphaned(self.overrides.active(now), inputs, moved_from):
            lost = self.overrides.clear(key, now)
            self._changed()  # its number may be another endpoint's by now
            if lost is not None:
                self._log.warning(
                    "override.lost", target=key, kind=lost.kind.value, who=lost.who, reason=lost.why
                )
        for key in orphaned_rules(self.spill_rules.active(now), inputs):
            self._lose_rule(key, self.spill_rules.clear(key, now))

    async def kept_state(self) -> KeptState:
        """How things stand now, for a later process; others have the loop's turn meanwhile."""
        verdicts = await in_turns(self._kept.gather())
        now, services = time.monotonic(), self._inputs.config.service.values()
        # Whatever changed earlier bounds no TTL any more.
        since = now - max((service.ttl for service in services), default=0.0)
        return KeptState(
            self.overrides.active(now),
            verdicts,
            self.load.spilling.spills,
            self.load.weighing.positions,
            self._rates(),
            spill_rules=self.spill_rules.active(now),
            ended={key: at for key, at in self.overrides.ends().items() if at > since},
            mismatches=self._mismatches.kept(since),
        )

    def _rates(self) -> dict[str, KeptRate]:
        """What was learned of each replica, with how it is probed."""
        by_id, learned = self._inputs.targets.by_id, self.load.flows.learned
        return {
            id_: KeptRate(digest(_target(by_id[id_])), rate)
            for id_, rate in learned.items()
            if id_ in by_id
        }

    def _with_others(self, own: dict[str, Verdict], now: float) -> dict[str, Verdict]:
        """What this edge's probes say, as it stands with what those of others do."""
        return own if self.others is None else self.others.over(own, self._out(now), now)

    def _out(self, now: float) -> frozenset[str]:
        """The regions that are taken out, whatever probes say."""
        overrides = self.overrides.active(now)
        return frozenset(
            region
            for region in self._inputs.config.region
            if (region in overrides and overrides[region].kind is not OverrideKind.UP)
            or self.service_windows.closed(region, time.time())
        )

    def _withdrawn(self, now: float) -> frozenset[str]:
        """The same, and the endpoints and targets that operators have taken out."""
        said = self.overrides.active(now).items()
        return self._out(now) | {key for key, own in said if own.kind is not OverrideKind.UP}

    def _saturations(self) -> dict[str, float]:
        """How full each region is, as the service has it that has it fullest; only those known."""
        found: dict[str, float] = {}
        for (_, region), saturation in self.load.saturations().items():
            found[region] = max(saturation, found.get(region, 0.0))
        return found

    def _own_verdicts(self, now: float) -> dict[str, Verdict]:
        """What probes say, by target.

        A target just replaced is known by its last verdict until a probe of its own has ended, also
        one by which it stays unknown. That verdict promises nothing.
        """
        verdicts = self.monitor.settled()
        for target, verdict in self._held.items():
            if verdicts.get(target, UNKNOWN).unknown and not self.monitor.is_tried(target):
                verdicts[target] = replace(verdict, min_until_flip=0.0, probed_at=now)
        return verdicts

    def _expire(self, now: float) -> None:
        """Forget the overrides and spill rules whose time is over; one event for each."""
        for key in self.overrides.expire(now):
            self._log.info("override.ended", target=key)
        for key in self.spill_rules.expire(now):
            self._log.info("spill_rule.ended", target=key)

    def _restore(self, overrides: Mapping[str, Override], inputs: Inputs) -> None:
        """Put an earlier process's overrides in force again; one event for each."""
        now, lost = time.monotonic(), orphaned(overrides, inputs)
        for key, override in overrides.items():
            fields = {"target": key, "kind": override.kind.value, "who": override.who}
            if override.until is not None and not override.active(now):
                self.overrides.resume({key: override.until})
                self._log.info("override.ended", target=key)
            elif key in lost:
                self._log.warning("override.lost", **fields, reason=override.why)
            else:
                self.overrides.set(key, override)
                left = override.remaining(now)
                self._log.info(
                    "override.restored",
                    **fields,
                    reason=override.why,
                    seconds=None if math.isinf(left) else round(left, 1),
                )

    def _restore_rules(self, rules: Mapping[str, OperatorRule], inputs: Inputs) -> None:
        """Put an earlier process's spill rules in force again; one event for each."""
        now, lost = time.monotonic(), orphaned_rules(rules, inputs)
        for key, rule in rules.items():
            if not rule.active(now):
                self._log.info("spill_rule.ended", target=key)
            elif key in lost:
                self._lose_rule(key, rule)
            else:
                self.spill_rules.set(key, rule)
                left = rule.remaining(now)
                self._log.info(
                    "spill_rule.restored",
                    target=key,
                    kind=in_words(rule.share),
                    who=rule.who,
                    reason=rule.why,
                    seconds=None if math.isinf(left) else round(left, 1),
                )

    def _lose_rule(self, key: str, rule: OperatorRule | None) -> None:
        if rule is not None:
            self._log.warning(
                "spill_rule.lost",
                target=key,
                kind=in_words(rule.share),
                who=rule.who,
                reason=rule.why,
            )

    async def _first_rounds(self) -> None:
        await self.monitor.first_round()
        await self._book.first_round(HOSTNAME_TIMEOUT)

    def _overridden(self, target: Target) -> bool:
        """Whether an operator, or the hours of its region, say what is served of a target."""
        now, (endpoint, _) = time.monotonic(), endpoint_and_probe(target.id)
        overridden = any(self.overrides.get(key, now) for key in (target.region, endpoint))
        return overridden or self.service_windows.closed(target.region, time.time())

    def _verdict_changed(self, target: str, before: Verdict, after: Verdict) -> None:
        self.transitions.record_endpoint(target, before, after)
        if self.others is not None:
            self.others.news()
        self._changed()


def _targets(targets: ProbeTargets) -> list[Target]:
    return [_target(target) for target in targets.by_id.values()]


def _target(probed: ProbeTarget) -> Target:
    endpoint = probed.endpoint
    return Target(
        id=probed.id,
        region=probed.region,
        endpoint=probed.name,
        url=endpoint.url,
        settings=probed.settings,
        families=frozenset(Family) if endpoint.hostname else families_of(endpoint.address),
    )


def _service_windows(inputs: Inputs) -> ServiceWindows:
    hours = {name: region.service_hours for name, region in inputs.config.region.items()}
    return ServiceWindows(
        {name: schedule for name, schedule in hours.items() if schedule is not None}
    )


def _kept(inputs: Inputs, file: str) -> KeptAddresses:
    """What is remembered of hostnames in `server.state`; nothing where there is none."""
    state = inputs.config.server.state
    return KeptAddresses(inputs.base / state / file if state else None)


def _hostnames(inputs: Inputs) -> set[str]:
    return {t.endpoint.hostname for t in inputs.targets.by_id.values() if t.endpoint.hostname}


def _nothing() -> None:
    pass
