"""The health of one endpoint's address families, and why one does not respond; pure.

An endpoint with A and AAAA records may be reached over one of them alone; the other's addresses are
then *withheld*. Each family is judged by the state machine of endpoints, from what the same probes
saw over it. That it does not respond counts only once another target has responded over the same
family since: else this host itself may have no IPv6, say. A target that alone is asked over a
family is taken to be the cause itself once it has responded over it.

A fall is held against a family only where another goes on serving: else the endpoint has fallen,
and is what the fall is held against. A family that was held longer than it, or than the other,
would take addresses away that have answered all along.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from resolverd.config.probe import Probe
from resolverd.health import damping, machine
from resolverd.health.family import Family, FamilyResult, FamilyState
from resolverd.health.machine import EndpointHealth
from resolverd.health.outcome import Outcome
from resolverd.health.verdict import State, Verdict


class FamilyEvidence:
    """When each target last responded over each family; shared by all targets.

    Times are readings of the monotonic clock; -inf: asked, and no response ever.
    """

    def __init__(self) -> None:
        self._responded_at: dict[Family, dict[str, float]] = {family: {} for family in Family}

    def note(self, target: str, family: Family, now: float, *, responded: bool) -> None:
        """Something, or nothing, came back from `target` over `family`."""
        known = self._responded_at[family].get(target, -math.inf)
        self._responded_at[family][target] = now if responded else known

    def forget(self, target: str, family: Family) -> None:
        """`target` is asked over `family` no longer."""
        self._responded_at[family].pop(target, None)

    def keep(self, targets: Iterable[str]) -> None:
        """Know of exactly these."""
        kept = set(targets)
        for responded_at in self._responded_at.values():
            for target in responded_at.keys() - kept:
                del responded_at[target]

    def is_its_own(self, target: str, family: Family, unresponsive_since: float) -> bool:
        """Whether `target` itself is why it has not responded over `family` since then."""
        responded_at = self._responded_at[family]
        others = [at for other, at in responded_at.items() if other != target]
        if others:
            return max(others) >= unresponsive_since
        return responded_at.get(target, -math.inf) > -math.inf


@dataclass(slots=True)
class FamilyHealth:
    """One target's families; empty until a probe has asked over two of them."""

    health: dict[Family, EndpointHealth] = field(default_factory=dict)
    results: Mapping[Family, FamilyResult] = field(default_factory=dict)
    _unresponsive_since: dict[Family, float] = field(default_factory=dict)
    _undecided: frozenset[Family] = frozenset()  # of these it is not known whose fault that is
    _in_doubt: frozenset[Family] = frozenset()  # and of these it may be known soon

    def observe(
        self,
        target: str,
        results: Mapping[Family, FamilyResult],
        settings: Probe,
        now: float,
        started: float,
        evidence: FamilyEvidence,
        *,
        first: bool,
    ) -> None:
        """Take in what one more probe, begun at `started`, saw over each family.

        The `first` probe of a target is believed at once; a family that comes later is taken to
        serve, as its addresses are given already.
        """
        self.results = results
        if not results and not self.health:
            return
        for family in self.health.keys() - results.keys():
            del self.health[family]  # it has addresses of it no longer
            self._unresponsive_since.pop(family, None)
            evidence.forget(target, family)
        undecided, penalties = set(), self._penalties()
        for family, result in results.items():
            if family not in self.health:
                adopts = first and result.responded
                self.health[family] = EndpointHealth(State.UNKNOWN if adopts else State.UP)
            evidence.note(target, family, now, responded=result.responded)
            if result.responded:
                self._unresponsive_since.pop(family, None)
            elif not evidence.is_its_own(
                target, family, self._unresponsive_since.setdefault(family, started)
            ):
                undecided.add(family)
                continue
            self.health[family] = machine.observe(
                self.health[family],
                Outcome(result.ok, result.reason, responded=result.responded),
                settings,
                now,
                started,
            )
        if len(self._withheld()) == len(self.health):
            self._charge_back(penalties)
        self._undecided = frozenset(undecided)
        self._in_doubt = frozenset(
            family
            for family in undecided
            if started - self._unresponsive_since[family] < settings.interval
        )

    def forgive(self) -> None:
        """Hold no fall against any of them any more."""
        for family, health in self.health.items():
            self.health[family] = machine.without_penalty(health)

    def restore(self, kept: Mapping[Family, EndpointHealth]) -> None:
        """Begin with what an earlier process kept."""
        self.health = dict(kept)

    @property
    def kept(self) -> Mapping[Family, EndpointHealth]:
        """What a later process has to know of them; empty where it is what it would take them for.

        That is to serve, and never to have done anything else.
        """
        as_ever = all(
            health.state is State.UP and health.changed_at is None and not health.level
            for health in self.health.values()
        )
        return {} if as_ever else dict(self.health)

    def known_of(self, settings: Probe) -> Mapping[Family, FamilyState]:
        """What is known of each that the last probe asked over."""
        found = {}
        for family, result in self.results.items():
            verdict = machine.verdict(self.health[family], settings)
            held = verdict.held_until is not None
            reason = verdict.reason if held else result.reason
            found[family] = FamilyState(result.ok, reason, verdict.held_until)
        return found

    def is_damped(self, settings: Probe, now: float) -> bool:
        """Whether its falls keep some family withheld, or would once it answers."""
        return any(machine.is_damped(health, settings, now) for health in self.health.values())

    @property
    def known(self) -> bool:
        """Whether there is anything to be known of a family by itself."""
        return bool(self.health or self.results or self._unresponsive_since)

    @property
    def silent(self) -> bool:
        """Whether the last probe got no response over some family."""
        return bool(self._unresponsive_since)

    def unsettled(self, settings: Probe) -> bool:
        """Whether some family may soon be withheld or given again, and so is to be asked soon.

        While one does not respond, and nobody else over it, that is so for an `interval`: by then
        each other target has been asked. Later it is asked when the endpoint is, which a host
        without the family would else ask in haste for ever. So is one that is held, however well
        it answers.
        """
        if not self.health:
            return False
        moving = any(
            health.state in (State.SUSPECT, State.RECOVERING)
            for family, health in self.health.items()
            if family not in self._undecided and machine.held_until(health, settings) is None
        )
        return moving or not self._in_doubt <= self._withheld()

    def over(self, verdict: Verdict, settings: Probe) -> Verdict:
        """`verdict` on the endpoint, with the families that are withheld.

        A family that may flip changes the answer as an endpoint does, so `min_until_flip` covers it
        and `changed_at` knows its last flip.
        """
        if not self.health or not verdict.serves:
            return verdict
        verdicts = [machine.verdict(health, settings) for health in self.health.values()]
        no_flip_before = min(one.no_flip_before for one in (verdict, *verdicts))
        withheld = self._withheld()
        return replace(
            verdict,
            changed_at=max(
                (one.changed_at for one in (verdict, *verdicts) if one.changed_at is not None),
                default=None,
            ),
            min_until_flip=math.inf
            if math.isinf(no_flip_before)
            else max(0.0, no_flip_before - verdict.probed_at),
            withheld=frozenset() if len(withheld) == len(self.health) else withheld,
        )

    def _penalties(self) -> dict[Family, float]:
        return {family: health.penalty_until for family, health in self.health.items()}

    def _charge_back(self, penalties: Mapping[Family, float]) -> None:
        """Hold against each no more than these."""
        for family, health in self.health.items():
            penalty = penalties.get(family, damping.NO_PENALTY)
            self.health[family] = replace(health, penalty_until=penalty)

    def _withheld(self) -> frozenset[Family]:
        down = (State.DOWN, State.RECOVERING)
        return frozenset(family for family, health in self.health.items() if health.state in down)
