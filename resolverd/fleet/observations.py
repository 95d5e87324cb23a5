"""This edge's observations told to the others, and theirs heard: what both make of a verdict.

    own probes ─► `own_observations` ─► a message at each change, and each second ─► NATS
    NATS ─► `observed`, strictly read ─► `edges`: who is live ─► votes by target ─► `agreement`
                                              │
                                              └─► turns at canaries (`health.canary_turns`)

Messages go over core NATS, which keeps nothing: they need no quorum of its servers, and what is old
is no use to anybody. Only what some edge says is down is looked at with each judgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from resolverd import log
from resolverd.config.fences import FenceSize, fences
from resolverd.config.fleet import Fleet, VerdictPolicy, parse_verdicts
from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets, endpoint_and_probe
from resolverd.config.types import Coordinates
from resolverd.config.verdict_policies import policies_of
from resolverd.fleet.disagreements import Disagreements, Turned
from resolverd.fleet.edges import Change, Edge, Edges
from resolverd.fleet.last_region import spared
from resolverd.fleet.names import subject
from resolverd.fleet.observed import Head, Observed, RefusedError, digest_of, split, write_message
from resolverd.fleet.own_observations import OwnObservations
from resolverd.geo.distance import great_circle_km
from resolverd.health.agreement import Agreement, Standing, agreement, with_others
from resolverd.health.canary_turns import CanaryTurns
from resolverd.health.monitor import Monitor
from resolverd.health.verdict import State, Verdict
from resolverd.tasks import Tasks

# Seconds between two messages while nothing changes, and within which changes make one.
EVERY, GATHER = 1.0, 0.02
# Seconds between two looks at whose turn it is, and between events of one edge's faulty messages.
_LOOK, _EVENT_INTERVAL = 0.25, 60.0


class Wire(Protocol):
    """What carries messages (`link.Link`)."""

    def publish(self, subject: str, payload: bytes) -> None:
        """Send to the others."""

    def subscribe(self, subject: str, heard: Callable[[str, bytes], None]) -> None:
        """Hear the others."""


class Observations:
    """The others' observations, and ours for them. `place`: where this edge stands, in degrees."""

    def __init__(
        self,
        settings: Fleet,
        place: Coordinates,
        wire: Wire,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.edge = settings.edge_name
        self.edges = Edges(settings.valid)
        self.turns = CanaryTurns(self.edge)
        self.disagreements = Disagreements()
        self.heard = self.refused = self.sent = 0
        self._settings, self._place, self._wire = settings, place, wire
        self._clock, self._wall = clock, wall
        self._run = secrets.token_hex(8)
        self._monitor: Monitor
        self._own: OwnObservations
        self._changed: Callable[[], None] = lambda: None
        self._config: Config
        self._targets: ProbeTargets
        self._fences: list[FenceSize] = []
        self._policies: dict[str, VerdictPolicy] = {}
        self._digests: dict[str, str] = {}
        self._km: dict[tuple[str, Coordinates], float] = {}
        self._troubled: dict[str, set[str]] = {}  # by target, who said last that it does not serve
        self._hinted: dict[str, float] = {}
        self._live: tuple[str, ...] = ()
        self._said_at: dict[str, float] = {}
        self._told_at = -math.inf
        self._news = asyncio.Event()
        self._tasks = Tasks()
        self._log = log.get("fleet")

    def join(
        self,
        monitor: Monitor,
        changed: Callable[[], None],
        saturations: Callable[[], Mapping[str, float]],
    ) -> None:
        """See `OtherEdges`."""
        self._monitor, self._changed = monitor, changed
        self._own = OwnObservations(monitor, self.turns, saturations, self._wall)

    def observe(self, config: Config, targets: ProbeTargets) -> None:
        """See `OtherEdges`."""
        self._config, self._targets, self._fences = config, targets, fences(config)
        self.edges.valid = config.fleet.valid
        self._policies = policies_of(config, targets)
        self._digests = {
            id_: digest_of(target.endpoint.url, target.settings.asked_model)
            for id_, target in targets.by_id.items()
        }
        self._km.clear()
        self.turns.keep(targets.by_id)
        self.disagreements.forget(self.disagreements.standing.keys() - targets.by_id.keys())
        self._troubled = {}
        for name, edge in self.edges.known.items():
            for id_ in edge.targets.keys() & targets.by_id.keys():
                seen = edge.observed(id_)
                if seen is not None and seen.serves is False:
                    self._troubled.setdefault(id_, set()).add(name)

    async def start(self) -> None:
        """See `OtherEdges`."""
        self._wire.subscribe(f"resolverd.{self._settings.name}.observations.*", self.hear)
        self._tasks.keep("observations", self._keep)

    async def stop(self) -> None:
        """See `OtherEdges`."""
        await self._tasks.stop()

    def news(self) -> None:
        """See `OtherEdges`."""
        self._news.set()

    def late(self, target: str) -> None:
        """See `OtherEdges`."""
        self._own.late(target, self._clock())
        self._news.set()

    def hear(self, subject_heard: str, payload: bytes) -> None:
        """Take in a message of another edge; one that is not as it has to be is refused whole."""
        now = self._clock()
        try:
            head, octets = split(payload)
            if subject_heard != subject(self._settings.name, "observations", head.edge):
                raise RefusedError(f"edge {head.edge} has another subject")
            if head.edge == self.edge:
                return  # an earlier or later process of this host
            changes = self.edges.hear(head, octets, now)
        except RefusedError as refused:
            self._refuse(subject_heard, str(refused), now)
            return
        edge = self.edges.known.get(head.edge)
        if edge is None:
            return  # it told what changed before all of it was heard, which follows
        self.heard += 1
        self._meet(now)
        counts = [change for change in changes if self._concerns(change)]
        hinted = [c.target for c in counts if self._take(c, edge, now)]
        self._monitor.probe_soon(hinted)
        if any(_says(c.before) != _says(c.after) for c in counts):
            self._changed()

    def votes(self, target: str, live: Mapping[str, Edge]) -> dict[str, bool]:
        """What each live edge that has asked the same says: whether the target serves."""
        digest, found = self._digests.get(target), {}
        for name, edge in live.items():
            observed = edge.observed(target)
            if observed is not None and observed.of == digest and observed.vote is not None:
                found[name] = observed.vote
        return found

    def differs(self, target: str, serves: bool, live: Mapping[str, Edge]) -> bool:
        """Whether some live edge answers otherwise than by this."""
        digest = self._digests.get(target)
        said = [seen for e in live.values() if (seen := e.observed(target)) is not None]
        return any(seen.serves is (not serves) for seen in said if seen.of == digest)

    def live(self) -> dict[str, Edge]:
        """The other edges that are live now."""
        return self.edges.live(self._clock())

    def policy(self, target: str) -> VerdictPolicy:
        """Whose verdicts count for a target."""
        return self._policies.get(target) or parse_verdicts(self._config.fleet.verdicts)

    def over(
        self, own: Mapping[str, Verdict], out: Collection[str], now: float
    ) -> dict[str, Verdict]:
        """See `OtherEdges`."""
        verdicts, changed = dict(own), self.disagreements.changed
        found = self._agreements(own, out, now)
        for target in found.keys() | (changed.keys() & own.keys()):
            agreed = found.get(target, Agreement(Standing.ALONE, 0, 0))
            verdicts[target] = with_others(own[target], agreed, now, changed.get(target))
        return verdicts

    def record(self, own: Mapping[str, Verdict], out: Collection[str], now: float) -> None:
        """See `OtherEdges`."""
        found, live = self._agreements(own, out, now), self.edges.live(now)
        differ = {target for target in found if self.differs(target, own[target].serves, live)}
        for turned in self.disagreements.record(found, differ, now):
            self._say(turned, own)
        self._monitor.probe_soon(t for t, a in found.items() if a.standing is Standing.DOUBTED)

    def _agreements(
        self, own: Mapping[str, Verdict], out: Collection[str], now: float
    ) -> dict[str, Agreement]:
        """How it stands with each target that this edge, or a live one, says is down."""
        live = self.edges.live(now)
        if not live:
            return {}
        asked = {t for t, names in self._troubled.items() if not names.isdisjoint(live)}
        asked.update(t for t, verdict in own.items() if not verdict.serves and not verdict.unknown)
        found = {
            target: self._agreement(target, own[target], live) for target in asked & own.keys()
        }
        told = [target for target, a in found.items() if a.standing is Standing.TOLD]
        for target in (
            spared(told, own, self._config, self._targets, self._fences, out) if told else ()
        ):
            found[target] = found[target]._replace(standing=Standing.DOUBTED)
        return found

    def _agreement(self, target: str, verdict: Verdict, live: Mapping[str, Edge]) -> Agreement:
        policy = self.policy(target)
        own = None if verdict.unknown or verdict.state is State.RECOVERING else verdict.serves
        km: dict[str, float] = {}
        if policy.kind == "nearest":
            places = {name: edge.head.place for name, edge in live.items()}
            km = self._distances(target, {**places, self.edge: self._place})
        return agreement(policy, own, self.votes(target, live), edge=self.edge, km=km)

    def _distances(self, target: str, places: Mapping[str, Coordinates]) -> dict[str, float]:
        """Kilometres from a target's region."""
        probed = self._targets.by_id.get(target)
        if probed is None:
            return {}
        region = self._config.region[probed.region].coordinates
        for place in places.values():
            if (probed.region, place) not in self._km:
                if len(self._km) > 100_000:  # edges that move about
                    self._km.clear()
                self._km[(probed.region, place)] = great_circle_km(region, place)
        return {name: self._km[(probed.region, place)] for name, place in places.items()}

    def _concerns(self, change: Change) -> bool:
        said = change.after or change.before
        return said is not None and said.of == self._digests.get(change.target)

    def _take(self, change: Change, edge: Edge, now: float) -> bool:
        """Note what one edge says anew of a target; whether it is a hint to probe it now."""
        target, name, after = change.target, edge.head.edge, change.after
        if after is not None and after.serves is False:
            self._troubled.setdefault(target, set()).add(name)
        elif target in self._troubled:
            self._troubled[target].discard(name)
        if after is None:
            return False
        turn = self.turns.known().get(target)
        if turn is not None and after.asked not in (None, change.before and change.before.asked):
            turn.heard(name, edge.moment(after.asked or 0.0))
        begins = _troubled(after) and not _troubled(change.before)
        if begins and turn is not None:
            turn.doubt(now)
        return (begins or (after.late and not (change.before and change.before.late))) and (
            self._may_hint(target, now)
        )

    def _may_hint(self, target: str, now: float) -> bool:
        """No more often than its own probes: a liar makes twice as many of them at most."""
        interval = self._targets.by_id[target].settings.interval
        if now - self._hinted.get(target, -math.inf) < interval:
            return False
        self._hinted[target] = now
        return True

    def _meet(self, now: float) -> None:
        """Note which edges are live; targets that rested on one that is gone are probed now."""
        live = tuple(sorted(self.edges.live(now)))
        if live == self._live:
            return
        for name in set(live) - set(self._live):
            self._log.info("fleet.edge_live", edge=name)
        for name in set(self._live) - set(live):
            self._log.warning("fleet.edge_silent", edge=name, seconds=self._silent(name, now))
        self._live = live
        self._monitor.probe_soon(self.turns.meet(live))
        self._changed()

    def _silent(self, name: str, now: float) -> float | None:
        edge = self.edges.known.get(name)
        return None if edge is None else round(now - edge.heard_at, 1)

    async def _keep(self) -> None:
        """Tell all each second, and what changes at once; look whose turn it is, who is silent."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next()):
                    await self._news.wait()
                    await asyncio.sleep(GATHER)
            now = self._clock()
            if now - self._told_at >= EVERY:
                self._told_at = now
                self._tell(self._own.whole(now), now, whole=True)
                if self.disagreements.pending:
                    self._changed()
            elif self._news.is_set() or self.turns.answered:
                self._tell(self._own.changed(now), now, whole=False)
            self._news.clear()
            self.turns.answered = False
            self._meet(now)
            self._monitor.probe_soon(self.turns.due(now))

    def _until_next(self) -> float:
        now = self._clock()
        next_ = min(self._told_at + EVERY, self.edges.next_expiry(now) + 0.001)
        return max(0.001, min(next_ - now, _LOOK if self.turns.known() else EVERY))

    def _tell(self, targets: bytes | None, now: float, *, whole: bool) -> None:
        if targets is None:
            return
        valid, wall = self.edges.valid, self._wall()
        head = Head(self.edge, self._run, self._place, wall, now, valid, whole)
        message = write_message(head, targets)
        self._wire.publish(subject(self._settings.name, "observations", self.edge), message)
        self.sent += 1

    def _refuse(self, subject_heard: str, reason: str, now: float) -> None:
        self.refused += 1
        if now - self._said_at.get(subject_heard, -math.inf) >= _EVENT_INTERVAL:
            if len(self._said_at) > 1000:  # names that somebody makes up
                self._said_at.clear()
            self._said_at[subject_heard] = now
            self._log.warning("fleet.message_refused", subject=subject_heard, reason=reason)

    def _say(self, turned: Turned, own: Mapping[str, Verdict]) -> None:
        """One event for what began or ended."""
        target = self._targets.by_id.get(turned.target)
        if target is None:
            return
        found, verdict = turned.now, own.get(turned.target)
        _, probe = endpoint_and_probe(turned.target)
        fields = {
            "region": target.region,
            "endpoint": target.name,
            "probe": probe,
            "down_count": found.down,
            "edge_count": found.of,
            "reason": verdict.reason if verdict else "",
        }
        match found.standing:
            case Standing.PATH:
                self._log.warning("fleet.path_fault", **fields)
            case Standing.DOUBTED:
                self._log.warning("fleet.doubted", **fields)
            case Standing.TOLD:
                self._log.warning("fleet.told", **fields)
            case _ if turned.before in (Standing.PATH, Standing.DOUBTED, Standing.TOLD):
                self._log.info("fleet.agreed", **fields, before=turned.before.value)


def _says(observed: Observed | None) -> tuple[bool | None, bool | None]:
    return (None, None) if observed is None else (observed.serves, observed.vote)


def _troubled(observed: Observed | None) -> bool:
    """Whether an edge has seen a failure of it."""
    return observed is not None and observed.state not in (State.UP, State.UNKNOWN)
